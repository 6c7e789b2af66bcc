use api::certificate::CertificateView;
use domain::{KeyPurpose, Timestamp, days_left};
use pki::Certificate;

use crate::failure::Failure;
use crate::store::{CertificateRow, Read, StoreError};

/// What the office sees of a certificate.
pub fn view(row: &CertificateRow, now: Timestamp) -> Result<CertificateView, StoreError> {
    let (standing, not_after) = (row.standing()?, row.not_after());
    let revocation = standing.revocation();
    Ok(CertificateView {
        serial: row.serial()?,
        profile: row.profile.clone(),
        subject: row.subject.clone(),
        issuer: row.issuer.clone(),
        holder_kind: row.holder()?.kind(),
        holder: row.holder.clone(),
        state: standing.state(not_after, now),
        not_before: Timestamp::from_micros(row.not_before),
        not_after,
        days_left: days_left(not_after, now),
        revoked_at: revocation.map(|revocation| revocation.at),
        revoked_reason: revocation.map(|revocation| revocation.reason),
    })
}

/// The certificates above one, up to the root, PEM.
pub async fn chain_above(read: &mut Read, issuer: &str) -> Result<Vec<String>, Failure> {
    Ok(authorities_above(read, issuer)
        .await?
        .iter()
        .map(Certificate::pem)
        .collect::<Result<_, _>>()
        .map_err(anyhow::Error::from)?)
}

/// The same, read. NAMEs of authorities are the ids of their keys.
pub async fn authorities_above(read: &mut Read, issuer: &str) -> Result<Vec<Certificate>, Failure> {
    let mut rows = read.keys(Some(KeyPurpose::IssuingCa), None).await?;
    rows.extend(read.keys(Some(KeyPurpose::RootCa), None).await?);
    let mut above = Vec::new();
    let mut name = issuer.to_owned();
    while let Some(der) = rows.iter().find(|row| row.kid == name).and_then(|row| row.certificate.as_deref()) {
        let certificate = Certificate::from_der(der).map_err(anyhow::Error::from)?;
        let next = certificate.view().issuer.clone();
        above.push(certificate);
        // A root is its own issuer.
        if next == name {
            break;
        }
        name = next;
    }
    Ok(above)
}
