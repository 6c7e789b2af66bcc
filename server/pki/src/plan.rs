//! A certificate planned in full before anything is signed. The plan is built once, under a rehearsal key, and linted; what
//! the authority's own key then signs are the very bytes that were linted.

use der::Encode;
use der::asn1::{Ia5String, Null, ObjectIdentifier};
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Extension, X509Name, X509NameBuilder};
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{AccessDescription, AuthorityInfoAccessSyntax, CertificatePolicies, CrlDistributionPoints};

use crate::certificate::{Certificate, CertificateView};
use crate::error::{Doing, PkiError};
use crate::generate::{PrivateKey, PublicKey, digest_for};
use crate::instance::Instance;
use crate::lint;
use crate::profile::{CertificateRole, ExtendedUse, KeyUse, Profile, Status};
use crate::signer::{Signer, sign_checked, signed};
use crate::stamp::extension;
use crate::tlv::RawCertificate;

const DOING: &str = "build the certificate";
const CA_ISSUERS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.2");
const OCSP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.48.1");
const OCSP_NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";

/// RFC 9336 section 3.1.
const DOCUMENT_SIGNING: &str = "1.3.6.1.5.5.7.3.36";

/// A subject alternative name of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AlternativeName {
    Dns(String),
    Ip(std::net::IpAddr),
}

/// Everything that goes into a certificate.
pub(crate) struct Plan<'a> {
    pub(crate) profile: &'static Profile,
    pub(crate) instance: &'a Instance,
    pub(crate) common_name: String,
    pub(crate) alternative_names: Vec<AlternativeName>,
    pub(crate) public_key: &'a PublicKey,
    /// Seconds since 1970, both ends included.
    pub(crate) validity: [i64; 2],
    pub(crate) serial: BigNum,
    /// The issuer's certificate and NAME; None for a root.
    pub(crate) issuer: Option<(&'a Certificate, &'a str)>,
}

/// A certificate that passed the lint and is not signed yet: what the pre-sign record is made of.
#[derive(Clone, Debug)]
pub struct PlannedCertificate {
    profile: &'static Profile,
    view: CertificateView,
    key_id: String,
    tbs: Vec<u8>,
    /// AlgorithmIdentifier, DER.
    algorithm: Vec<u8>,
    /// The key that is to sign: no other one does.
    issuer: PublicKey,
}

impl PlannedCertificate {
    /// What it will be.
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// What lists will show of it.
    pub fn view(&self) -> &CertificateView {
        &self.view
    }

    /// RFC 7638 thumbprint of the key that it certifies.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// SHA-256 over the bytes to be signed.
    pub fn digest(&self) -> [u8; 32] {
        openssl::sha::sha256(&self.tbs)
    }

    /// Signs the bytes that were linted. `public` is the public half of `key`. Errors when it is not the issuer's, or what the key
    /// made does not verify.
    pub(crate) fn sign(&self, key: &dyn Signer, public: &PublicKey) -> Result<Certificate, PkiError> {
        if self.issuer != *public {
            return Err(PkiError::unfit("the signing key", "it is not the one that the certificate was planned for"));
        }
        let signature = sign_checked(key, public, &self.tbs)?;
        Ok(Certificate::signed(signed(&self.tbs, &self.algorithm, &signature)?, self.view.clone()))
    }
}

