use api::Page;
use api::key::{KeyView, ListKeys};

use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Every generation, grouped by purpose, line and algorithm, oldest first. A few dozen rows: one page holds them.
pub async fn list(app: &App, _: &Caller, op: ListKeys) -> Result<Page<KeyView>, Failure> {
    let rows = app.store.read().await?.keys(op.purpose, op.state).await?;
    let after = op.page.after.as_deref();
    let rest = rows.iter().skip(after.map_or(0, |after| rows.iter().position(|row| row.kid == after).map_or(0, |at| at + 1)));
    let limit = usize::try_from(op.page.limit()).unwrap_or(usize::MAX);
    let items = rest.take(limit).map(view).collect::<Result<Vec<_>, _>>()?;
    let next = crate::page::next(&items, op.page.limit(), |view| view.kid.to_string());
    Ok(Page { items, next })
}
