//! What binds an answer to its request (RFC 9654).

use der::Decode;
use der::asn1::OctetStringRef;

/// The longest nonce (RFC 9654 section 2.1), in bytes. The shortest has one byte.
pub const LONGEST_NONCE: usize = 128;

/// The nonce of a request, to be repeated in its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// Takes 1 to 128 bytes. None for fewer or more.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        (1..=LONGEST_NONCE).contains(&bytes.len()).then(|| Self(bytes.to_vec()))
    }

    /// Reads the extension's value: an OCTET STRING of that length.
    pub(super) fn of_extension(value: &[u8]) -> Option<Self> {
        Self::new(OctetStringRef::from_der(value).ok()?.as_bytes())
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}
