use api::certificate::{CertificateView, RevokeCertificate};
use domain::{Holder, KeyPurpose, KeyState, Refusal, RevocationReason};
use pki::Certificate;
use serde_json::json;

use super::view::view;
use crate::app::{App, Caller};
use crate::credential::issued::revoke_with_certificate;
use crate::credential::revoke::block;
use crate::failure::Failure;

/// Revokes a certificate, from this moment and for good. Whoever is let in by it is refused at the next request; others learn it
/// from the next revocation list and from OCSP.
pub async fn revoke(app: &App, caller: &Caller, op: RevokeCertificate) -> Result<CertificateView, Failure> {
    let mut tx = app.store.write().await?;
    let row = tx.certificate_locked(&op.serial).await?.ok_or_else(|| Failure::not_found("certificate", &op.serial))?;
    match row.holder()? {
        Holder::Operator(operator) if operator == caller.operator => {
            let refusal = Refusal::new("cert.own", "nobody shuts themselves out");
            return Err(refusal.hint("ask another key officer, or enrol again: the certificate before is then revoked").into());
        }
        Holder::Key(kid) => {
            let key = tx.key(&kid).await?.ok_or_else(|| anyhow::anyhow!("certificate {} has no key", row.serial))?;
            if key.purpose == KeyPurpose::RootCa.to_string() || key.purpose == KeyPurpose::IssuingCa.to_string() {
                let refusal = Refusal::new("cert.authority", format!("{kid} is an authority: only the root revokes it"));
                return Err(refusal.hint("where the root's key is at hand: 'iamd ca revoke'").into());
            }
            if key.state == KeyState::Active.to_string() && key.certificate.as_deref() == row.der.as_deref() {
                let refusal = Refusal::new("cert.in-use", format!("{kid} is in use with this certificate"));
                return Err(refusal.hint(format!("rotate it first: 'iamctl key rotate --purpose {}'", key.purpose)).into());
            }
        }
        _ => {}
    }
    let now = app.clock.now();
    let was = row.standing()?;
    let standing = was.revoke(op.reason, row.not_after(), now)?;
    tx.put_standing(&row, standing).await?;
    revoke_with_certificate(&mut tx, &op.serial, op.reason, now).await?;
    if op.reason == RevocationReason::KeyCompromise
        && let Some(der) = &row.der
    {
        let key = Certificate::from_der(der).and_then(|certificate| certificate.public_key()).map_err(anyhow::Error::from)?;
        block(&mut tx, &key, "revoked", None, now).await?;
    }
    let revoked = tx.certificate(&op.serial).await?.ok_or_else(|| anyhow::anyhow!("certificate {} is gone", row.serial))?;
    let reply = view(&revoked, now)?;
    let facts = json!({
        "was": was.state(row.not_after(), now), "reason": op.reason, "holder": row.holder, "issuer": row.issuer,
        "key_known_to_others": op.reason == RevocationReason::KeyCompromise,
    });
    let reply = tx.commit(caller.record(&op).facts(facts), reply).await?;
    app.wake.revocations.notify_one();
    Ok(reply)
}
