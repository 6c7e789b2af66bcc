//! A certificate as issued or read, and the few facts of it that are shown.

use std::sync::OnceLock;

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::nid::Nid;
use openssl::x509::{X509, X509NameRef, X509Ref};

use crate::error::{Doing, PkiError, is_good};
use crate::generate::PublicKey;
use crate::stamp::{Stamp, stamp_of_der};
use crate::tlv::RawCertificate;
use domain::Timestamp;

const READING: &str = "read the certificate";

/// What lists show of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateView {
    /// Lower-case hex without separators.
    pub serial: String,
    /// The distinguished name, the most specific part first: `CN=alice, O=…`.
    pub subject: String,
    /// The NAME of the issuing authority (`operators-1`) for certificates of ours, else its distinguished name.
    pub issuer: String,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
}

/// A certificate with its DER.
#[derive(Clone)]
pub struct Certificate {
    der: Vec<u8>,
    /// OpenSSL's own form of it, once it was asked for: reading it takes as long as several signatures.
    x509: OnceLock<X509>,
    view: CertificateView,
    stamp: Option<Stamp>,
}

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Certificate({} {})", self.view.serial, self.view.subject)
    }
}

impl Certificate {
    /// Reads DER.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        Self::from_x509(X509::from_der(der).doing(READING)?)
    }

    /// Reads the first PEM block.
    pub fn from_pem(pem: &[u8]) -> Result<Self, PkiError> {
        Self::from_x509(X509::from_pem(pem).doing(READING)?)
    }

    /// Takes OpenSSL's own type, e.g. a TLS peer's certificate.
    pub fn from_x509(x509: X509) -> Result<Self, PkiError> {
        let der = x509.to_der().doing("write the certificate")?;
        let stamp = stamp_of_der(&der);
        let view = view_of(&x509, stamp.is_some())?;
        Ok(Self { der, x509: x509.into(), view, stamp })
    }

    /// One that was signed just now: `der`, and what its planning has shown of it.
    pub(crate) fn signed(der: Vec<u8>, view: CertificateView) -> Self {
        Self { stamp: stamp_of_der(&der), der, x509: OnceLock::new(), view }
    }

    /// DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// One PEM block.
    pub fn pem(&self) -> Result<String, PkiError> {
        let pem = self.x509()?.to_pem().doing("write the certificate")?;
        Ok(String::from_utf8_lossy(&pem).into_owned())
    }

    /// For TLS contexts and stores, which take OpenSSL's own type.
    pub fn x509(&self) -> Result<&X509, PkiError> {
        if let Some(x509) = self.x509.get() {
            return Ok(x509);
        }
        let x509 = X509::from_der(&self.der).doing(READING)?;
        Ok(self.x509.get_or_init(|| x509))
    }

    /// What lists show.
    pub fn view(&self) -> &CertificateView {
        &self.view
    }

    /// Instance and environment; None for a certificate that is not ours.
    pub fn stamp(&self) -> Option<&Stamp> {
        self.stamp.as_ref()
    }

    /// SHA-256 over the DER: what an operator's certificate is found by.
    pub fn fingerprint(&self) -> [u8; 32] {
        openssl::sha::sha256(&self.der)
    }

    /// SHA-256 over the bytes that were signed: what the pre-sign record holds.
    pub fn signed_digest(&self) -> Result<[u8; 32], PkiError> {
        let raw = RawCertificate::read(&self.der).map_err(|fault| PkiError::malformed("the certificate", fault.to_string()))?;
        Ok(openssl::sha::sha256(raw.tbs))
    }

    /// The key that it certifies.
    pub fn public_key(&self) -> Result<PublicKey, PkiError> {
        let raw = RawCertificate::read(&self.der).map_err(|fault| PkiError::malformed("the certificate", fault.to_string()))?;
        PublicKey::from_spki_der(raw.public_key.whole)
    }

    /// Whether `issuer`'s key signed it and the names agree.
    pub fn is_signed_by(&self, issuer: &Self) -> Result<bool, PkiError> {
        let (own, theirs) = (self.x509()?, issuer.x509()?);
        let key = theirs.public_key().doing(READING)?;
        Ok(theirs.issued(own) == openssl::x509::X509VerifyResult::OK && is_good(own.verify(&key)))
    }

    /// Whether `now` lies within its validity.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        self.view.not_before <= now && now <= self.view.not_after
    }
}

