//! Verifying what somebody else calls a token.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::sha::sha256;
use openssl::sign::{RsaPssSaltlen, Verifier};

use super::compact::{Compact, Header};
use super::{ES256_HALF, TokenType, says};
use crate::error::is_good;
use crate::generate::PublicKey;
use crate::jwk::{Jwks, JwsAlgorithm, PublicJwk};

/// Longer tokens are not looked at, in bytes.
pub const LARGEST_TOKEN: usize = 64 * 1024;

/// Bits of an RSA key whose signatures count: no fewer by RFC 7518 section 3.5, no more because their price is ours.
const RSA_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;

/// A token whose signature is good. What its claims say is for the caller to judge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Which key of the set signed it.
    pub kid: String,
    /// What it was signed by.
    pub algorithm: JwsAlgorithm,
    /// The header's `typ`, as it stands there.
    pub typ: Option<String>,
    /// The bytes that were signed.
    pub payload: Vec<u8>,
}

impl VerifiedToken {
    /// Whether its header says that it is this: in any case of letters, with or without `application/`.
    #[must_use]
    pub fn is(&self, typ: TokenType) -> bool {
        says(self.typ.as_deref(), typ.name())
    }
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefusal {
    /// Not a compact JWS in its one spelling.
    #[error("the token is malformed: {0}")]
    Malformed(&'static str),
    /// `crit`, or a payload that is not base64url (RFC 7797).
    #[error("the token's header asks for an extension that is not known here")]
    Extension,
    /// No `kid`, or not one key of the set has it. A newer copy of the set may.
    #[error("the token names no key of the set")]
    UnknownKey,
    /// The header's `alg` is not the key's, or not one that is taken here.
    #[error("the token's algorithm is not the one that its key is used with")]
    Algorithm,
    /// Signed by another key, or altered.
    #[error("the token's signature does not verify")]
    Signature,
    /// Its `typ` is that of another kind of token, or missing.
    #[error("the token is not of the kind that is asked for here")]
    Kind,
    /// What it says is not what it has to say here; the member that is wrong or missing.
    #[error("the token's {0} is missing or not the right one")]
    Claim(&'static str),
    /// Its own dates are against it; the member that says so.
    #[error("the token is not good at this time, by its {0}")]
    Time(&'static str),
}

/// Verifies a token in compact serialisation. Its header's `kid` must name one key of `keys`, and its `alg` be that key's
/// own ([`PublicJwk::algorithm`]) and one of `accepted`.
pub fn verify(compact: &str, keys: &Jwks, accepted: &[JwsAlgorithm]) -> Result<VerifiedToken, TokenRefusal> {
    let Compact { signed, header: Header { alg, kid, typ, .. }, payload, signature } = Compact::read(compact)?;
    let kid = kid.ok_or(TokenRefusal::UnknownKey)?;
    let mut named = keys.keys.iter().filter(|key| key.kid.as_deref() == Some(kid.as_str()));
    // Two keys of one name: which one is meant is not for the sender to choose.
    let (Some(key), None) = (named.next(), named.next()) else { return Err(TokenRefusal::UnknownKey) };
    let algorithm = key.algorithm().filter(|algorithm| accepted.contains(algorithm) && algorithm.name() == alg);
    let algorithm = algorithm.ok_or(TokenRefusal::Algorithm)?;
    if !is_signed(key, algorithm, signed, &signature) {
        return Err(TokenRefusal::Signature);
    }
    Ok(VerifiedToken { kid, algorithm, typ, payload })
}

/// Whether this key made the signature. One that is no key made none.
pub(super) fn is_signed(key: &PublicJwk, algorithm: JwsAlgorithm, signed: &[u8], signature: &[u8]) -> bool {
    let Ok(key) = key.to_public_key() else { return false };
    is_good(match algorithm {
        JwsAlgorithm::ES256 => es256(&key, signed, signature),
        JwsAlgorithm::PS256 => ps256(&key, signed, signature),
    })
}

fn es256(key: &PublicKey, signed: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
    let Some((r, s)) = signature.split_at_checked(ES256_HALF as usize) else { return Ok(false) };
    if s.len() != ES256_HALF as usize {
        return Ok(false);
    }
    let signature = EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
    signature.verify(&sha256(signed), &*key.pkey().ec_key()?)
}

fn ps256(key: &PublicKey, signed: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
    if !RSA_BITS.contains(&key.pkey().bits()) {
        return Ok(false);
    }
    let mut verifier = Verifier::new(MessageDigest::sha256(), key.pkey())?;
    verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
    // RFC 7518 section 3.5: the salt has the size of the hash.
    verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    verifier.verify_oneshot(signature, signed)
}
