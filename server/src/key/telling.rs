//! Relying parties are told of a key that is trusted no more: they may have accepted what was never ours.

use api::key::Notices;
use domain::{KeyPurpose, RequestId, RevocationReason, Timestamp};
use serde_json::json;

use super::take_over::kids;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{KeyRow, StoreError, Write};

/// Kind of the messages.
pub(crate) const COMPROMISED: &str = "key.compromised";

/// Keys that were revoked.
pub(super) struct Withdrawn<'a> {
    /// What they were for.
    pub purpose: KeyPurpose,
    /// What the notices are about: the rotation, or the key.
    pub subject: String,
    /// They themselves.
    pub revoked: &'a [KeyRow],
    /// Those that sign in their place.
    pub active: &'a [KeyRow],
    /// Why.
    pub reason: RevocationReason,
}

/// Puts a notice into the outbox for every party that has a credential. Says which of them no notice can reach: they are told by
/// somebody, or not at all.
pub(super) async fn tell_parties(app: &App, tx: &mut Write, keys: Withdrawn<'_>, now: Timestamp) -> Result<Notices, Failure> {
    let payload = json!({ "purpose": keys.purpose, "revoked": kids(keys.revoked), "active": kids(keys.active),
        "reason": keys.reason, "at": now });
    let payload = payload.to_string();
    let mut notices = Notices { on_their_way: 0, without_a_way: Vec::new() };
    for party in tx.parties_with_credentials().await? {
        let id = RequestId::new(now, app.entropy.as_ref()).uuid();
        tx.enqueue(id, COMPROMISED, &party, &keys.subject, &payload, now).await?;
        if app.courier.has_way(COMPROMISED, &party) {
            notices.on_their_way += 1;
        } else {
            let broken = |_| StoreError::Broken(anyhow::anyhow!("relying party {party} is damaged"));
            notices.without_a_way.push(party.parse().map_err(broken)?);
        }
    }
    Ok(notices)
}
