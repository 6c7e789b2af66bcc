//! Verifying tokens, by nothing but a certificate that one trusts.

use std::time::Duration;

use cms::content_info::ContentInfo;
use cms::signed_data::{SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec};
use der::{Decode, DecodeOwned, Tag, Tagged};
use openssl::stack::Stack;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509PurposeId, X509StoreContext, X509VerifyResult};
use x509_cert::attr::Attribute;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_tsp::Accuracy;

use super::syntax::{Response, SignedData, SigningCertificateV2, TstInfo};
use super::{Imprint, ImprintHash, LARGEST_TIME_STAMP, written};
use crate::certificate::Certificate;
use crate::error::{Doing, PkiError, drain};
use crate::generate::PublicKey;
use crate::signer::SignatureScheme;
use crate::tlv::{RawCertificate, check_extent, dotted, oid};
use domain::Timestamp;

pub(super) const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub(super) const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
pub(super) const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub(super) const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub(super) const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");

/// `SEQUENCE { id-kp-timeStamping }` and nothing else.
const TIME_STAMPING_ALONE: &[u8] = &[0x30, 0x0a, 0x06, 0x08, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// Elements within one element, and their depth: far more than any honest token has.
const MOST_ELEMENTS: usize = 64;
const DEEPEST: usize = 24;

const WHAT: &str = "the time stamp";

/// A token as read: a time somebody states for a digest. Not verified yet.
#[derive(Clone, Debug)]
pub struct TimeStampToken {
    /// TSTInfo, DER: what is signed.
    content: Vec<u8>,
    signer: SignerInfo,
    certificates: Vec<Certificate>,
    imprint: Imprint,
    facts: VerifiedTimeStamp,
}

/// What a token that verifies says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTimeStamp {
    /// When the digest was there.
    pub at: Timestamp,
    /// How far that may be off; zero when the token does not say.
    pub accuracy: Duration,
    /// Lower-case hex, as the authority's records have it.
    pub serial: String,
    /// Dotted.
    pub policy: String,
}

