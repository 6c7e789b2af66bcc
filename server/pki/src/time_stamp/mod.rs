//! Time stamps (RFC 3161, with RFC 5816): requests read with suspicion, tokens made and tokens verified.
//!
//! Invariant: what is stamped is a digest by SHA-256, SHA-384 or SHA-512, and of its own length.
//! Invariant: no token leaves that does not verify under the certificate that it names.

mod request;
mod stamper;
mod syntax;
mod token;

use der::Encode;
use der::asn1::OctetString;
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::error::PkiError;

pub use request::{TimeStampFault, TimeStampRefusal, TimeStampRequest};
pub use stamper::TimeStamper;
pub use token::{TimeStampToken, VerifiedTimeStamp};

/// The policy that every token is made under (RFC 3161 section 2.4.2): the clock is the instance's own, read when the request
/// is answered, and the key is the instance's time-stamping key.
pub const TIME_STAMP_POLICY: &str = "2.25.212974603.3.1";

/// The same as DER content: [`crate::STAMP_OID`], then the arcs 3 and 1.
const POLICY_CONTENT: &[u8] = &[0x69, 0xe5, 0xc6, 0xf8, 0x0b, 0x03, 0x01];

/// Larger requests, replies and tokens are not looked at, in bytes.
pub const LARGEST_TIME_STAMP: usize = 64 * 1024;

/// The hashes that a stamped digest may be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImprintHash {
    /// 32 bytes.
    Sha256,
    /// 48 bytes.
    Sha384,
    /// 64 bytes.
    Sha512,
}

impl ImprintHash {
    const ALL: [Self; 3] = [Self::Sha256, Self::Sha384, Self::Sha512];

    /// Bytes of a digest.
    #[must_use]
    pub const fn length(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }

    /// The last arc under 2.16.840.1.101.3.4.2 (NIST, hash algorithms).
    const fn arc(self) -> u8 {
        match self {
            Self::Sha256 => 1,
            Self::Sha384 => 2,
            Self::Sha512 => 3,
        }
    }

    /// The hash of an object identifier's content bytes.
    fn of_oid(content: &[u8]) -> Option<Self> {
        let (arc, parent) = content.split_last()?;
        let known = parent == [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
        Self::ALL.into_iter().find(|hash| known && hash.arc() == *arc)
    }

    /// Without parameters, as RFC 5754 section 2 wants it written.
    fn identifier(self) -> Result<AlgorithmIdentifierOwned, der::Error> {
        Ok(AlgorithmIdentifierOwned { oid: format!("2.16.840.1.101.3.4.2.{}", self.arc()).parse()?, parameters: None })
    }

    fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => openssl::sha::sha256(message).to_vec(),
            Self::Sha384 => openssl::sha::sha384(message).to_vec(),
            Self::Sha512 => openssl::sha::sha512(message).to_vec(),
        }
    }
}

/// What is stamped: the digest of something that nobody here sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imprint {
    hash: ImprintHash,
    digest: Vec<u8>,
}

impl Imprint {
    /// Errors when the digest does not have the length of its hash.
    pub fn new(hash: ImprintHash, digest: &[u8]) -> Result<Self, PkiError> {
        if digest.len() == hash.length() {
            return Ok(Self { hash, digest: digest.to_vec() });
        }
        Err(PkiError::malformed("the digest", format!("it has {} bytes instead of {}", digest.len(), hash.length())))
    }

    /// SHA-256 over a message, e.g. over a checkpoint's note.
    pub fn of(message: &[u8]) -> Self {
        Self { hash: ImprintHash::Sha256, digest: ImprintHash::Sha256.digest(message) }
    }

    /// Which hash it is a digest of.
    pub fn hash(&self) -> ImprintHash {
        self.hash
    }

    /// Its bytes.
    pub fn digest(&self) -> &[u8] {
        &self.digest
    }

    fn syntax(&self, has_null: bool) -> Result<x509_tsp::MessageImprint, der::Error> {
        let mut hash_algorithm = self.hash.identifier()?;
        hash_algorithm.parameters = has_null.then(der::Any::null);
        Ok(x509_tsp::MessageImprint { hash_algorithm, hashed_message: OctetString::new(self.digest.clone())? })
    }

    /// Errors when the algorithm is none of ours, or its parameters are neither absent nor NULL.
    fn of_syntax(syntax: &x509_tsp::MessageImprint) -> Result<Self, PkiError> {
        let algorithm = &syntax.hash_algorithm;
        let plain = algorithm.parameters.as_ref().is_none_or(der::Any::is_null);
        let hash = ImprintHash::of_oid(algorithm.oid.as_bytes()).filter(|_| plain);
        let hash = hash.ok_or_else(|| PkiError::unfit("the digest", "it is not one of SHA-256, SHA-384 or SHA-512"))?;
        Self::new(hash, syntax.hashed_message.as_bytes())
    }
}

/// DER of what was built here: an error is a value too large to write down.
fn written(value: &impl Encode) -> Result<Vec<u8>, PkiError> {
    value.to_der().map_err(unwritten)
}

fn unwritten(fault: der::Error) -> PkiError {
    PkiError::malformed("the time stamp", fault.to_string())
}

#[cfg(test)]
mod tests;
