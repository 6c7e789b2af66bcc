//! A certificate as it stands on record.

use domain::{CertificateStanding, CertificateState, Holder, HolderKind, Revocation, RevocationReason, Serial, Timestamp};
use pki::profile::Profile;
use pki::{Certificate, PlannedCertificate};

use crate::store::StoreError;

/// A certificate on record.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CertificateRow {
    /// Lower-case hex.
    pub serial: String,
    /// NAME of the authority.
    pub issuer: String,
    /// Name of the profile.
    pub profile: String,
    /// Distinguished name.
    pub subject: String,
    /// Kind of holder.
    pub holder_kind: String,
    /// The holder's id.
    pub holder: String,
    /// `planned`, `valid`, `on-hold` or `revoked`.
    pub state: String,
    /// Counts up with each change.
    pub version: i64,
    /// When the record was made.
    pub planned_at: i64,
    /// First moment.
    pub not_before: i64,
    /// Last moment.
    pub not_after: i64,
    /// SHA-256 over the bytes to be signed.
    pub signed_digest: Option<Vec<u8>>,
    /// RFC 7638 thumbprint of the certified key.
    pub key_id: Option<String>,
    /// SHA-256 over the DER.
    pub fingerprint: Option<Vec<u8>>,
    /// The certificate, once it is stored.
    pub der: Option<Vec<u8>>,
    /// Since when it is revoked or on hold.
    pub revoked_at: Option<i64>,
    /// Why.
    pub revoked_reason: Option<String>,
}

impl CertificateRow {
    /// The pre-sign record of a planned certificate.
    #[must_use]
    pub fn planned(planned: &PlannedCertificate, holder: &Holder, now: Timestamp) -> Self {
        let view = planned.view();
        Self {
            serial: view.serial.clone(),
            issuer: view.issuer.clone(),
            profile: planned.profile().name.to_owned(),
            subject: view.subject.clone(),
            holder_kind: holder.kind().to_string(),
            holder: holder.to_string(),
            state: CertificateState::Planned.to_string(),
            version: 1,
            planned_at: now.micros(),
            not_before: view.not_before.micros(),
            not_after: view.not_after.micros(),
            signed_digest: Some(planned.digest().to_vec()),
            key_id: Some(planned.key_id().to_owned()),
            fingerprint: None,
            der: None,
            revoked_at: None,
            revoked_reason: None,
        }
    }

    /// A certificate that was made in the transaction that records it: those that an instance begins with, which nobody has
    /// seen before the commit.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub fn made(certificate: &Certificate, profile: &Profile, holder: &Holder, now: Timestamp) -> anyhow::Result<Self> {
        let view = certificate.view();
        Ok(Self {
            serial: view.serial.clone(),
            issuer: view.issuer.clone(),
            profile: profile.name.to_owned(),
            subject: view.subject.clone(),
            holder_kind: holder.kind().to_string(),
            holder: holder.to_string(),
            state: CertificateState::Valid.to_string(),
            version: 1,
            planned_at: now.micros(),
            not_before: view.not_before.micros(),
            not_after: view.not_after.micros(),
            signed_digest: Some(certificate.signed_digest()?.to_vec()),
            key_id: Some(certificate.public_key()?.thumbprint()?),
            fingerprint: Some(certificate.fingerprint().to_vec()),
            der: Some(certificate.der().to_vec()),
            revoked_at: None,
            revoked_reason: None,
        })
    }

    /// The row once the certificate is there.
    #[must_use]
    pub fn signed(&self, certificate: &Certificate) -> Self {
        Self {
            state: CertificateState::Valid.to_string(),
            fingerprint: Some(certificate.fingerprint().to_vec()),
            der: Some(certificate.der().to_vec()),
            ..self.clone()
        }
    }

    /// Its serial number.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn serial(&self) -> Result<Serial, StoreError> {
        self.serial.parse().map_err(|_| self.broken("serial"))
    }

    /// How it stands.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn standing(&self) -> Result<CertificateStanding, StoreError> {
        let revocation = || -> Result<Revocation, StoreError> {
            let (Some(at), Some(reason)) = (self.revoked_at, &self.revoked_reason) else { return Err(self.broken("revocation")) };
            let reason: RevocationReason = reason.parse().map_err(|_| self.broken("revocation reason"))?;
            Ok(Revocation { at: Timestamp::from_micros(at), reason })
        };
        match self.state.parse().map_err(|_| self.broken("state"))? {
            CertificateState::Planned => Ok(CertificateStanding::Planned),
            CertificateState::Valid => Ok(CertificateStanding::Valid),
            CertificateState::OnHold => Ok(CertificateStanding::OnHold { since: revocation()?.at }),
            CertificateState::Revoked => Ok(CertificateStanding::Revoked(revocation()?)),
            // Read off the dates, never stored.
            CertificateState::Expired => Err(self.broken("state")),
        }
    }

    /// Whose it is.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn holder(&self) -> Result<Holder, StoreError> {
        let broken = || self.broken("holder");
        Ok(match self.holder_kind.parse().map_err(|_| broken())? {
            HolderKind::Key => Holder::Key(self.holder.parse().map_err(|_| broken())?),
            HolderKind::Operator => Holder::Operator(self.holder.parse().map_err(|_| broken())?),
            HolderKind::RelyingParty => Holder::RelyingParty(self.holder.parse().map_err(|_| broken())?),
            HolderKind::Account => Holder::Account(self.holder.parse().map_err(|_| broken())?),
            HolderKind::Station => Holder::Station(self.holder.parse().map_err(|_| broken())?),
        })
    }

    /// Last moment.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        Timestamp::from_micros(self.not_after)
    }

    fn broken(&self, what: &str) -> StoreError {
        StoreError::Broken(anyhow::anyhow!("certificate {} has a bad {what}", self.serial))
    }
}
