use api::relying_party::{PartyView, ResumeParty};
use serde_json::json;

use super::record::change_state;
use super::suspend::check_reason;
use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Lets a suspended party go on.
pub async fn resume(app: &App, caller: &Caller, op: ResumeParty) -> Result<PartyView, Failure> {
    check_reason(&op.reason)?;
    let mut tx = app.store.write().await?;
    tx.hold_relying_parties().await?;
    let before = tx.party(&op.rp).await?.ok_or_else(|| Failure::not_found("relying party", &op.rp))?;
    let (was, state) = (before.state()?, before.state()?.resume(&op.rp)?);
    let now = tx.recording_time().await?;
    let row = change_state(&mut tx, before, state, &op.reason, &caller.operator, now).await?;
    let view = view(&mut tx, &row, now).await?;
    let facts = json!({ "was": was, "state": state, "reason": op.reason, "version": row.version });
    tx.commit(caller.record(&op).facts(facts), view).await
}
