//! A certificate planned in full before anything is signed. The plan is built twice: under a rehearsal key for the lint,
//! then under the authority's own; both times it gives the same to-be-signed bytes.

use der::Encode;
use der::asn1::{Ia5String, ObjectIdentifier};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameBuilder};
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax, CrlDistributionPoints};

use crate::error::{Doing, PkiError};
use crate::generate::{PrivateKey, PublicKey, digest_for};
use crate::instance::Instance;
use crate::lint;
use crate::profile::{CertificateRole, ExtendedUse, KeyUse, Profile};
use crate::stamp::extension;
use crate::tlv::RawCertificate;

const DOING: &str = "build the certificate";
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");

/// A subject alternative name of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AlternativeName {
    Dns(String),
    Ip(std::net::IpAddr),
}

/// Everything that goes into a certificate.
pub(crate) struct Plan<'a> {
    pub(crate) profile: &'a Profile,
    pub(crate) instance: &'a Instance,
    pub(crate) common_name: String,
    pub(crate) alternative_names: Vec<AlternativeName>,
    pub(crate) public_key: &'a PublicKey,
    /// Seconds since 1970, both ends included.
    pub(crate) validity: [i64; 2],
    pub(crate) serial: BigNum,
    /// The issuer's certificate and NAME; None for a root.
    pub(crate) issuer: Option<(&'a X509, &'a str)>,
}

impl Plan<'_> {
    /// Builds under `rehearsal`, lints, and only then signs with `key`.
    pub(crate) fn issue(&self, rehearsal: &PrivateKey, key: &PrivateKey) -> Result<X509, PkiError> {
        let rehearsed = self.build(rehearsal.pkey())?.to_der().doing(DOING)?;
        let issuer = self.issuer.map(|(issuer, _)| issuer.to_der()).transpose().doing(DOING)?;
        let findings = lint::lint(&rehearsed, issuer.as_deref());
        if !findings.is_empty() {
            return Err(PkiError::Lint(findings));
        }
        let issued = self.build(key.pkey())?;
        // What was linted must be what was signed, byte for byte.
        let der = issued.to_der().doing(DOING)?;
        if signed_part(&rehearsed)? != signed_part(&der)? {
            return Err(PkiError::malformed("the certificate", "it differs from the one that was checked"));
        }
        Ok(issued)
    }

    fn build(&self, key: &PKey<Private>) -> Result<X509, PkiError> {
        let mut builder = X509Builder::new().doing(DOING)?;
        builder.set_version(2).doing(DOING)?;
        builder.set_serial_number(&*self.serial.to_asn1_integer().doing(DOING)?).doing(DOING)?;
        let subject = self.subject()?;
        builder.set_subject_name(&subject).doing(DOING)?;
        builder.set_issuer_name(self.issuer.map_or(&*subject, |(issuer, _)| issuer.subject_name())).doing(DOING)?;
        let [not_before, not_after] = self.validity;
        builder.set_not_before(&*Asn1Time::from_unix(not_before).doing(DOING)?).doing(DOING)?;
        builder.set_not_after(&*Asn1Time::from_unix(not_after).doing(DOING)?).doing(DOING)?;
        builder.set_pubkey(self.public_key.pkey()).doing(DOING)?;
        self.append_uses(&mut builder)?;
        self.append_key_identifiers(&mut builder)?;
        self.append_names(&mut builder)?;
        self.append_addresses(&mut builder)?;
        builder.append_extension(self.instance.stamp().extension()?).doing(DOING)?;
        builder.sign(key, digest_for(key).unwrap_or_else(MessageDigest::null)).doing("sign the certificate")?;
        Ok(builder.build())
    }

    fn subject(&self) -> Result<X509Name, PkiError> {
        let mut name = X509NameBuilder::new().doing(DOING)?;
        name.append_entry_by_nid(Nid::ORGANIZATIONNAME, &self.instance.organisation()).doing(DOING)?;
        name.append_entry_by_nid(Nid::COMMONNAME, &self.common_name).doing(DOING)?;
        Ok(name.build())
    }

    fn append_uses(&self, builder: &mut X509Builder) -> Result<(), PkiError> {
        let mut constraints = BasicConstraints::new();
        constraints.critical();
        if let CertificateRole::Authority { path_length } = self.profile.role {
            constraints.ca().pathlen(path_length);
        }
        let mut usage = KeyUsage::new();
        usage.critical();
        for each in self.profile.key_usage {
            match each {
                KeyUse::DigitalSignature => usage.digital_signature(),
                KeyUse::KeyCertSign => usage.key_cert_sign(),
                KeyUse::CrlSign => usage.crl_sign(),
            };
        }
        builder.append_extension(constraints.build().doing(DOING)?).doing(DOING)?;
        builder.append_extension(usage.build().doing(DOING)?).doing(DOING)?;
        if let Some(extended) = self.profile.extended {
            let mut usage = ExtendedKeyUsage::new();
            match extended {
                ExtendedUse::ClientAuth => usage.client_auth(),
                ExtendedUse::ServerAuth => usage.server_auth(),
            };
            builder.append_extension(usage.build().doing(DOING)?).doing(DOING)?;
        }
        Ok(())
    }

    fn append_key_identifiers(&self, builder: &mut X509Builder) -> Result<(), PkiError> {
        let issuer = self.issuer.map(|(issuer, _)| &**issuer);
        let own = SubjectKeyIdentifier::new().build(&builder.x509v3_context(issuer, None)).doing(DOING)?;
        builder.append_extension(own).doing(DOING)?;
        if self.issuer.is_some() {
            let theirs = AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(issuer, None)).doing(DOING)?;
            builder.append_extension(theirs).doing(DOING)?;
        }
        Ok(())
    }

    fn append_names(&self, builder: &mut X509Builder) -> Result<(), PkiError> {
        if self.alternative_names.is_empty() {
            return Ok(());
        }
        let mut names = SubjectAlternativeName::new();
        for name in &self.alternative_names {
            match name {
                AlternativeName::Dns(name) => names.dns(name),
                AlternativeName::Ip(address) => names.ip(&address.to_string()),
            };
        }
        let names = names.build(&builder.x509v3_context(None, None)).doing(DOING)?;
        builder.append_extension(names).doing(DOING)
    }

    fn append_addresses(&self, builder: &mut X509Builder) -> Result<(), PkiError> {
        let Some((_, authority)) = self.issuer else { return Ok(()) };
        builder.append_extension(authority_information(&self.instance.certificate_url(authority))?).doing(DOING)?;
        builder.append_extension(distribution_point(&self.instance.crl_url(authority))?).doing(DOING)
    }
}

