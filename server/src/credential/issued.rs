//! Certificates that this platform issues to a party are credentials of it, from the commit that makes them good to the one that
//! revokes them.

use domain::{CredentialId, CredentialSource, CredentialType, Refusal, RelyingPartyId, RevocationReason, Serial, Timestamp};

use super::add::check_room;
use super::barred::{A_KEY_OF_ITS_OWN, of_another_party};
use crate::failure::Failure;
use crate::store::{CertificateRow, CredentialRow, Read, Write};

/// Puts a party's new certificate on record as a credential of it.
///
/// # Errors
/// `credential.key-of-another-party`, or what the database says.
pub(crate) async fn name_issued(
    tx: &mut Write,
    party: &RelyingPartyId,
    certificate: &CertificateRow,
    pem: &str,
    now: Timestamp,
) -> Result<(), Failure> {
    tx.hold_relying_parties().await?;
    let thumbprint = certificate.key_id.clone().unwrap_or_default();
    check_key_is_theirs(tx, party, &thumbprint).await?;
    // Two at once: whoever comes second finds the first one's.
    check_room(&tx.party_credentials(party.as_str()).await?, now)?;
    let id = CredentialId::random(tx.entropy());
    let row = CredentialRow {
        thumbprint: Some(thumbprint),
        serial: Some(certificate.serial.clone()),
        not_before: Some(certificate.not_before),
        not_after: Some(certificate.not_after),
        ..CredentialRow::new(id, party.as_str(), CredentialType::Certificate, CredentialSource::Issued, pem.to_owned(), now)
    };
    Ok(tx.insert_credential(&row).await?)
}

/// Refuses a key that is, or ever was, another party's.
///
/// # Errors
/// `credential.key-of-another-party`, or what the database says.
pub(crate) async fn check_key_is_theirs(read: &mut Read, party: &RelyingPartyId, thumbprint: &str) -> Result<(), Failure> {
    match read.key_holder(thumbprint).await?.filter(|holder| holder != party.as_str()) {
        Some(holder) => {
            let refusal = Refusal::new("credential.key-of-another-party", of_another_party(&holder));
            Err(refusal.hint(A_KEY_OF_ITS_OWN).into())
        }
        None => Ok(()),
    }
}

/// Revokes the credential that a certificate is, when the certificate was; one that was revoked before keeps its reason.
///
/// # Errors
/// When the database cannot be reached or a row is damaged.
pub(crate) async fn revoke_with_certificate(
    tx: &mut Write,
    serial: &Serial,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(row) = tx.credential_of_serial(serial.as_str()).await? else { return Ok(()) };
    if let Ok(life) = row.life()?.revoke(row.id()?, reason, now) {
        tx.put_credential(&row.with(life)).await?;
    }
    Ok(())
}

/// Revokes the certificate that a credential is, when the credential was; one that is over, or revoked, is left as it is.
///
/// # Errors
/// When the database cannot be reached or a row is damaged.
pub(crate) async fn revoke_certificate_of(
    tx: &mut Write,
    credential: &CredentialRow,
    reason: RevocationReason,
    now: Timestamp,
) -> Result<(), Failure> {
    let Some(serial) = &credential.serial else { return Ok(()) };
    let serial: Serial = serial.parse().map_err(|_| anyhow::anyhow!("credential {} has a bad serial", credential.id))?;
    let Some(row) = tx.certificate_locked(&serial).await? else { return Ok(()) };
    if let Ok(standing) = row.standing()?.revoke(reason, row.not_after(), now) {
        tx.put_standing(&row, standing).await?;
    }
    Ok(())
}
