//! Instance and environment, stamped into every certificate in one non-critical extension:
//! `SEQUENCE { instance UTF8String, environment UTF8String ("sandbox" | "production") }`.
//!
//! A sandbox certificate shown to a production instance is thus refused by what it says itself, whoever signed it.

use der::{Decode, Encode, Sequence};
use openssl::asn1::{Asn1Object, Asn1OctetString};
use openssl::x509::{X509Extension, X509Ref};

use crate::error::{Doing, PkiError};
use crate::tlv::RawCertificate;
use domain::Environment;

/// The extension's object identifier. Under `2.25` stand UUIDs as integers; this one is a number below 2^28, drawn once at
/// random, because readers refuse a whole certificate for one arc that is too long for them, and relying parties' clients are
/// written in everything: Go's `crypto/x509` (golang/go#30757) and pyasn1 hold 31 bits, and Rust's `const-oid` takes a fifth
/// group of seven bits only where its last byte is small.
pub const STAMP_OID: &str = "2.25.212974603";

/// The same as DER content: 2.25 in the first byte, then the arc in groups of seven bits.
pub(crate) const STAMP_OID_CONTENT: &[u8] = &[0x69, 0xe5, 0xc6, 0xf8, 0x0b];

/// Which installation a certificate belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The instance's id.
    pub instance: String,
    /// Its environment.
    pub environment: Environment,
}

#[derive(Sequence)]
struct StampSyntax {
    instance: String,
    environment: String,
}

/// The stamp of a certificate. None when there is none or it cannot be read: such a certificate is not ours.
pub fn stamp(certificate: &X509Ref) -> Option<Stamp> {
    stamp_of_der(&certificate.to_der().ok()?)
}

/// [`stamp`] of a certificate in DER.
pub fn stamp_of_der(certificate: &[u8]) -> Option<Stamp> {
    let raw = RawCertificate::read(certificate).ok()?;
    stamp_of(raw.extension(STAMP_OID_CONTENT)?.value)
}

/// The stamp in an extension's value.
pub(crate) fn stamp_of(value: &[u8]) -> Option<Stamp> {
    let syntax = StampSyntax::from_der(value).ok()?;
    Some(Stamp { environment: syntax.environment.parse().ok()?, instance: syntax.instance })
}

impl Stamp {
    pub(crate) fn extension(&self) -> Result<X509Extension, PkiError> {
        let syntax = StampSyntax { instance: self.instance.clone(), environment: self.environment.to_string() };
        let der = syntax.to_der().map_err(|fault| PkiError::malformed("the stamp", fault.to_string()))?;
        extension(STAMP_OID, &der)
    }
}

/// A non-critical extension out of its contents.
pub(crate) fn extension(oid: &str, contents: &[u8]) -> Result<X509Extension, PkiError> {
    const DOING: &str = "build an extension";
    let oid = Asn1Object::from_str(oid).doing(DOING)?;
    let contents = Asn1OctetString::new_from_bytes(contents).doing(DOING)?;
    X509Extension::new_from_der(&oid, false, &contents).doing(DOING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_object_identifier_is_one_that_every_reader_holds() {
        let arc: u32 = STAMP_OID.strip_prefix("2.25.").unwrap().parse().unwrap();
        assert!(arc < 1 << 28);
        assert_eq!(crate::tlv::dotted(STAMP_OID_CONTENT), STAMP_OID);
        let openssl = Asn1Object::from_str(STAMP_OID).unwrap();
        assert_eq!(openssl.as_slice(), STAMP_OID_CONTENT);
    }

    #[test]
    fn another_library_reads_what_every_profile_issues() {
        let office = crate::office::Office::new();
        let key = crate::office::key().public().unwrap();
        let issued = [
            office.operators.plan_operator("chan", &key, None, crate::office::NOW).unwrap(),
            office.citizens.plan_citizen("A1", &key, None, crate::office::NOW).unwrap(),
            office.citizens.plan_responder(&key, crate::office::NOW).unwrap(),
        ];
        let [operator, citizen, responder] = issued;
        let (operators, citizens) = (&office.operators, &office.citizens);
        for certificate in [
            office.root.certificate(),
            citizens.certificate(),
            &operators.sign(&operator).unwrap(),
            &citizens.sign(&citizen).unwrap(),
            &citizens.sign(&responder).unwrap(),
        ] {
            let read = x509_cert::Certificate::from_der(certificate.der()).unwrap();
            assert_eq!(read.to_der().unwrap(), certificate.der());
        }
        for profile in crate::profile::ALL {
            for policy in profile.policies.iter().filter(|policy| **policy != "2.5.29.32.0") {
                assert!(policy.starts_with(&format!("{STAMP_OID}.2.")), "{policy} stands under our own arc");
            }
        }
    }

    #[test]
    fn the_value_is_two_strings_and_nothing_else() {
        let stamp = Stamp { instance: "demo".into(), environment: Environment::Sandbox };
        let value = b"\x30\x0f\x0c\x04demo\x0c\x07sandbox";
        assert_eq!(stamp_of(value), Some(stamp));
        assert_eq!(stamp_of(b"\x30\x0f\x0c\x04demo\x0c\x07Sandbox"), None);
        assert_eq!(stamp_of(b"\x30\x0f\x0c\x04demo\x0c\x07sandbox\x05\x00"), None);
        assert_eq!(stamp_of(b"\x30\x11\x0c\x04demo\x0c\x07sandbox\x05\x00"), None);
        assert_eq!(stamp_of(b""), None);
        assert_eq!(stamp_of_der(b"no certificate"), None);
    }

    #[test]
    fn a_certificate_of_somebody_else_has_no_stamp() {
        let key = crate::generate::PrivateKey::generate(crate::generate::KeyKind::P256).unwrap();
        let mut builder = openssl::x509::X509Builder::new().unwrap();
        builder.set_pubkey(key.pkey()).unwrap();
        builder.sign(key.pkey(), openssl::hash::MessageDigest::sha256()).unwrap();
        assert_eq!(stamp(&builder.build()), None);
    }
}
