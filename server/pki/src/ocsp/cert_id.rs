//! Which certificate is asked about: its issuer by two hashes, and its serial number.

use std::hash::{Hash, Hasher};

use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, Decode, Tag};
use openssl::sha::{sha1, sha256};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::certificate::Certificate;
use crate::error::PkiError;
use crate::tlv::{RawCertificate, Tlv};

const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.14.3.2.26");
const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");

/// The hash that a request names the issuer by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CertHash {
    /// What nearly everybody sends (RFC 5019 section 2.1.1): it names, it does not protect.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// The CertID of a request (RFC 6960 section 4.1.1), repeated as it came in the answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertId {
    /// None for a hash that is not known here: the issuer is then not known either.
    hash: Option<CertHash>,
    /// None for a number that no certificate of ours has.
    serial: Option<String>,
    pub(super) syntax: x509_ocsp::CertId,
}

impl Hash for CertId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Equal values have equal parts, which is all that is asked; two forms of one hash algorithm may meet.
        (self.hash, &self.serial, self.syntax.issuer_key_hash.as_bytes()).hash(state);
    }
}

impl CertId {
    /// Reads one element.
    pub(super) fn read(element: &Tlv<'_>) -> der::Result<Self> {
        let mut walk = element.inside()?;
        walk.next(Tag::Sequence)?;
        walk.next(Tag::OctetString)?;
        walk.next(Tag::OctetString)?;
        let serial = walk.next(Tag::Integer)?;
        walk.finish()?;
        let syntax = x509_ocsp::CertId::from_der(element.whole)?;
        Ok(Self::of(syntax, serial.value))
    }

    /// `serial` are the contents of its INTEGER.
    fn of(syntax: x509_ocsp::CertId, serial: &[u8]) -> Self {
        let hash = hash_of(&syntax.hash_algorithm);
        // A negative number has the same bytes as a positive one with a sign byte: it must not be taken for it.
        let positive = serial.first().is_some_and(|first| first & 0x80 == 0) && serial != [0];
        let fits = serial.len() <= crate::serial::LONGEST;
        let serial = (positive && fits).then(|| crate::certificate::serial_text(serial));
        Self { hash, serial, syntax }
    }

    /// The hash that names the issuer; None for one that is not known here.
    pub fn hash(&self) -> Option<CertHash> {
        self.hash
    }

    /// The serial number as lists show it, lower-case hex. None for one that no certificate of ours has (negative, zero, longer
    /// than 20 bytes): such a certificate is unknown.
    pub fn serial(&self) -> Option<&str> {
        self.serial.as_deref()
    }
}

/// The hash, if it is known here: with NULL for parameters or none, both of which are about.
fn hash_of(algorithm: &AlgorithmIdentifierOwned) -> Option<CertHash> {
    if algorithm.parameters.as_ref().is_some_and(|parameters| *parameters != Any::null()) {
        return None;
    }
    match algorithm.oid {
        SHA1 => Some(CertHash::Sha1),
        SHA256 => Some(CertHash::Sha256),
        _ => None,
    }
}

/// The hashes that requests name an authority by, worked out once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerIds {
    /// Of the name and of the key.
    sha1: [[u8; 20]; 2],
    sha256: [[u8; 32]; 2],
}

impl IssuerIds {
    /// Those of the authority that `issuer` certifies.
    pub fn of(issuer: &Certificate) -> Result<Self, PkiError> {
        let fault = |fault: der::Error| PkiError::malformed("the issuer's certificate", fault.to_string());
        let raw = RawCertificate::read(issuer.der()).map_err(fault)?;
        let key = key_bytes(&raw).map_err(fault)?;
        let name = raw.subject.whole;
        Ok(Self { sha1: [sha1(name), sha1(key)], sha256: [sha256(name), sha256(key)] })
    }

    fn hashes(&self, hash: CertHash) -> [&[u8]; 2] {
        match hash {
            CertHash::Sha1 => self.sha1.each_ref().map(<[u8; 20]>::as_slice),
            CertHash::Sha256 => self.sha256.each_ref().map(<[u8; 32]>::as_slice),
        }
    }

    /// Whether the certificate asked about is one of this authority's, issued or not.
    pub fn covers(&self, certificate: &CertId) -> bool {
        self.covers_syntax(&certificate.syntax)
    }

    pub(super) fn covers_syntax(&self, syntax: &x509_ocsp::CertId) -> bool {
        let Some(hash) = hash_of(&syntax.hash_algorithm) else { return false };
        self.hashes(hash) == [syntax.issuer_name_hash.as_bytes(), syntax.issuer_key_hash.as_bytes()]
    }

    /// What a request for the certificate with this serial number (lower-case hex) names, in the form that OpenSSL, Go, Java and
    /// Windows write: for answers that are signed before anybody asks.
    pub fn certificate(&self, hash: CertHash, serial: &str) -> Result<CertId, PkiError> {
        let number = crate::serial::number(&crate::serial::parse(serial)?)?;
        let oid = match hash {
            CertHash::Sha1 => SHA1,
            CertHash::Sha256 => SHA256,
        };
        let [name, key] = self.hashes(hash);
        let build = || {
            Ok(x509_ocsp::CertId {
                hash_algorithm: AlgorithmIdentifierOwned { oid, parameters: Some(Any::null()) },
                issuer_name_hash: OctetString::new(name)?,
                issuer_key_hash: OctetString::new(key)?,
                serial_number: number.clone(),
            })
        };
        let syntax = build().map_err(|fault: der::Error| PkiError::malformed("the CertID", fault.to_string()))?;
        Ok(CertId::of(syntax, number.as_bytes()))
    }
}

/// What is hashed of a public key: the contents of its BIT STRING without the count of unused bits.
pub(super) fn key_bytes<'a>(certificate: &RawCertificate<'a>) -> der::Result<&'a [u8]> {
    let mut walk = certificate.public_key.inside()?;
    walk.next(Tag::Sequence)?;
    let key = walk.next(Tag::BitString)?;
    walk.finish()?;
    key.value.split_first().map(|(_, bytes)| bytes).ok_or_else(|| Tag::BitString.value_error())
}
