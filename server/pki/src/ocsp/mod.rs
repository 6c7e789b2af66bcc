//! Answers about revocation (RFC 6960): what is asked, and what is answered by a responder that an authority delegated.
//!
//! A listener reads a request ([`OcspRequest`]), finds the one authority whose certificates it asks about
//! ([`OcspRequest::issuer_among`], by [`IssuerIds`]), and gives what that authority's [`Responder`] signed. An answer without a
//! nonce is the same for everybody who asks about a [`CertId`]: the caller may keep it until its next update. One with a nonce
//! is signed afresh. Whoever cannot be answered gets a [`Refusal`], which nobody signs.
//!
//! Invariant: no answer is signed before it passed the [`lint`]; what is signed are the very bytes that were linted.

mod build;
mod cert_id;
mod lint;
mod nonce;
mod refusal;
mod request;
mod responder;

pub use self::cert_id::{CertHash, CertId, IssuerIds};
pub use self::lint::OLDEST_UPDATE;
pub use self::nonce::{LONGEST_NONCE, Nonce};
pub use self::refusal::Refusal;
pub use self::request::{LONGEST_REQUEST, MOST_CERTIFICATES, OcspRequest, RequestFault};
pub use self::responder::{CertificateStatus, Responder, SingleAnswer};

/// Content bytes of the object identifiers of extensions.
mod oid {
    pub(super) const NONCE: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x02];
    pub(super) const ACCEPTABLE_RESPONSES: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x04];
    /// The extended key usage of a responder.
    pub(super) const OCSP_SIGNING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09];
}

#[cfg(test)]
mod tests;
