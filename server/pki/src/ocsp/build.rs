//! The bytes of an answer that are to be signed, and the answer around them.

use der::asn1::{AnyRef, BitStringRef, OctetString};
use der::oid::AssociatedOid;
use der::{Decode, Encode, Sequence};
use x509_cert::ext::AsExtension;
use x509_cert::name::Name;
use x509_ocsp::{
    BasicOcspResponse, CertStatus, OcspGeneralizedTime, OcspResponse, OcspResponseStatus, ResponderId, ResponseBytes,
    ResponseData, RevokedInfo, SingleResponse, Version,
};

use super::nonce::Nonce;
use super::responder::{CertificateStatus, SingleAnswer};
use crate::crl::crl_reason;
use crate::error::PkiError;
use crate::moment;
use domain::Timestamp;

pub(super) const WHAT: &str = "the OCSP answer";

pub(super) fn fault(fault: der::Error) -> PkiError {
    PkiError::malformed(WHAT, fault.to_string())
}

/// BasicOCSPResponse around bytes that are signed already.
#[derive(Sequence)]
struct Basic<'a> {
    tbs: AnyRef<'a>,
    algorithm: AnyRef<'a>,
    signature: BitStringRef<'a>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    certificates: Vec<AnyRef<'a>>,
}

/// ResponseData, DER. `responder` is the SHA-1 of the responder's key, `latest` the last moment of its certificate: no answer
/// is good for longer.
pub(super) fn to_be_signed(
    responder: &[u8; 20],
    latest: Timestamp,
    answers: &[SingleAnswer],
    nonce: Option<&Nonce>,
    produced_at: Timestamp,
) -> Result<Vec<u8>, PkiError> {
    let extension = |nonce: &Nonce| x509_ocsp::ext::Nonce::new(nonce.bytes())?.to_extension(&Name::default(), &[]);
    let data = ResponseData {
        version: Version::V1,
        responder_id: ResponderId::ByKey(OctetString::new(responder.as_slice()).map_err(fault)?),
        produced_at: time(produced_at)?,
        responses: answers.iter().map(|answer| single(answer, latest)).collect::<Result<_, _>>()?,
        response_extensions: nonce.map(|nonce| extension(nonce).map(|only| vec![only])).transpose().map_err(fault)?,
    };
    data.to_der().map_err(fault)
}

fn time(moment: Timestamp) -> Result<OcspGeneralizedTime, PkiError> {
    Ok(moment::date_time(moment)?.into())
}

fn single(answer: &SingleAnswer, latest: Timestamp) -> Result<SingleResponse, PkiError> {
    let cert_status = match answer.status {
        CertificateStatus::Good => CertStatus::good(),
        CertificateStatus::Unknown => CertStatus::unknown(),
        CertificateStatus::Revoked { at, reason } => {
            CertStatus::Revoked(RevokedInfo { revocation_time: time(at)?, revocation_reason: crl_reason(reason) })
        }
    };
    Ok(SingleResponse {
        cert_id: answer.certificate.syntax.clone(),
        cert_status,
        this_update: time(answer.this_update)?,
        next_update: Some(time(answer.next_update.min(latest))?),
        single_extensions: None,
    })
}

/// OCSPResponse, DER: a successful one. All arguments are DER but the signature.
pub(super) fn response(tbs: &[u8], algorithm: &[u8], signature: &[u8], certificate: &[u8]) -> Result<Vec<u8>, PkiError> {
    let build = || {
        let basic = Basic {
            tbs: AnyRef::from_der(tbs)?,
            algorithm: AnyRef::from_der(algorithm)?,
            signature: BitStringRef::from_bytes(signature)?,
            certificates: vec![AnyRef::from_der(certificate)?],
        };
        let bytes = ResponseBytes { response_type: BasicOcspResponse::OID, response: OctetString::new(basic.to_der()?)? };
        OcspResponse { response_status: OcspResponseStatus::Successful, response_bytes: Some(bytes) }.to_der()
    };
    build().map_err(fault)
}
