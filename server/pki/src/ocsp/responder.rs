//! Whoever answers: a key and a certificate that an authority issued for nothing else.

use std::sync::Arc;

use der::Tag;

use super::build::{self, WHAT, fault};
use super::cert_id::{CertId, IssuerIds, key_bytes};
use super::lint::{self, Bounds};
use super::nonce::Nonce;
use super::oid;
use crate::certificate::Certificate;
use crate::error::PkiError;
use crate::generate::PublicKey;
use crate::signer::{SignatureScheme, Signer, sign_checked};
use crate::tlv::{RawCertificate, Tlv};
use domain::{RevocationReason, Timestamp};

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStatus {
    /// Issued, and not revoked. Whoever was never issued is not good (RFC 6960 section 2.2).
    Good,
    /// Revoked, or on hold ([`RevocationReason::CertificateHold`]).
    Revoked {
        /// From when.
        at: Timestamp,
        /// Why.
        reason: RevocationReason,
    },
    /// Never issued.
    Unknown,
}

/// What is said of one certificate. Times are cut to whole seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleAnswer {
    /// As it was asked for.
    pub certificate: CertId,
    /// How it stands.
    pub status: CertificateStatus,
    /// The moment at which that was known to be so.
    pub this_update: Timestamp,
    /// By when there is newer information. Cut to the life of the responder's certificate.
    pub next_update: Timestamp,
}

/// A delegated responder (RFC 6960 section 4.2.2.2).
#[derive(Debug)]
pub struct Responder {
    issuer: IssuerIds,
    certificate: Certificate,
    key: Arc<dyn Signer>,
    public: PublicKey,
    /// AlgorithmIdentifier that the key signs by, DER.
    algorithm: Vec<u8>,
    /// SHA-1 of the key: its name in answers.
    key_hash: [u8; 20],
}

impl Responder {
    /// Takes up a responder of the authority that `issuer` certifies. Errors when the certificate is not for OCSP, was not
    /// issued by that authority itself, or certifies another key.
    pub fn load(issuer: &Certificate, certificate: Certificate, key: impl Into<Arc<dyn Signer>>) -> Result<Self, PkiError> {
        const RESPONDER: &str = "the responder's certificate";
        let key = key.into();
        let public = key.public_key()?;
        if certificate.public_key()? != public {
            return Err(PkiError::unfit("the responder's key", "it is not the one that its certificate certifies"));
        }
        if !certificate.is_signed_by(issuer)? {
            return Err(PkiError::unfit(RESPONDER, "it was not issued by the authority that it is to answer for"));
        }
        let raw = RawCertificate::read(certificate.der()).map_err(fault)?;
        if !is_for_ocsp(&raw).map_err(fault)? {
            return Err(PkiError::unfit(RESPONDER, "its extended key usage is not OCSP signing"));
        }
        Ok(Self {
            issuer: IssuerIds::of(issuer)?,
            algorithm: SignatureScheme::of_certificates(&public)?.algorithm_der()?,
            key_hash: openssl::sha::sha1(key_bytes(&raw).map_err(fault)?),
            certificate,
            key,
            public,
        })
    }

    /// The authority that it answers for, as requests name it.
    pub fn issuer(&self) -> &IssuerIds {
        &self.issuer
    }

    /// Its own certificate, which every answer carries.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// OCSPResponse, DER: a signed answer about at least one certificate. Without a nonce it is good for whoever asks about the
    /// same certificates, until the next update that it names.
    ///
    /// Errors when a rule is broken, and then nothing was signed: a certificate of another issuer, a moment at which the
    /// responder's certificate is not valid, an update that is in the future, more than [`super::OLDEST_UPDATE`] old or not
    /// followed by a later one, a revocation in the future.
    pub fn answer(&self, answers: &[SingleAnswer], nonce: Option<&Nonce>, produced_at: Timestamp) -> Result<Vec<u8>, PkiError> {
        let view = self.certificate.view();
        let tbs = build::to_be_signed(&self.key_hash, view.not_after, answers, nonce, produced_at)?;
        let bounds = Bounds { issuer: &self.issuer, key_hash: &self.key_hash, validity: [view.not_before, view.not_after] };
        let findings = lint::lint(&tbs, &bounds);
        if !findings.is_empty() {
            return Err(PkiError::Lint { what: WHAT, findings });
        }
        let signature = sign_checked(&*self.key, &self.public, &tbs)?;
        build::response(&tbs, &self.algorithm, &signature, self.certificate.der())
    }
}

fn is_for_ocsp(certificate: &RawCertificate<'_>) -> der::Result<bool> {
    let Some(extension) = certificate.extension(crate::tlv::oid::EXTENDED_KEY_USAGE) else { return Ok(false) };
    let uses = Tlv::only(extension.value)?.inside()?.rest(Some(Tag::ObjectIdentifier))?;
    Ok(uses.iter().any(|each| each.value == oid::OCSP_SIGNING))
}
