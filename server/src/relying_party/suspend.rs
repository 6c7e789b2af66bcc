use api::account::Ended;
use api::relying_party::{PartyView, SuspendParty};
use domain::{Outcome, RelyingPartyId, Timestamp};
use serde_json::json;

use super::record::change_state;
use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::request::record_ended;
use crate::store::Write;

/// Stops a party: from this moment none of its services is accessible.
pub async fn suspend(app: &App, caller: &Caller, op: SuspendParty) -> Result<PartyView, Failure> {
    check_reason(&op.reason)?;
    let mut tx = app.store.write().await?;
    tx.hold_relying_parties().await?;
    tx.hold_party(&op.rp).await?;
    let before = tx.party(&op.rp).await?.ok_or_else(|| Failure::not_found("relying party", &op.rp))?;
    let (was, state) = (before.state()?, before.state()?.suspend(&op.rp)?);
    let now = tx.recording_time().await?;
    let row = change_state(&mut tx, before, state, &op.reason, &caller.operator, now).await?;
    let ended = end_everything(app, &mut tx, &op.rp, now).await?;
    let view = PartyView { ended: Some(ended), ..view(&mut tx, &row, now).await? };
    let facts = json!({ "was": was, "state": state, "reason": op.reason, "version": row.version, "ended": ended });
    tx.commit(caller.record(&op).facts(facts), view).await
}

/// Ends every login, token and open request of the party: the one place where they do, as `end_everything` is of an account's.
async fn end_everything(app: &App, tx: &mut Write, rp: &RelyingPartyId, now: Timestamp) -> Result<Ended, Failure> {
    let requests = tx.end_requests_by(rp.as_str(), now).await?;
    tx.end_pushed_requests_by(rp.as_str(), now).await?;
    let logins = tx.end_logins_by(rp.as_str(), "party-suspended", now).await?;
    record_ended(app, tx, &requests, |_| Outcome::Failed).await?;
    let requests = u64::try_from(requests.len()).unwrap_or(u64::MAX);
    Ok(Ended { sessions: logins.logins, tokens: logins.tokens, requests, certificates: 0 })
}

/// The reason is read on the same screens as names are.
pub(super) fn check_reason(reason: &str) -> Result<(), Failure> {
    domain::check_reason(reason).map_err(|fault| Failure::invalid_field("rp.reason", "reason", format!("the reason {fault}")))
}
