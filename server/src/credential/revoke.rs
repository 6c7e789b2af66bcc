use api::credential::{CredentialRevocation, RevokeCredential};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{RevocationReason, Timestamp};
use pki::PublicKey;
use serde_json::json;

use super::issued::revoke_certificate_of;
use super::leaked::stop;
use super::view::{public_key, usable, view};
use super::whose::check_stoppable;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{BlockedKeyRow, CredentialRow, Write};

/// Withdraws a credential for good. The last one of a party, too: a key that must not be used is not kept for convenience.
pub async fn revoke(app: &App, caller: &Caller, op: RevokeCredential) -> Result<CredentialRevocation, Failure> {
    op.reason.check_for_key().map_err(|refusal| Failure::invalid_field(refusal.code, "reason", refusal.message))?;
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    tx.hold_relying_parties().await?;
    let row = tx.credential(op.credential).await?.ok_or_else(|| Failure::not_found("credential", op.credential))?;
    let was = row.state(now)?;
    let after = row.with(row.life()?.revoke(op.credential, op.reason, now)?);
    let already = after == row;
    if !already {
        tx.put_credential(&after).await?;
    }
    let mut gone = vec![row.clone()];
    for key in under(&mut tx, &row).await? {
        // One that was revoked before keeps its reason.
        if let Ok(life) = key.life()?.revoke(key.id()?, op.reason, now) {
            tx.put_credential(&key.with(life)).await?;
            gone.push(key);
        }
    }
    let (mut blocked, mut certificates) = (Vec::new(), Vec::new());
    if op.reason == RevocationReason::KeyCompromise {
        let keys = gone.iter().filter_map(|key| public_key(key).transpose()).collect::<Result<Vec<_>, _>>()?;
        check_stoppable(&mut tx, caller, &keys).await?;
        // Another certificate over the same key is as good as this one to whoever has the key.
        let stopped = stop(&mut tx, &keys, "revoked", None, now).await?;
        blocked.extend(stopped.keys.into_iter().map(|key| key.thumbprint));
        certificates.extend(stopped.certificates.into_iter().filter(|other| other.revoked).map(|other| other.serial));
        gone.extend(stopped.credentials.into_values().filter(|other| other.was != other.row.state).map(|other| other.row));
    }
    for row in &gone {
        revoke_certificate_of(&mut tx, row, op.reason, now).await?;
    }
    let left = usable(&tx.party_credentials(&row.relying_party).await?, now)?;
    let with_it = gone.iter().skip(1).map(CredentialRow::id).collect::<Result<Vec<_>, _>>()?;
    let facts = json!({
        "rp": row.relying_party, "kind": row.kind, "thumbprint": row.thumbprint, "was": was, "reason": op.reason, "already": already,
        "with_it": with_it, "blocked": blocked, "certificates": certificates, "left": left,
    });
    let reply = CredentialRevocation { credential: view(&mut tx, &after, now).await?, already, with_it, blocked, left };
    let reply = tx.commit(caller.record(&op).facts(facts), reply).await?;
    app.wake.revocations.notify_one();
    Ok(reply)
}

/// Keys that an address brought and that are not revoked yet.
pub(super) async fn under(tx: &mut Write, address: &CredentialRow) -> Result<Vec<CredentialRow>, Failure> {
    let rows = tx.party_credentials(&address.relying_party).await?;
    Ok(rows.into_iter().filter(|row| row.address == Some(address.id) && row.state != "revoked").collect())
}

/// Refuses a key everywhere from now on.
///
/// # Errors
/// When the key is of a type that is used nowhere here, or the database cannot be reached.
pub(crate) async fn block(
    tx: &mut Write,
    key: &PublicKey,
    source: &'static str,
    note: Option<&str>,
    now: Timestamp,
) -> Result<(), Failure> {
    let thumbprint = key.thumbprint().map_err(anyhow::Error::from)?;
    tx.hold_key(&thumbprint).await?;
    let row = BlockedKeyRow {
        spki_digest: key.spki_digest().to_vec(),
        thumbprint,
        at: now.micros(),
        reason: RevocationReason::KeyCompromise.to_string(),
        source: source.to_owned(),
        note: note.map(str::to_owned),
    };
    Ok(tx.block_key(&row).await?)
}

/// The same of a key that was never seen here, by the thumbprint under which it was put on record.
///
/// # Errors
/// As [`block`].
pub(crate) async fn block_thumbprint(
    tx: &mut Write,
    thumbprint: &str,
    source: &'static str,
    now: Timestamp,
) -> Result<(), Failure> {
    tx.hold_key(thumbprint).await?;
    let row = BlockedKeyRow {
        spki_digest: BASE64_URL_SAFE_NO_PAD.decode(thumbprint).map_err(anyhow::Error::from)?,
        thumbprint: thumbprint.to_owned(),
        at: now.micros(),
        reason: RevocationReason::KeyCompromise.to_string(),
        source: source.to_owned(),
        note: None,
    };
    Ok(tx.block_key(&row).await?)
}