impl TimeStampToken {
    /// Reads a token: ContentInfo, DER, at most 64 KiB.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        let content_info: ContentInfo = bounded(der)?;
        Self::read(&content_info)
    }

    /// Reads the token of a reply (TimeStampResp, DER). Errors for one that refuses.
    pub fn from_reply(der: &[u8]) -> Result<Self, PkiError> {
        let reply: Response = bounded(der)?;
        match reply.token {
            // `granted` and `grantedWithMods`.
            Some(token) if reply.status.status <= 1 => Self::read(&token),
            _ => Err(PkiError::unfit(WHAT, "the reply refuses it")),
        }
    }

    fn read(content_info: &ContentInfo) -> Result<Self, PkiError> {
        if content_info.content_type != SIGNED_DATA {
            return Err(PkiError::malformed(WHAT, "it is not signed data"));
        }
        let signed: SignedData = content_info.content.decode_as().map_err(malformed)?;
        let content = signed.encap_content_info.econtent.filter(|_| signed.encap_content_info.econtent_type == TST_INFO);
        let content = content.ok_or_else(|| PkiError::malformed(WHAT, "what is signed is not the content of a time stamp"))?;
        let content = content.decode_as::<OctetString>().map_err(malformed)?.into_bytes();
        let info: TstInfo = bounded(&content)?;
        if info.extensions.is_some_and(|extensions| extensions.iter().any(|extension| extension.critical)) {
            return Err(PkiError::unfit(WHAT, "it has a critical extension that is not known here"));
        }
        // RFC 3161 section 2.4.2: the authority's and no other one.
        let [signer] = signed.signer_infos.0.as_slice() else {
            return Err(PkiError::malformed(WHAT, "it has another number of signers than one"));
        };
        if info.policy.tag() != Tag::ObjectIdentifier {
            return Err(PkiError::malformed(WHAT, "its policy is not an object identifier"));
        }
        let certificates = signed.certificates.iter().flat_map(SetOfVec::iter);
        let certificates = certificates.map(|each| Certificate::from_der(&written(each)?)).collect::<Result<_, _>>()?;
        Ok(Self {
            imprint: Imprint::of_syntax(&info.message_imprint)?,
            facts: VerifiedTimeStamp {
                at: info.gen_time.0,
                accuracy: info.accuracy.as_ref().map_or(Duration::ZERO, duration),
                serial: crate::text::hex(info.serial_number.as_bytes()),
                policy: dotted(info.policy.value()),
            },
            content,
            signer: signer.clone(),
            certificates,
        })
    }

    /// When it says that was. Not verified yet.
    pub fn stated_at(&self) -> Timestamp {
        self.facts.at
    }

    /// What it says was stamped.
    pub fn imprint(&self) -> &Imprint {
        &self.imprint
    }

    /// Verifies that `trusted`, a root or the authority that issues to time-stamping services, stands behind this time for this
    /// digest. `others` are certificates that the token may lack: those of the service and of the authorities below `trusted`.
    /// `at` is the moment as of which certificates are judged: they must be valid then, and the token not be of later.
    ///
    /// # Errors
    /// When anything of that is not so, naming it. Revocation is not asked about.
    pub fn verify(
        &self,
        imprint: &Imprint,
        trusted: &Certificate,
        others: &[Certificate],
        at: Timestamp,
    ) -> Result<VerifiedTimeStamp, PkiError> {
        if self.imprint != *imprint {
            return Err(PkiError::unfit(WHAT, "it is one for something else"));
        }
        let signer = self.check_signature(others)?;
        check_purpose(signer)?;
        check_chain(signer, trusted, &[&self.certificates, others], at)?;
        let VerifiedTimeStamp { at: stamped, accuracy, .. } = self.facts;
        if stamped > at.plus(accuracy) {
            return Err(PkiError::unfit(WHAT, format!("it is of {}, which is later than {}", stamped.people(), at.people())));
        }
        if !signer.is_valid_at(stamped) {
            return Err(PkiError::unfit(WHAT, "its certificate was not valid when it was made"));
        }
        Ok(self.facts.clone())
    }

    /// Holds attributes and signature to the certificate that the token was signed for, and returns that.
    fn check_signature<'a>(&'a self, others: &'a [Certificate]) -> Result<&'a Certificate, PkiError> {
        let attributes =
            self.signer.signed_attrs.as_ref().ok_or_else(|| PkiError::malformed(WHAT, "it has no signed attributes"))?;
        if attribute::<ObjectIdentifier>(attributes, CONTENT_TYPE)? != TST_INFO {
            return Err(PkiError::malformed(WHAT, "its signed content type is another one"));
        }
        // The first is the signer's own (RFC 5035 section 5.4.1).
        let named: SigningCertificateV2 = attribute(attributes, SIGNING_CERTIFICATE_V2)?;
        let named = named.certs.first().ok_or_else(|| PkiError::malformed(WHAT, "it names no certificate"))?;
        if named.hash_algorithm.as_ref().is_some_and(|hash| !is(hash, ImprintHash::Sha256)) {
            return Err(PkiError::unfit(WHAT, "it names its certificate by another hash than SHA-256"));
        }
        let signer = self.certificates.iter().chain(others).find(|each| each.fingerprint() == named.cert_hash.as_bytes());
        let signer = signer.ok_or_else(|| PkiError::unfit(WHAT, "the certificate that it was signed for is not at hand"))?;
        self.check_names(signer)?;
        let key = signer.public_key()?;
        let (scheme, hash) = algorithms(&key)?;
        let signature_algorithm = AlgorithmIdentifierOwned::from_der(&scheme.algorithm_der()?).map_err(malformed)?;
        if !is(&self.signer.digest_alg, hash) || self.signer.signature_algorithm != signature_algorithm {
            return Err(PkiError::unfit(WHAT, "its algorithms are not those of its key"));
        }
        if attribute::<OctetString>(attributes, MESSAGE_DIGEST)?.as_bytes() != hash.digest(&self.content) {
            return Err(PkiError::unfit(WHAT, "its content is not what was signed"));
        }
        // As a SET OF, not as the field that it stands in (RFC 5652 section 5.4).
        if key.verifies(&written(attributes)?, self.signer.signature.as_bytes())? {
            return Ok(signer);
        }
        Err(PkiError::unfit(WHAT, "its signature does not verify"))
    }

    /// The signer is named twice: by the attribute, which is signed, and beside the signature, which is not.
    fn check_names(&self, signer: &Certificate) -> Result<(), PkiError> {
        let SignerIdentifier::IssuerAndSerialNumber(named) = &self.signer.sid else {
            return Err(PkiError::malformed(WHAT, "it does not name its signer by issuer and serial number"));
        };
        let raw = RawCertificate::read(signer.der()).map_err(malformed)?;
        if written(&named.issuer)? == raw.issuer.whole && named.serial_number.as_bytes() == raw.serial {
            return Ok(());
        }
        Err(PkiError::unfit(WHAT, "it names two signers"))
    }
}