impl Plan<'_> {
    /// Builds under `rehearsal`, a key of the kind that will sign, and lints. `key` is the public half of the one that will.
    pub(crate) fn check(&self, rehearsal: &PrivateKey, key: &PublicKey) -> Result<PlannedCertificate, PkiError> {
        let rehearsed = Certificate::from_x509(self.build(rehearsal.pkey())?)?;
        let findings = lint::lint(rehearsed.der(), self.issuer.map(|(issuer, _)| issuer.der()), self.profile);
        if !findings.is_empty() {
            return Err(PkiError::Lint { what: "the certificate", findings });
        }
        let raw =
            RawCertificate::read(rehearsed.der()).map_err(|fault| PkiError::malformed("the certificate", fault.to_string()))?;
        Ok(PlannedCertificate {
            profile: self.profile,
            view: rehearsed.view().clone(),
            key_id: self.public_key.thumbprint()?,
            tbs: raw.tbs.to_vec(),
            algorithm: raw.outer_algorithm.to_vec(),
            issuer: key.clone(),
        })
    }

    fn build(&self, key: &PKey<Private>) -> Result<X509, PkiError> {
        let mut builder = X509Builder::new().doing(DOING)?;
        builder.set_version(2).doing(DOING)?;
        builder.set_serial_number(&*self.serial.to_asn1_integer().doing(DOING)?).doing(DOING)?;
        let subject = self.subject()?;
        let issuer = self.issuer.map(|(issuer, _)| issuer.x509()).transpose()?;
        builder.set_subject_name(&subject).doing(DOING)?;
        builder.set_issuer_name(issuer.map_or(&*subject, |issuer| issuer.subject_name())).doing(DOING)?;
        let [not_before, not_after] = self.validity;
        builder.set_not_before(&*Asn1Time::from_unix(not_before).doing(DOING)?).doing(DOING)?;
        builder.set_not_after(&*Asn1Time::from_unix(not_after).doing(DOING)?).doing(DOING)?;
        builder.set_pubkey(self.public_key.pkey()).doing(DOING)?;
        self.append_uses(&mut builder)?;
        append_key_identifiers(&mut builder, issuer)?;
        self.append_names(&mut builder)?;
        self.append_policies(&mut builder)?;
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
                KeyUse::NonRepudiation => usage.non_repudiation(),
                KeyUse::KeyCertSign => usage.key_cert_sign(),
                KeyUse::CrlSign => usage.crl_sign(),
            };
        }
        builder.append_extension(constraints.build().doing(DOING)?).doing(DOING)?;
        builder.append_extension(usage.build().doing(DOING)?).doing(DOING)?;
        if !self.profile.extended.is_empty() {
            let mut usage = ExtendedKeyUsage::new();
            if self.profile.extended_is_critical() {
                usage.critical();
            }
            for each in self.profile.extended {
                match each {
                    ExtendedUse::ClientAuth => usage.client_auth(),
                    ExtendedUse::ServerAuth => usage.server_auth(),
                    ExtendedUse::DocumentSigning => usage.other(DOCUMENT_SIGNING),
                    ExtendedUse::OcspSigning => usage.other("OCSPSigning"),
                    ExtendedUse::TimeStamping => usage.time_stamping(),
                };
            }
            builder.append_extension(usage.build().doing(DOING)?).doing(DOING)?;
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

    fn append_policies(&self, builder: &mut X509Builder) -> Result<(), PkiError> {
        if !self.profile.policies.is_empty() {
            builder.append_extension(policies(self.profile.policies)?).doing(DOING)?;
        }
        if self.profile.status == Status::NotChecked {
            let null = Null.to_der().map_err(|fault| PkiError::malformed("the extension", fault.to_string()))?;
            builder.append_extension(extension(OCSP_NO_CHECK, &null)?).doing(DOING)?;
        }
        Ok(())
    }

    fn append_addresses(&self, builder: &mut X509Builder) -> Result<(), PkiError> {
        let Some((_, authority)) = self.issuer else { return Ok(()) };
        let responder = (self.profile.status == Status::Published).then(|| self.instance.ocsp_url());
        let information = authority_information(&self.instance.certificate_url(authority), responder.as_deref())?;
        builder.append_extension(information).doing(DOING)?;
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

/// Of the certified key, and of the issuer's where it is another.
fn append_key_identifiers(builder: &mut X509Builder, issuer: Option<&X509>) -> Result<(), PkiError> {
    let issuer = issuer.map(|issuer| &**issuer);
    let own = SubjectKeyIdentifier::new().build(&builder.x509v3_context(issuer, None)).doing(DOING)?;
    builder.append_extension(own).doing(DOING)?;
    if issuer.is_some() {
        let theirs = AuthorityKeyIdentifier::new().keyid(true).build(&builder.x509v3_context(issuer, None)).doing(DOING)?;
        builder.append_extension(theirs).doing(DOING)?;
    }
    Ok(())
}

fn uri(address: &str) -> der::Result<GeneralName> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(address)?))
}

fn authority_information(issuer: &str, responder: Option<&str>) -> Result<X509Extension, PkiError> {
    let describe =
        |access_method, address| -> der::Result<_> { Ok(AccessDescription { access_method, access_location: uri(address)? }) };
    let build = || -> der::Result<_> {
        let mut all = vec![describe(CA_ISSUERS, issuer)?];
        if let Some(responder) = responder {
            all.push(describe(OCSP, responder)?);
        }
        AuthorityInfoAccessSyntax(all).to_der()
    };
    let der = build().map_err(|fault: der::Error| PkiError::malformed("the PKI address", fault.to_string()))?;
    extension("1.3.6.1.5.5.7.1.1", &der)
}

fn policies(dotted: &[&str]) -> Result<X509Extension, PkiError> {
    let build = || {
        let each = |oid: &&str| -> Result<_, der::oid::Error> {
            Ok(PolicyInformation { policy_identifier: ObjectIdentifier::new(oid)?, policy_qualifiers: None })
        };
        let all: Result<Vec<_>, _> = dotted.iter().map(each).collect();
        CertificatePolicies(all?).to_der()
    };
    let der = build().map_err(|fault: der::Error| PkiError::malformed("the policies", fault.to_string()))?;
    extension("2.5.29.32", &der)
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
