//! What is asked: read strictly, within limits, from strangers.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use der::Tag;
use percent_encoding::percent_decode_str;

use super::cert_id::{CertId, IssuerIds};
use super::nonce::Nonce;
use super::oid;
use super::refusal::Refusal;
use crate::tlv::{Extension, Tlv, context, extensions};

/// Longer requests are not looked at, in bytes.
pub const LONGEST_REQUEST: usize = 64 * 1024;

/// More certificates are not answered about at once. Nearly every request asks about one.
pub const MOST_CERTIFICATES: usize = 20;

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RequestFault {
    /// Longer than [`LONGEST_REQUEST`].
    #[error("the OCSP request has more than {LONGEST_REQUEST} bytes")]
    TooLarge,
    /// The path holds no base64.
    #[error("the path holds no OCSP request in base64")]
    NotBase64,
    /// Not the DER of a request, or something behind it.
    #[error("the bytes are no OCSP request in DER")]
    NotARequest,
    /// More than [`MOST_CERTIFICATES`].
    #[error("the OCSP request asks about more than {MOST_CERTIFICATES} certificates")]
    TooManyCertificates,
    /// A nonce that is twice there, or has not 1 to 128 bytes (RFC 9654 section 2.1).
    #[error("the OCSP request's nonce has not 1 to 128 bytes")]
    Nonce,
    /// A critical extension that is not understood here (RFC 6960 section 4.4).
    #[error("the OCSP request has a critical extension that is unknown here")]
    CriticalExtension,
}

impl RequestFault {
    /// A stable word for logs and counters.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::TooLarge => "too-large",
            Self::NotBase64 => "not-base64",
            Self::NotARequest => "not-a-request",
            Self::TooManyCertificates => "too-many-certificates",
            Self::Nonce => "nonce",
            Self::CriticalExtension => "critical-extension",
        }
    }

    /// What the client is told. None for garbage, which is no OCSP at all: HTTP 400.
    #[must_use]
    pub const fn refusal(self) -> Option<Refusal> {
        match self {
            Self::TooLarge | Self::NotBase64 | Self::NotARequest => None,
            Self::TooManyCertificates => Some(Refusal::Unauthorized),
            Self::Nonce | Self::CriticalExtension => Some(Refusal::MalformedRequest),
        }
    }
}

impl From<der::Error> for RequestFault {
    fn from(_: der::Error) -> Self {
        Self::NotARequest
    }
}

/// A request (RFC 6960 section 4.1.1). Who asks, and whether they signed it, is not looked at: everybody is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OcspRequest {
    certificates: Vec<CertId>,
    nonce: Option<Nonce>,
}

impl OcspRequest {
    /// Reads DER.
    pub fn from_der(der: &[u8]) -> Result<Self, RequestFault> {
        if der.len() > LONGEST_REQUEST {
            return Err(RequestFault::TooLarge);
        }
        let whole = Tlv::only(der)?;
        whole.tag.assert_eq(Tag::Sequence)?;
        let mut outer = whole.inside()?;
        let tbs = outer.next(Tag::Sequence)?;
        if let Some(signature) = outer.next_if(context(0))? {
            Tlv::only(signature.value)?.tag.assert_eq(Tag::Sequence)?;
        }
        outer.finish()?;
        let mut walk = tbs.inside()?;
        if let Some(version) = walk.next_if(context(0))? {
            // Version 1 needs not be said, and some say it.
            if Tlv::only(version.value)?.read::<u8>()? != 0 {
                return Err(RequestFault::NotARequest);
            }
        }
        if let Some(requestor) = walk.next_if(context(1))? {
            Tlv::only(requestor.value)?;
        }
        let certificates = certificates(&walk.next(Tag::Sequence)?)?;
        let extensions = match walk.next_if(context(2))? {
            Some(field) => extensions(&Tlv::only(field.value)?)?,
            None => Vec::new(),
        };
        walk.finish()?;
        Ok(Self { certificates, nonce: nonce(&extensions)? })
    }

    /// Reads what stands behind the responder's address in a GET (RFC 6960 appendix A.1): the DER in base64, percent-encoded.
    pub fn from_path(path: &str) -> Result<Self, RequestFault> {
        // Base64 makes four of three, percent-encoding at most three of one.
        if path.len() > 4 * LONGEST_REQUEST {
            return Err(RequestFault::TooLarge);
        }
        // Some put a slash too many before it. No request begins with one: its first byte is that of a SEQUENCE.
        let text: Vec<u8> = percent_decode_str(path.trim_start_matches('/')).collect();
        Self::from_der(&BASE64_STANDARD.decode(text).map_err(|_| RequestFault::NotBase64)?)
    }

    /// The certificates asked about, in their order: at least one.
    pub fn certificates(&self) -> &[CertId] {
        &self.certificates
    }

    /// The nonce, which the answer repeats.
    pub fn nonce(&self) -> Option<&Nonce> {
        self.nonce.as_ref()
    }

    /// The one of `issuers` that all certificates asked about are of. None when one is of nobody here, or they are of several:
    /// a responder's certificate speaks for the authority that issued it and no other (RFC 6960 section 4.2.2.2), so that no
    /// single answer could be made. Both are [`Refusal::Unauthorized`].
    pub fn issuer_among<'a, T>(&self, issuers: impl IntoIterator<Item = (&'a IssuerIds, T)>) -> Option<T> {
        let first = self.certificates.first()?;
        let (ids, issuer) = issuers.into_iter().find(|(ids, _)| ids.covers(first))?;
        self.certificates.iter().all(|certificate| ids.covers(certificate)).then_some(issuer)
    }
}

fn certificates(list: &Tlv<'_>) -> Result<Vec<CertId>, RequestFault> {
    let mut walk = list.inside()?;
    let mut all = Vec::new();
    while !walk.is_finished() {
        if all.len() == MOST_CERTIFICATES {
            return Err(RequestFault::TooManyCertificates);
        }
        let mut request = walk.next(Tag::Sequence)?.inside()?;
        all.push(CertId::read(&request.next(Tag::Sequence)?)?);
        if let Some(field) = request.next_if(context(0))? {
            understood(&extensions(&Tlv::only(field.value)?)?, &[])?;
        }
        request.finish()?;
    }
    if all.is_empty() { Err(RequestFault::NotARequest) } else { Ok(all) }
}

/// Refuses a critical extension that is not one of `known`.
fn understood(extensions: &[Extension<'_>], known: &[&[u8]]) -> Result<(), RequestFault> {
    if extensions.iter().any(|extension| extension.critical && !known.contains(&extension.oid)) {
        return Err(RequestFault::CriticalExtension);
    }
    Ok(())
}

fn nonce(extensions: &[Extension<'_>]) -> Result<Option<Nonce>, RequestFault> {
    // The kinds of answer that a client takes include the one that is given: everybody's must (RFC 6960 section 4.4.3).
    understood(extensions, &[oid::NONCE, oid::ACCEPTABLE_RESPONSES])?;
    let mut nonces = extensions.iter().filter(|extension| extension.oid == oid::NONCE);
    match (nonces.next(), nonces.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => Nonce::of_extension(only.value).map(Some).ok_or(RequestFault::Nonce),
        (Some(_), Some(_)) => Err(RequestFault::Nonce),
    }
}
