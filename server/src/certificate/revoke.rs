use api::certificate::{CertificateRevocation, RevokeCertificate};
use api::credential::LeakedCertificate;
use domain::{CertificateState, Holder, KeyPurpose, KeyState, Refusal, RevocationReason, Timestamp};
use pki::{Certificate, PublicKey};
use serde_json::json;

use super::view::view;
use crate::app::{App, Caller};
use crate::credential::issued::revoke_with_certificate;
use crate::credential::leaked::{Stopped, stop};
use crate::credential::revoke::block_thumbprint;
use crate::credential::view::public_key;
use crate::failure::Failure;
use crate::operator::last::{is_last, last_administrators};
use crate::store::{CertificateRow, Write};

/// Revokes a certificate, from this moment and for good. Whoever is let in by it is refused at the next request; others learn it
/// from the next revocation list and from OCSP. A key that is compromised takes everything with it that rests on it. Asked
/// again for the same reason, it answers with the revocation in force.
pub async fn revoke(app: &App, caller: &Caller, op: RevokeCertificate) -> Result<CertificateRevocation, Failure> {
    let now = app.clock.now();
    let compromised = op.reason == RevocationReason::KeyCompromise;
    let mut tx = app.store.write().await?;
    // The registers and the key before any row, as everywhere.
    tx.hold_relying_parties().await?;
    tx.hold_administrators().await?;
    let known = tx.certificate(&op.serial).await?.ok_or_else(|| Failure::not_found("certificate", &op.serial))?;
    if let Some(key) = known.key_id.as_deref().filter(|_| compromised) {
        tx.hold_key(key).await?;
    }
    let row = tx.certificate_locked(&op.serial).await?.ok_or_else(|| Failure::not_found("certificate", &op.serial))?;
    check_holder(&mut tx, caller, &row, compromised, now).await?;
    let was = row.standing()?;
    let already = was.is_revoked_for(op.reason);
    if !already {
        tx.put_standing(&row, was.revoke(op.reason, row.not_after(), now)?).await?;
    }
    revoke_with_certificate(&mut tx, &op.serial, op.reason, now).await?;
    let stopped = if compromised { everything_over(&mut tx, &row, now).await? } else { Stopped::default() };
    let revoked = tx.certificate(&op.serial).await?.ok_or_else(|| anyhow::anyhow!("certificate {} is gone", row.serial))?;
    let reply = CertificateRevocation { certificate: view(&revoked, now)?, already };
    let others = stopped.certificates.iter().filter(|other| other.revoked && other.serial != op.serial);
    let facts = json!({
        "was": was.state(row.not_after(), now), "reason": op.reason, "already": already, "holder": row.holder, "issuer": row.issuer,
        "key_known_to_others": compromised,
        "certificates": others.map(|other| &other.serial).collect::<Vec<_>>(),
        "credentials": stopped.ended()?,
    });
    let reply = tx.commit(caller.record(&op).facts(facts), reply).await?;
    app.wake.revocations.notify_one();
    Ok(reply)
}

/// Whether this certificate may be taken from its holder by this verb.
async fn check_holder(
    tx: &mut Write,
    caller: &Caller,
    row: &CertificateRow,
    compromised: bool,
    now: Timestamp,
) -> Result<(), Failure> {
    match row.holder()? {
        Holder::Operator(operator) if operator == caller.operator => {
            let refusal = Refusal::new("cert.own", "nobody shuts themselves out");
            Err(refusal.hint("ask another key officer, or enrol again: the certificate before is then revoked").into())
        }
        Holder::Operator(operator) => {
            let good = row.standing()?.state(row.not_after(), now) == CertificateState::Valid;
            let goes = |other: &CertificateRow| {
                other.serial == row.serial || compromised && row.key_id.is_some() && other.key_id == row.key_id
            };
            if good && last_administrators(tx, goes, now).await?.contains(&operator) {
                return Err(is_last(&operator).into());
            }
            Ok(())
        }
        Holder::Key(kid) => {
            let key = tx.key(&kid).await?.ok_or_else(|| anyhow::anyhow!("certificate {} has no key", row.serial))?;
            if key.purpose == KeyPurpose::RootCa.to_string() || key.purpose == KeyPurpose::IssuingCa.to_string() {
                let refusal = Refusal::new("cert.authority", format!("{kid} is an authority: only the root revokes it"));
                return Err(refusal.hint("where the root's key is at hand: 'iamd ca revoke'").into());
            }
            if key.state == KeyState::Active.to_string() && key.certificate.as_deref() == row.der.as_deref() {
                let refusal = Refusal::new("cert.in-use", format!("{kid} is in use with this certificate"));
                let (purpose, line) = (&key.purpose, &key.name);
                return Err(refusal
                    .hint(if compromised {
                        format!(
                            "'iamctl key rotate --emergency --purpose {purpose} --line {line} --reason key-compromise' revokes both and lets another key take over"
                        )
                    } else {
                        format!("rotate it first: 'iamctl key rotate --purpose {purpose} --line {line}'")
                    })
                    .into());
            }
            Ok(())
        }
        Holder::RelyingParty(_) | Holder::Account(_) | Holder::Station(_) => Ok(()),
    }
}

/// Stops what rests on the key of a certificate. Of one that was on record and never stored, the key itself may be known by another
/// certificate or credential over it; else by its thumbprint alone.
async fn everything_over(tx: &mut Write, row: &CertificateRow, now: Timestamp) -> Result<Stopped, Failure> {
    if let Some(key) = key_of(tx, row).await? {
        return stop(tx, &[key], "revoked", None, now).await;
    }
    let Some(thumbprint) = row.key_id.as_deref() else { return Ok(Stopped::default()) };
    block_thumbprint(tx, thumbprint, "revoked", now).await?;
    let mut stopped = Stopped::default();
    for other in tx.certificates_over(thumbprint).await? {
        if let Ok(after) = other.standing()?.revoke(RevocationReason::KeyCompromise, other.not_after(), now) {
            tx.put_standing(&other, after).await?;
            let (serial, holder) = (other.serial()?, other.holder()?);
            let (holder_kind, holder) = (holder.kind(), holder.to_string());
            stopped.certificates.push(LeakedCertificate { serial, holder_kind, holder, revoked: true });
        }
    }
    Ok(stopped)
}

async fn key_of(tx: &mut Write, row: &CertificateRow) -> Result<Option<PublicKey>, Failure> {
    let certified = |row: &CertificateRow| {
        let certificate = row.der.as_deref().map(Certificate::from_der).transpose();
        certificate.and_then(|certificate| certificate.map(|it| it.public_key()).transpose()).map_err(anyhow::Error::from)
    };
    if let Some(key) = certified(row)? {
        return Ok(Some(key));
    }
    let Some(thumbprint) = row.key_id.as_deref() else { return Ok(None) };
    for other in tx.certificates_over(thumbprint).await? {
        if let Some(key) = certified(&other)? {
            return Ok(Some(key));
        }
    }
    for credential in tx.credentials_of_key(thumbprint).await? {
        if let Some(key) = public_key(&credential)? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}
