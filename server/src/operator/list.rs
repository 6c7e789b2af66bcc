use api::Page;
use api::operator::{ListOperators, OperatorView};
use domain::HolderKind;

use crate::app::{App, Caller};
use crate::failure::Failure;

/// Operators by id.
pub async fn list(app: &App, _: &Caller, op: ListOperators) -> Result<Page<OperatorView>, Failure> {
    let limit = op.page.limit();
    let mut read = app.store.read().await?;
    let rows = read.operators(op.page.after.as_deref().unwrap_or_default(), limit).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(row.view(&read.certificates_of(HolderKind::Operator, &row.id).await?)?);
    }
    let next = crate::page::next(&items, limit, |view| view.operator.to_string());
    Ok(Page { items, next })
}