/// Scheme and hash of tokens by this key. Errors for Ed25519, which takes another road through CMS (RFC 8419).
pub(super) fn algorithms(key: &PublicKey) -> Result<(SignatureScheme, ImprintHash), PkiError> {
    let scheme = SignatureScheme::of_certificates(key)?;
    match scheme {
        SignatureScheme::EcdsaP256Sha256 | SignatureScheme::RsaPkcs1Sha256 => Ok((scheme, ImprintHash::Sha256)),
        SignatureScheme::EcdsaP384Sha384 => Ok((scheme, ImprintHash::Sha384)),
        SignatureScheme::RsaPssSha256 | SignatureScheme::Ed25519 => {
            Err(PkiError::unfit("the time-stamping key", "it is neither P-256, P-384 nor RSA"))
        }
    }
}

/// Errors unless a certificate is for time-stamping and nothing else, and says so critically (RFC 3161 section 2.3).
pub(super) fn check_purpose(certificate: &Certificate) -> Result<(), PkiError> {
    let raw = RawCertificate::read(certificate.der()).map_err(malformed)?;
    match raw.extension(oid::EXTENDED_KEY_USAGE) {
        Some(usage) if usage.critical && usage.value == TIME_STAMPING_ALONE => Ok(()),
        _ => Err(PkiError::unfit("the time-stamping certificate", "it is not one for time-stamping alone")),
    }
}

/// Errors unless `trusted` stands behind `signer` for time-stamping at that moment.
fn check_chain(signer: &Certificate, trusted: &Certificate, between: &[&[Certificate]], at: Timestamp) -> Result<(), PkiError> {
    const DOING: &str = "verify the time-stamping certificate";
    let (trusted, signer) = (trusted.x509()?, signer.x509()?);
    let between = between.iter().copied().flatten().map(Certificate::x509).collect::<Result<Vec<_>, _>>()?;
    let verify = || {
        let mut store = X509StoreBuilder::new()?;
        store.add_cert(trusted.clone())?;
        let mut parameters = X509VerifyParam::new()?;
        parameters.set_purpose(X509PurposeId::TIMESTAMP_SIGN)?;
        parameters.set_time(at.micros().div_euclid(1_000_000));
        // What the caller trusts is where the chain ends, be it a root or not.
        parameters.set_flags(X509VerifyFlags::X509_STRICT | X509VerifyFlags::PARTIAL_CHAIN)?;
        store.set_param(&parameters)?;
        let mut chain = Stack::new()?;
        for each in between {
            chain.push(each.clone())?;
        }
        let mut context = X509StoreContext::new()?;
        context.init(&store.build(), signer, &chain, |context| {
            context.verify_cert()?;
            Ok(context.error())
        })
    };
    let found = verify().doing(DOING)?;
    drain();
    if found == X509VerifyResult::OK {
        return Ok(());
    }
    Err(PkiError::unfit("the time-stamping certificate", found.error_string()))
}

/// The one value of an attribute that stands there once.
fn attribute<T: DecodeOwned>(attributes: &SetOfVec<Attribute>, oid: ObjectIdentifier) -> Result<T, PkiError> {
    let mut named = attributes.iter().filter(|each| each.oid == oid);
    let (Some(attribute), None) = (named.next(), named.next()) else {
        return Err(PkiError::malformed(WHAT, format!("its signed attribute {oid} is missing or there twice")));
    };
    let [value] = attribute.values.as_slice() else {
        return Err(PkiError::malformed(WHAT, format!("its signed attribute {oid} does not have one value")));
    };
    T::from_der(&written(value)?).map_err(malformed)
}

/// Whether an algorithm is this hash, with NULL parameters or none (RFC 5754 section 2).
fn is(algorithm: &AlgorithmIdentifierOwned, hash: ImprintHash) -> bool {
    let plain = algorithm.parameters.as_ref().is_none_or(der::Any::is_null);
    plain && ImprintHash::of_oid(algorithm.oid.as_bytes()) == Some(hash)
}

fn duration(accuracy: &Accuracy) -> Duration {
    let thousandths = |number: Option<i16>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    let fraction = Duration::from_micros(thousandths(accuracy.millis) * 1000 + thousandths(accuracy.micros));
    Duration::from_secs(accuracy.seconds.unwrap_or(0)).saturating_add(fraction)
}

/// Decodes what somebody else wrote, after it was measured.
fn bounded<T: DecodeOwned>(der: &[u8]) -> Result<T, PkiError> {
    if der.len() > LARGEST_TIME_STAMP {
        return Err(PkiError::malformed(WHAT, format!("it has {} bytes, at most {LARGEST_TIME_STAMP} are read", der.len())));
    }
    check_extent(der, MOST_ELEMENTS, DEEPEST).map_err(malformed)?;
    T::from_der(der).map_err(malformed)
}

fn malformed(fault: der::Error) -> PkiError {
    PkiError::malformed(WHAT, fault.to_string())
}
