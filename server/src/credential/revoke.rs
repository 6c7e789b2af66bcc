use api::credential::{CredentialRevocation, RevokeCredential};
use domain::{RevocationReason, Timestamp};
use pki::PublicKey;
use serde_json::json;

use super::issued::revoke_certificate_of;
use super::view::{public_key, usable, view};
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
    if after != row {
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
    let mut blocked = Vec::new();
    if op.reason == RevocationReason::KeyCompromise {
        for key in gone.clone() {
            let Some(public) = public_key(&key)? else { continue };
            block(&mut tx, &public, "revoked", None, now).await?;
            blocked.push(public.thumbprint().map_err(anyhow::Error::from)?);
            // Another certificate over the same key is as good as this one to whoever has the key.
            for other in shares(&mut tx, &key).await? {
                tx.put_credential(&other.with(other.life()?.leak(now))).await?;
                gone.push(other);
            }
        }
    }
    for row in &gone {
        revoke_certificate_of(&mut tx, row, op.reason, now).await?;
    }
    let left = usable(&tx.party_credentials(&row.relying_party).await?, now)?;
    let with_it = gone.iter().skip(1).map(CredentialRow::id).collect::<Result<Vec<_>, _>>()?;
    let facts = json!({
        "rp": row.relying_party, "kind": row.kind, "thumbprint": row.thumbprint, "was": was, "reason": op.reason,
        "with_it": with_it, "blocked": blocked, "left": left,
    });
    let reply = CredentialRevocation { credential: view(&mut tx, &after, now).await?, with_it, blocked, left };
    let reply = tx.commit(caller.record(&op).facts(facts), reply).await?;
    app.wake.revocations.notify_one();
    Ok(reply)
}

/// Keys that an address brought and that are not revoked yet.
pub(super) async fn under(tx: &mut Write, address: &CredentialRow) -> Result<Vec<CredentialRow>, Failure> {
    let rows = tx.party_credentials(&address.relying_party).await?;
    Ok(rows.into_iter().filter(|row| row.address == Some(address.id) && row.state != "revoked").collect())
}

/// Other credentials over the same key that are not revoked yet.
async fn shares(tx: &mut Write, of: &CredentialRow) -> Result<Vec<CredentialRow>, Failure> {
    let Some(thumbprint) = of.thumbprint.as_deref() else { return Ok(Vec::new()) };
    let rows = tx.credentials_of_key(thumbprint).await?;
    Ok(rows.into_iter().filter(|row| row.id != of.id && row.state != "revoked").collect())
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
    let row = BlockedKeyRow {
        spki_digest: key.spki_digest().to_vec(),
        thumbprint: key.thumbprint().map_err(anyhow::Error::from)?,
        at: now.micros(),
        reason: RevocationReason::KeyCompromise.to_string(),
        source: source.to_owned(),
        note: note.map(str::to_owned),
    };
    Ok(tx.block_key(&row).await?)
}
