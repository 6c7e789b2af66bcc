//! Making tokens.

use std::sync::Arc;
use std::time::Duration;

use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{EncapsulatedContentInfo, SignerIdentifier, SignerInfo, SignerInfos};
use der::asn1::{ObjectIdentifier, OctetString, SetOfVec, Uint};
use der::{Any, Decode, EncodeValue, Tag, Tagged};
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_tsp::{Accuracy, TspVersion};

use super::request::TimeStampRequest;
use super::syntax::{EssCertIdV2, GenTime, IssuerSerial, Response, SignedData, SigningCertificateV2, StatusInfo, TstInfo};
use super::token::{self, CONTENT_TYPE, MESSAGE_DIGEST, SIGNED_DATA, SIGNING_CERTIFICATE_V2, TST_INFO};
use super::{ImprintHash, POLICY_CONTENT, unwritten, written};
use crate::certificate::Certificate;
use crate::error::PkiError;
use crate::generate::PublicKey;
use crate::signer::{Signer, sign_checked};
use crate::tlv::RawCertificate;
use domain::Timestamp;

const KEY: &str = "the time-stamping key";

/// PKIStatus `granted`.
const GRANTED: u8 = 0;

/// The time-stamping service: a key and its certificate, with what each token repeats of it written once.
#[derive(Debug)]
pub struct TimeStamper {
    signer: Arc<dyn Signer>,
    public: PublicKey,
    certificate: Certificate,
    /// Of the attributes and of the content.
    hash: ImprintHash,
    hash_algorithm: AlgorithmIdentifierOwned,
    signature_algorithm: AlgorithmIdentifierOwned,
    sid: SignerIdentifier,
    signing_certificate: Attribute,
    /// The certificate and those above it, for who asks for them.
    certificates: SetOfVec<Any>,
}

