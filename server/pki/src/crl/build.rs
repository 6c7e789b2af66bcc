//! The bytes of a list that are to be signed.

use der::asn1::{AnyRef, OctetString, OctetStringRef, Uint};
use der::{Decode, Encode, Sequence, Tag};
use x509_cert::crl::RevokedCert;
use x509_cert::ext::pkix::{AuthorityKeyIdentifier, CrlNumber, CrlReason};
use x509_cert::ext::{AsExtension, Extension};
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::{Revoked, WHAT};
use crate::certificate::Certificate;
use crate::error::PkiError;
use crate::tlv::{RawCertificate, oid};
use crate::{moment, serial};
use domain::{RevocationReason, Timestamp};

/// TBSCertList. The entries are encoded one by one into their bytes: as a list of values, a hundred thousand of them would take
/// five times the space.
#[derive(Sequence)]
struct ToBeSigned<'a> {
    version: u8,
    algorithm: AnyRef<'a>,
    issuer: AnyRef<'a>,
    this_update: Time,
    next_update: Time,
    #[asn1(optional = "true")]
    revoked: Option<AnyRef<'a>>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    extensions: Vec<Extension>,
}

/// TBSCertList, DER. `algorithm` is an AlgorithmIdentifier, DER; `updates` are this one and the next.
pub(super) fn to_be_signed<S: AsRef<str>>(
    issuer: &Certificate,
    algorithm: &[u8],
    number: u64,
    updates: [Timestamp; 2],
    revoked: impl IntoIterator<Item = Revoked<S>>,
) -> Result<Vec<u8>, PkiError> {
    let [this_update, next_update] = [moment::time(updates[0])?, moment::time(updates[1])?];
    let entries = entries(revoked)?;
    let build = || {
        let issuer = RawCertificate::read(issuer.der())?;
        ToBeSigned {
            // Version 2 (RFC 5280 section 5.1.2.1).
            version: 1,
            algorithm: AnyRef::from_der(algorithm)?,
            issuer: AnyRef::from_der(issuer.subject.whole)?,
            this_update,
            next_update,
            // Absent when nothing is revoked, rather than empty (RFC 5280 section 5.1.2.6).
            revoked: (!entries.is_empty()).then(|| AnyRef::new(Tag::Sequence, &entries)).transpose()?,
            extensions: vec![authority_key_identifier(&issuer)?, crl_number(number)?],
        }
        .to_der()
    };
    build().map_err(|fault: der::Error| PkiError::malformed(WHAT, fault.to_string()))
}

/// The entries one behind another, ordered by serial number.
fn entries<S: AsRef<str>>(revoked: impl IntoIterator<Item = Revoked<S>>) -> Result<Vec<u8>, PkiError> {
    let read = |revoked: Revoked<S>| Ok((serial::parse(revoked.serial.as_ref())?, revoked.at, revoked.reason));
    let mut all = revoked.into_iter().map(read).collect::<Result<Vec<_>, PkiError>>()?;
    all.sort_unstable_by_key(|(serial, at, reason)| (*serial, *at, *reason as u8));
    let mut bytes = Vec::new();
    for (serial, at, reason) in all {
        let entry = RevokedCert {
            serial_number: serial::number(&serial)?,
            revocation_date: moment::time(at)?,
            crl_entry_extensions: reason_extension(reason)?,
        };
        entry.encode_to_vec(&mut bytes).map_err(|fault| PkiError::malformed(WHAT, fault.to_string()))?;
    }
    Ok(bytes)
}

/// Absent rather than `unspecified` (RFC 5280 section 5.3.1).
fn reason_extension(reason: RevocationReason) -> Result<Option<Vec<Extension>>, PkiError> {
    let Some(reason) = crl_reason(reason) else { return Ok(None) };
    let extension = reason.to_extension(&Name::default(), &[]);
    Ok(Some(vec![extension.map_err(|fault| PkiError::malformed(WHAT, fault.to_string()))?]))
}

/// A reason as lists and OCSP answers write it; None for `unspecified`, which they leave out.
pub(crate) fn crl_reason(reason: RevocationReason) -> Option<CrlReason> {
    Some(match reason {
        RevocationReason::Unspecified => return None,
        RevocationReason::KeyCompromise => CrlReason::KeyCompromise,
        RevocationReason::CaCompromise => CrlReason::CaCompromise,
        RevocationReason::AffiliationChanged => CrlReason::AffiliationChanged,
        RevocationReason::Superseded => CrlReason::Superseded,
        RevocationReason::CessationOfOperation => CrlReason::CessationOfOperation,
        RevocationReason::CertificateHold => CrlReason::CertificateHold,
        RevocationReason::PrivilegeWithdrawn => CrlReason::PrivilegeWithdrawn,
    })
}

/// The way back. None for the two that are never given here.
pub(super) fn reason_of(reason: CrlReason) -> Option<RevocationReason> {
    Some(match reason {
        CrlReason::Unspecified => RevocationReason::Unspecified,
        CrlReason::KeyCompromise => RevocationReason::KeyCompromise,
        CrlReason::CaCompromise => RevocationReason::CaCompromise,
        CrlReason::AffiliationChanged => RevocationReason::AffiliationChanged,
        CrlReason::Superseded => RevocationReason::Superseded,
        CrlReason::CessationOfOperation => RevocationReason::CessationOfOperation,
        CrlReason::CertificateHold => RevocationReason::CertificateHold,
        CrlReason::PrivilegeWithdrawn => RevocationReason::PrivilegeWithdrawn,
        CrlReason::RemoveFromCRL | CrlReason::AaCompromise => return None,
    })
}

fn authority_key_identifier(issuer: &RawCertificate<'_>) -> der::Result<Extension> {
    let own = issuer.extension(oid::SUBJECT_KEY_IDENTIFIER).ok_or_else(|| Tag::OctetString.value_error())?;
    let own = OctetStringRef::from_der(own.value)?;
    let identifier =
        AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(own.as_bytes())?), ..AuthorityKeyIdentifier::default() };
    identifier.to_extension(&Name::default(), &[])
}

fn crl_number(number: u64) -> der::Result<Extension> {
    CrlNumber(Uint::new(&number.to_be_bytes())?).to_extension(&Name::default(), &[])
}
