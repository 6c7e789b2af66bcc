use api::relying_party::{PartyView, ShowParty};

use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// One party with its services and credentials.
pub async fn show(app: &App, _: &Caller, op: ShowParty) -> Result<PartyView, Failure> {
    let mut read = app.store.read().await?;
    let row = read.party(&op.rp).await?.ok_or_else(|| Failure::not_found("relying party", &op.rp))?;
    view(&mut read, &row, app.clock.now()).await
}
