use api::Page;
use api::key::{KeyView, ListKeys};

use super::plan_view::progress;
use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Every generation, grouped by purpose, line and algorithm, oldest first. A few dozen rows: one page holds them.
pub async fn list(app: &App, _: &Caller, op: ListKeys) -> Result<Page<KeyView>, Failure> {
    let mut read = app.store.read().await?;
    let rows = read.keys(op.purpose, op.state).await?;
    let plans = read.open_plans().await?;
    let after = op.page.after.as_deref();
    let rest = rows.iter().skip(after.map_or(0, |after| rows.iter().position(|row| row.kid == after).map_or(0, |at| at + 1)));
    let limit = usize::try_from(op.page.limit()).unwrap_or(usize::MAX);
    let mut items = rest.take(limit).map(view).collect::<Result<Vec<_>, _>>()?;
    for item in &mut items {
        let plan = item.plan.and_then(|id| plans.iter().find(|plan| plan.id == id.to_string()));
        item.work = plan.and_then(|plan| progress(&plan.work));
    }
    let next = crate::page::next(&items, op.page.limit(), |view| view.kid.to_string());
    Ok(Page { items, next })
}
