//! Keys with a certificate of one of our authorities: OCSP responders, each of the authority that it answers for, the
//! time-stamping service, and the TLS listeners. A generation comes with its certificate; what the old one signed is judged by
//! its own.

use domain::{Holder, KeyPurpose, KeyState, RevocationReason, Timestamp};
use pki::{AuthorityName, AuthorityPurpose, Certificate, PublicKey};

use super::next_kid;
use crate::app::{App, Keep};
use crate::certificate::issue::active_authority;
use crate::certificate::presign::record;
use crate::failure::Failure;
use crate::http::listeners;
use crate::key::work::Line;
use crate::keys::{FreshKeys, Kid, Slot};
use crate::store::{KeyRow, StoreError, Write};

/// The line of an authority's responders, which is called as the authority is.
///
/// # Errors
/// `key.line`, for a name that no authority can have, and where none is given.
pub(in crate::key) fn responders_of(name: Option<&str>) -> Result<String, Failure> {
    let Some(name) = name else {
        let message = "each authority has OCSP responders of its own: give its NAME, such as operators-1";
        return Err(Failure::invalid_field("key.line", "name", message));
    };
    match name.parse::<AuthorityName>() {
        Ok(authority) if authority.purpose != AuthorityPurpose::Root => Ok(authority.to_string()),
        _ => Err(no_authority(name)),
    }
}

fn no_authority(name: &str) -> Failure {
    let message = format!("there is no authority '{}' with OCSP responders", domain::visible(name));
    Failure::invalid_field("key.line", "name", message)
}

/// The next generation of a line with its certificate, which is on record and not yet confirmed.
pub(in crate::key) async fn make(app: &App, line: &Line, keep: Keep, now: Timestamp) -> Result<FreshKeys, Failure> {
    let mut read = app.store.read().await?;
    let authority = match line.purpose {
        KeyPurpose::TimeStamping => active_authority(app, &mut read, AuthorityPurpose::TimeStamping).await?,
        KeyPurpose::ServerTls => active_authority(app, &mut read, AuthorityPurpose::Servers).await?,
        _ => {
            let row = read.key(&kid_of(&line.name)?).await?;
            app.keys.authority(&row.ok_or_else(|| no_authority(&line.name))?)?
        }
    };
    let reached = match line.purpose {
        KeyPurpose::ServerTls => Some(listeners::reached(app, &mut read).await?),
        _ => None,
    };
    drop(read);
    let kid = next_kid(app, line).await?;
    let mut rows = Vec::with_capacity(line.algorithms.len());
    // Until they have their certificates.
    let mut bare = FreshKeys::new(Vec::new(), app.keys.hsm().cloned());
    for algorithm in line.algorithms.iter().copied() {
        let slot = Slot { purpose: line.purpose, name: &line.name, algorithm };
        let row = app.keys.new_signing_key(slot, Kid::Named(&kid), now)?;
        bare.push(&row);
        if keep == Keep::Nothing {
            rows.push(row);
            continue;
        }
        let spki = row.public_key.as_deref().unwrap_or_default();
        let public = PublicKey::from_spki_der(spki).map_err(anyhow::Error::from)?;
        let planned = match (line.purpose, &reached) {
            (_, Some(reached)) => authority.plan_server(&reached.hosts(), &reached.addresses(), &public, None, now),
            (KeyPurpose::TimeStamping, None) => authority.plan_time_stamping(&public, now),
            (_, None) => authority.plan_responder(&public, now),
        };
        let recorded = record(app, planned.map_err(anyhow::Error::from)?, &Holder::Key(kid_of(&kid)?)).await?;
        let (certificate, _) = recorded.sign(&authority)?;
        rows.push(KeyRow { certificate: Some(certificate.der().to_vec()), ..row });
    }
    bare.kept();
    Ok(FreshKeys::new(rows, app.keys.hsm().cloned()))
}

fn kid_of(name: &str) -> Result<domain::Kid, Failure> {
    Ok(name.parse().map_err(anyhow::Error::from)?)
}

/// Confirms the certificates that came with the keys.
pub(in crate::key) async fn published(tx: &mut Write, new: &[KeyRow]) -> Result<(), Failure> {
    for der in new.iter().filter_map(|row| row.certificate.as_deref()) {
        let certificate = Certificate::from_der(der).map_err(anyhow::Error::from)?;
        let serial = certificate.view().serial.parse().map_err(anyhow::Error::from)?;
        let row = tx.certificate_locked(&serial).await?.ok_or(StoreError::Contended)?;
        tx.confirm_certificate(&row.signed(&certificate)).await?;
    }
    Ok(())
}

/// Revokes the certificates of keys that were withdrawn. Those of keys that drain stay good: what they signed is good as long.
pub(in crate::key) async fn taken_over(app: &App, tx: &mut Write, old: &[KeyRow], now: Timestamp) -> Result<(), Failure> {
    for row in old.iter().filter(|row| row.state == KeyState::Revoked.as_str()) {
        let reason = row.generation()?.revocation.map_or(RevocationReason::Unspecified, |revocation| revocation.reason);
        revoke_certificates(app, tx, row, reason, now).await?;
        tx.forget_private_part(&row.kid).await?;
    }
    Ok(())
}

/// Revokes the certificates of keys that never signed.
pub(in crate::key) async fn called_off(app: &App, tx: &mut Write, unsigned: &[KeyRow], now: Timestamp) -> Result<(), Failure> {
    for row in unsigned {
        revoke_certificates(app, tx, row, RevocationReason::CessationOfOperation, now).await?;
    }
    Ok(())
}

async fn revoke_certificates(
    app: &App,
    tx: &mut Write,
    row: &KeyRow,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<(), Failure> {
    let spki = row.public_key.as_deref().unwrap_or_default();
    let key_id = PublicKey::from_spki_der(spki).and_then(|key| key.thumbprint()).map_err(anyhow::Error::from)?;
    for certificate in tx.certificates_over(&key_id).await? {
        // One that is revoked, or over, is left as it is.
        if let Ok(revoked) = certificate.standing()?.revoke(reason, certificate.not_after(), now) {
            tx.put_standing(&certificate, revoked).await?;
        }
    }
    app.wake.revocations.notify_one();
    Ok(())
}
