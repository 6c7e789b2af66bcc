//! Verifying what somebody else calls a token.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::rsa::Padding;
use openssl::sha::sha256;
use openssl::sign::{RsaPssSaltlen, Verifier};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::Value;

use super::{ES256_HALF, TokenType};
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
    /// Whether its header says that it is this: in any case of letters, with or without `application/` (RFC 7515 section
    /// 4.1.9).
    #[must_use]
    pub fn is(&self, typ: TokenType) -> bool {
        self.typ.as_deref().is_some_and(|said| {
            let said = said.to_ascii_lowercase();
            said.strip_prefix("application/").unwrap_or(&said) == typ.name().to_ascii_lowercase()
        })
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
}

/// Verifies a token in compact serialisation. Its header's `kid` must name one key of `keys`, and its `alg` be that key's
/// own ([`PublicJwk::algorithm`]) and one of `accepted`.
pub fn verify(compact: &str, keys: &Jwks, accepted: &[JwsAlgorithm]) -> Result<VerifiedToken, TokenRefusal> {
    if compact.len() > LARGEST_TOKEN {
        return Err(TokenRefusal::Malformed("it is too long"));
    }
    let parts: Vec<&str> = compact.splitn(4, '.').collect();
    let [header, payload, signature] = parts[..] else {
        return Err(TokenRefusal::Malformed("it does not have three parts"));
    };
    let signed = &compact[..header.len() + 1 + payload.len()];
    let Header { alg, kid, typ } = Header::read(&decoded(header)?)?;
    let (payload, signature) = (decoded(payload)?, decoded(signature)?);
    let mut named = keys.keys.iter().filter(|key| key.kid.as_deref() == Some(kid.as_str()));
    // Two keys of one name: which one is meant is not for the sender to choose.
    let (Some(key), None) = (named.next(), named.next()) else { return Err(TokenRefusal::UnknownKey) };
    let algorithm = key.algorithm().filter(|algorithm| accepted.contains(algorithm) && algorithm.name() == alg);
    let algorithm = algorithm.ok_or(TokenRefusal::Algorithm)?;
    if !is_signed(key, algorithm, signed.as_bytes(), &signature) {
        return Err(TokenRefusal::Signature);
    }
    Ok(VerifiedToken { kid, algorithm, typ, payload })
}

/// Base64url in its one spelling: no padding, no spare bits, no other sign.
fn decoded(part: &str) -> Result<Vec<u8>, TokenRefusal> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenRefusal::Malformed("a part is not base64url without padding"))
}

/// The members of a header that are looked at.
struct Header {
    alg: String,
    kid: String,
    typ: Option<String>,
}

impl Header {
    fn read(json: &[u8]) -> Result<Self, TokenRefusal> {
        let Members(mut members) =
            serde_json::from_slice(json).map_err(|_| TokenRefusal::Malformed("its header is not a JSON object"))?;
        if members.contains_key("crit") || members.get("b64").is_some_and(|b64| *b64 != Value::Bool(true)) {
            return Err(TokenRefusal::Extension);
        }
        let mut text = |member| match members.remove(member) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(TokenRefusal::Malformed("alg, kid or typ is not a string")),
        };
        let alg = text("alg")?.ok_or(TokenRefusal::Malformed("its header has no alg"))?;
        let (kid, typ) = (text("kid")?, text("typ")?);
        Ok(Self { alg, kid: kid.ok_or(TokenRefusal::UnknownKey)?, typ })
    }
}

/// A JSON object in which no name stands twice: of two, each reader takes another one (RFC 7515 section 4).
struct Members(BTreeMap<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;

        impl<'de> Visitor<'de> for Unique {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = BTreeMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    if members.insert(name, value).is_some() {
                        return Err(A::Error::custom("a name stands twice"));
                    }
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Unique)
    }
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
