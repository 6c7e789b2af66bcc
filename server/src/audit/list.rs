use api::Page;
use api::audit::{AuditView, ListAudit};
use domain::AuditId;

use crate::app::{App, Caller};
use crate::failure::Failure;

/// Entries, newest first.
pub async fn list(app: &App, _: &Caller, op: ListAudit) -> Result<Page<AuditView>, Failure> {
    let before = match &op.page.after {
        None => None,
        Some(after) => {
            Some(after.parse::<AuditId>().map_err(|error| Failure::invalid_field("page.after", "after", error.to_string()))?)
        }
    };
    let limit = op.page.limit();
    let items = app.store.read().await?.audit_list(&op, before, limit).await?;
    let next = crate::page::next(&items, limit, |view| view.id.to_string());
    Ok(Page { items, next })
}
