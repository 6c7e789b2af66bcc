use api::Page;
use api::credential::{CredentialView, ListCredentials};
use domain::CredentialId;

use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Credentials by party and age.
pub async fn list(app: &App, _: &Caller, op: ListCredentials) -> Result<Page<CredentialView>, Failure> {
    let limit = op.page.limit();
    let after = op.page.after.as_deref().map(str::parse::<CredentialId>).transpose();
    let after = after.map_err(|error| Failure::invalid_field("page.after", "after", error.to_string()))?;
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    if let Some(rp) = &op.rp
        && read.party(rp).await?.is_none()
    {
        return Err(Failure::not_found("relying party", rp));
    }
    let rows = read.credentials(op.rp.as_ref(), op.state, now, after, limit).await?;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        items.push(view(&mut read, row, now).await?);
    }
    let next = crate::page::next(&items, limit, |credential| credential.id.to_string());
    Ok(Page { items, next })
}
