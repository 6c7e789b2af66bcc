use api::Page;
use api::service::{ListServices, ServiceView};
use domain::ClientId;

use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Services by party and id.
pub async fn list(app: &App, _: &Caller, op: ListServices) -> Result<Page<ServiceView>, Failure> {
    let limit = op.page.limit();
    let after: Option<ClientId> = op.page.after.as_deref().map(str::parse).transpose().map_err(|error| {
        Failure::invalid_field("page.after", "after", format!("the list cannot go on after that row: {error}"))
    })?;
    let mut read = app.store.read().await?;
    let rows = read.services(&op, after.as_ref(), limit).await?;
    let items = rows.iter().map(view).collect::<Result<Vec<_>, _>>()?;
    let next = crate::page::next(&items, limit, |service| service.service.to_string());
    Ok(Page { items, next })
}