impl TimeStamper {
    /// Takes up a key with its certificate; `chain` holds the certificates between it and the root, without the root. Errors when
    /// the key is not the certificate's, or the certificate is not one for time-stamping alone (RFC 3161 section 2.3).
    pub fn new(signer: Arc<dyn Signer>, certificate: Certificate, chain: &[Certificate]) -> Result<Self, PkiError> {
        let public = signer.public_key()?;
        if certificate.public_key()? != public {
            return Err(PkiError::unfit(KEY, "it is not the one that the certificate names"));
        }
        token::check_purpose(&certificate)?;
        let (scheme, hash) = token::algorithms(&public)?;
        let raw = RawCertificate::read(certificate.der()).map_err(unwritten)?;
        let build = || {
            let (issuer, serial_number) = (Name::from_der(raw.issuer.whole)?, SerialNumber::new(raw.serial)?);
            let id = EssCertIdV2 {
                hash_algorithm: None,
                cert_hash: OctetString::new(certificate.fingerprint())?,
                issuer_serial: Some(IssuerSerial {
                    issuer: vec![GeneralName::DirectoryName(issuer.clone())],
                    serial_number: serial_number.clone(),
                }),
            };
            let signing_certificate =
                attribute(SIGNING_CERTIFICATE_V2, &SigningCertificateV2 { certs: vec![id], policies: None })?;
            let each = std::iter::once(&certificate).chain(chain).map(|each| Any::from_der(each.der()));
            let certificates = SetOfVec::try_from(each.collect::<Result<Vec<_>, _>>()?)?;
            let sid = SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber { issuer, serial_number });
            Ok((signing_certificate, certificates, sid, hash.identifier()?))
        };
        let (signing_certificate, certificates, sid, hash_algorithm) = build().map_err(unwritten)?;
        Ok(Self {
            signer,
            public,
            certificate,
            hash,
            hash_algorithm,
            signature_algorithm: AlgorithmIdentifierOwned::from_der(&scheme.algorithm_der()?).map_err(unwritten)?,
            sid,
            signing_certificate,
            certificates,
        })
    }

    /// The certificate that tokens are verified with.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The reply that grants a request: TimeStampResp, DER. [`TimeStamper::token`] with its status.
    pub fn grant(
        &self,
        request: &TimeStampRequest,
        serial: [u8; 16],
        at: Timestamp,
        accuracy: Duration,
    ) -> Result<Vec<u8>, PkiError> {
        let status = StatusInfo { status: GRANTED, text: None, failure: None };
        written(&Response { status, token: Some(self.content_info(request, serial, at, accuracy)?) })
    }

    /// A token: ContentInfo, DER. `serial` is random, or at least never used before; `accuracy` is how far the clock may be off,
    /// in microseconds at the finest. Errors when the certificate is not valid at that moment, or the key does not answer.
    pub fn token(
        &self,
        request: &TimeStampRequest,
        serial: [u8; 16],
        at: Timestamp,
        accuracy: Duration,
    ) -> Result<Vec<u8>, PkiError> {
        written(&self.content_info(request, serial, at, accuracy)?)
    }

    fn content_info(
        &self,
        request: &TimeStampRequest,
        serial: [u8; 16],
        at: Timestamp,
        accuracy: Duration,
    ) -> Result<ContentInfo, PkiError> {
        if !self.certificate.is_valid_at(at) {
            return Err(PkiError::unfit("the time-stamping certificate", "it is not valid at the moment to be stamped"));
        }
        let info = tst_info(request, serial, at, accuracy).map_err(unwritten)?;
        self.signed(written(&info)?, request.wants_certificate())
    }

    /// Puts a signature and, if wanted, the certificates around TSTInfo.
    pub(super) fn signed(&self, content: Vec<u8>, with_certificates: bool) -> Result<ContentInfo, PkiError> {
        let attributes = self.signed_attributes(&content).map_err(unwritten)?;
        // Over the attributes as a SET OF, not as the field that they stand in (RFC 5652 section 5.4).
        let signature = sign_checked(&*self.signer, &self.public, &written(&attributes)?)?;
        let build = || {
            let signer = SignerInfo {
                version: CmsVersion::V1,
                sid: self.sid.clone(),
                digest_alg: self.hash_algorithm.clone(),
                signed_attrs: Some(attributes),
                signature_algorithm: self.signature_algorithm.clone(),
                signature: OctetString::new(signature)?,
                unsigned_attrs: None,
            };
            let signed = SignedData {
                // As always where the content is not plain data (RFC 5652 section 5.1).
                version: CmsVersion::V3,
                digest_algorithms: SetOfVec::try_from([self.hash_algorithm.clone()])?,
                encap_content_info: EncapsulatedContentInfo {
                    econtent_type: TST_INFO,
                    econtent: Some(Any::encode_from(&OctetString::new(content)?)?),
                },
                certificates: with_certificates.then(|| self.certificates.clone()),
                crls: None,
                signer_infos: SignerInfos::try_from(vec![signer])?,
            };
            Ok(ContentInfo { content_type: SIGNED_DATA, content: Any::encode_from(&signed)? })
        };
        build().map_err(unwritten)
    }

    /// Content type, digest of the content, and the certificate that it is signed for (RFC 5816 section 2.2.1).
    fn signed_attributes(&self, content: &[u8]) -> der::Result<SetOfVec<Attribute>> {
        let digest = attribute(MESSAGE_DIGEST, &OctetString::new(self.hash.digest(content))?)?;
        SetOfVec::try_from([attribute(CONTENT_TYPE, &TST_INFO)?, digest, self.signing_certificate.clone()])
    }
}

fn tst_info(request: &TimeStampRequest, serial: [u8; 16], at: Timestamp, accuracy: Duration) -> der::Result<TstInfo> {
    let thousandths = |number: u32| i16::try_from(number % 1000).ok().filter(|number| *number != 0);
    Ok(TstInfo {
        version: TspVersion::V1,
        policy: Any::new(Tag::ObjectIdentifier, POLICY_CONTENT)?,
        message_imprint: request.imprint_syntax()?,
        serial_number: Uint::new(&serial)?,
        gen_time: GenTime(at),
        accuracy: Some(Accuracy {
            seconds: Some(accuracy.as_secs()),
            millis: thousandths(accuracy.subsec_millis()),
            micros: thousandths(accuracy.subsec_micros()),
        }),
        ordering: false,
        nonce: request.nonce().cloned(),
        tsa: None,
        extensions: None,
    })
}

fn attribute(oid: ObjectIdentifier, value: &(impl Tagged + EncodeValue)) -> der::Result<Attribute> {
    Ok(Attribute { oid, values: SetOfVec::try_from([Any::encode_from(value)?])? })
}