/// 128 random bits as a positive number, drawn again until the first byte is not zero: 32 hex digits.
pub(crate) fn fresh_serial() -> Result<BigNum, PkiError> {
    let mut bytes = [0; 16];
    while bytes[0] == 0 {
        openssl::rand::rand_bytes(&mut bytes).doing("draw a serial number")?;
    }
    BigNum::from_slice(&bytes).doing("draw a serial number")
}

fn signed_part(der: &[u8]) -> Result<&[u8], PkiError> {
    let raw = RawCertificate::read(der).map_err(|fault| PkiError::malformed("the certificate", fault.to_string()))?;
    Ok(raw.tbs)
}

fn uri(address: &str) -> der::Result<GeneralName> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(address)?))
}

fn authority_information(address: &str) -> Result<X509Extension, PkiError> {
    let build = || {
        AuthorityInfoAccessSyntax(vec![AccessDescription { access_method: CA_ISSUERS, access_location: uri(address)? }]).to_der()
    };
    extension("1.3.6.1.5.5.7.1.1", &build().map_err(|fault| PkiError::malformed("the PKI address", fault.to_string()))?)
}

fn distribution_point(address: &str) -> Result<X509Extension, PkiError> {
    let build = || {
        CrlDistributionPoints(vec![DistributionPoint {
            distribution_point: Some(DistributionPointName::FullName(vec![uri(address)?])),
            reasons: None,
            crl_issuer: None,
        }])
        .to_der()
    };
    extension("2.5.29.31", &build().map_err(|fault| PkiError::malformed("the PKI address", fault.to_string()))?)
}
