use api::relying_party::{PartyView, SuspendParty};
use serde_json::json;

use super::record::change_state;
use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Stops a party: from this moment none of its services is accessible.
pub async fn suspend(app: &App, caller: &Caller, op: SuspendParty) -> Result<PartyView, Failure> {
    check_reason(&op.reason)?;
    let mut tx = app.store.write().await?;
    tx.hold_relying_parties().await?;
    let before = tx.party(&op.rp).await?.ok_or_else(|| Failure::not_found("relying party", &op.rp))?;
    let (was, state) = (before.state()?, before.state()?.suspend(&op.rp)?);
    let now = tx.recording_time().await?;
    let row = change_state(&mut tx, before, state, &op.reason, &caller.operator, now).await?;
    let view = view(&mut tx, &row, now).await?;
    let facts = json!({ "was": was, "state": state, "reason": op.reason, "version": row.version });
    tx.commit(caller.record(&op).facts(facts), view).await
}

/// The reason is read on the same screens as names are.
pub(super) fn check_reason(reason: &str) -> Result<(), Failure> {
    domain::check_reason(reason).map_err(|fault| Failure::invalid_field("rp.reason", "reason", format!("the reason {fault}")))
}