/// A serial number as lists show it. An empty or negative one is shown by its bytes as they stand.
pub fn serial_of(certificate: &X509Ref) -> Result<String, PkiError> {
    let der = certificate.to_der().doing("write the certificate")?;
    let raw = RawCertificate::read(&der).map_err(|fault| PkiError::malformed("the certificate", fault.to_string()))?;
    Ok(serial_text(raw.serial))
}

pub(crate) fn serial_text(integer: &[u8]) -> String {
    match integer {
        // The sign byte of a DER integer is no part of the number.
        [0, rest @ ..] if !rest.is_empty() => crate::text::hex(rest),
        all => crate::text::hex(all),
    }
}

/// Seconds since 1970 of a certificate's time.
pub(crate) fn unix_seconds(time: &Asn1TimeRef) -> Result<i64, PkiError> {
    let epoch = Asn1Time::from_unix(0).doing(READING)?;
    let distance = epoch.diff(time).doing(READING)?;
    Ok(i64::from(distance.days) * 86_400 + i64::from(distance.secs))
}

fn view_of(x509: &X509, ours: bool) -> Result<CertificateView, PkiError> {
    let time = |time: &Asn1TimeRef| Ok::<_, PkiError>(Timestamp::from_micros(unix_seconds(time)? * 1_000_000));
    Ok(CertificateView {
        serial: serial_of(x509)?,
        subject: name_text(x509.subject_name()),
        issuer: ours.then(|| authority_name(x509.issuer_name())).flatten().unwrap_or_else(|| name_text(x509.issuer_name())),
        not_before: time(x509.not_before())?,
        not_after: time(x509.not_after())?,
    })
}

/// Our authorities' common names end in their NAME.
fn authority_name(name: &X509NameRef) -> Option<String> {
    let common_name = name.entries_by_nid(Nid::COMMONNAME).next()?.data().to_string().ok()?;
    common_name.rsplit(' ').next().map(str::to_owned)
}

/// A distinguished name, the most specific part first, with the separators inside values escaped.
fn name_text(name: &X509NameRef) -> String {
    let mut parts: Vec<String> = name
        .entries()
        .map(|entry| {
            let value = entry.data().to_string().unwrap_or_default();
            let key = match entry.object().nid().short_name() {
                Ok(short) => short.to_owned(),
                Err(_) => entry.object().to_string(),
            };
            format!("{key}={}", value.replace('\\', "\\\\").replace(',', "\\,"))
        })
        .collect();
    parts.reverse();
    parts.join(", ")
}

#[cfg(test)]
mod tests {
    use openssl::hash::MessageDigest;
    use openssl::x509::{X509Builder, X509NameBuilder};

    use super::*;
    use crate::generate::{KeyKind, PrivateKey};

    /// A certificate as others make them.
    fn foreign(common_name: &str, serial: u32, not_after: i64) -> Certificate {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_text("O", "Somebody, else\\").unwrap();
        name.append_entry_by_text("CN", common_name).unwrap();
        let name = name.build();
        let mut builder = X509Builder::new().unwrap();
        builder.set_serial_number(&openssl::bn::BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&name).unwrap();
        builder.set_issuer_name(&name).unwrap();
        builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_unix(not_after).unwrap()).unwrap();
        builder.set_pubkey(key.pkey()).unwrap();
        builder.sign(key.pkey(), MessageDigest::sha256()).unwrap();
        Certificate::from_x509(builder.build()).unwrap()
    }

    #[test]
    fn a_foreign_certificate_shows_its_full_names_and_no_stamp() {
        let certificate = foreign("operators-1", 0x00ff_0001, 253_402_300_799);
        let view = certificate.view();
        assert_eq!(view.subject, "CN=operators-1, O=Somebody\\, else\\\\");
        assert_eq!(view.issuer, view.subject, "its issuer is not taken for one of ours");
        assert_eq!(view.serial, "ff0001");
        assert_eq!(view.not_before, Timestamp::from_micros(0));
        assert_eq!(view.not_after, Timestamp::MAX, "no well-defined end (RFC 5280 section 4.1.2.5)");
        assert_eq!(certificate.stamp(), None);
    }

    #[test]
    fn serials_are_shown_without_their_sign_byte() {
        assert_eq!(serial_text(&[0x00, 0x80]), "80");
        assert_eq!(serial_text(&[0x00]), "00");
        assert_eq!(serial_text(&[0x7f, 0x00]), "7f00");
        assert_eq!(serial_of(foreign("x", 1, 0).x509().unwrap()).unwrap(), "01");
    }
}
