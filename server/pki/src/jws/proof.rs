//! Proofs of possession (RFC 9449): a request signed by the sender's own key, which the proof brings along. Relying parties send
//! them, and citizens' apps, whose requests are signed over their body as well.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::Timestamp;
use openssl::sha::sha256;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use subtle::ConstantTimeEq;

use super::address::normal;
use super::compact::Compact;
use super::dates::date;
use super::verify::is_signed;
use super::{SignatureText, TokenRefusal, says};
use crate::error::PkiError;
use crate::jwk::{JwsAlgorithm, KeyNumbers, PublicJwk};
use crate::signer::Signer;

/// How long a proof is good after it was made, by its own `iat`.
pub const PROOF_LIFE: Duration = Duration::from_secs(60);
/// How far ahead of ours the sender's clock may be.
pub const CLOCK_AHEAD: Duration = Duration::from_secs(10);
/// Longest `jti`, in bytes.
pub const LONGEST_JTI: usize = 256;

/// `typ` of a proof (RFC 9449 section 4.2).
const KIND: &str = "dpop+jwt";
/// Members of a JWK that are a private key's or a shared secret (RFC 7518 section 6): nobody shows them.
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
/// Where a header points for a key.
const POINTERS: [&str; 4] = ["jku", "x5u", "x5c", "b64"];
/// Longest RSA exponent in base64url, that of four bytes: verifying by longer ones takes long, and that would be our time.
const LONGEST_EXPONENT: usize = 6;

/// What a proof has to be of.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The request's method, `POST`.
    pub method: &'a str,
    /// The address it was sent to, as this platform calls itself; query and fragment do not count.
    pub address: &'a str,
    /// The access token that was sent with it: the proof must be over this one.
    pub access_token: Option<&'a str>,
    /// The algorithms that are taken.
    pub algorithms: &'a [JwsAlgorithm],
    /// What time it is.
    pub now: Timestamp,
}

/// A proof whose signature is good and which is of the request. That it is used once (`thumbprint`, `jti`) is for the caller to see
/// to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// RFC 7638 thumbprint of the key: a token bound to it has this for `jkt`.
    pub thumbprint: String,
    /// The key, with no more members than a public key has.
    pub key: PublicJwk,
    /// The proof's own id, 1 to [`LONGEST_JTI`] bytes.
    pub jti: String,
    /// When it was made, as it says.
    pub issued_at: Timestamp,
    /// The last moment at which it is taken: until then its `jti` has to be remembered.
    pub expires_at: Timestamp,
    /// All that it says.
    pub claims: Map<String, Value>,
}

impl Proof {
    /// Whether it was signed over this body, by its claim `body` ([`body_hash`]). An empty body needs no claim.
    #[must_use]
    pub fn is_over(&self, body: &[u8]) -> bool {
        match self.claims.get("body") {
            None => body.is_empty(),
            Some(said) => said.as_str().is_some_and(|said| is_same(said, &body_hash(body))),
        }
    }
}

/// Verifies a proof in every particular of RFC 9449 section 4.3 but the nonce, which is not used here, and the single use.
///
/// # Errors
/// What is wrong with it; [`TokenRefusal::Claim`] and [`TokenRefusal::Time`] name the claim.
pub fn verify_proof(compact: &str, expected: &Expected<'_>) -> Result<Proof, TokenRefusal> {
    let Compact { signed, header, payload, signature } = Compact::read(compact)?;
    if !says(header.typ.as_deref(), KIND) {
        return Err(TokenRefusal::Kind);
    }
    header.refuse(&POINTERS)?;
    let key = brought(header.member("jwk"))?;
    let algorithm = key.algorithm().filter(|own| expected.algorithms.contains(own) && own.name() == header.alg);
    let algorithm = algorithm.ok_or(TokenRefusal::Algorithm)?;
    // Before the signature: what is too old or meant for another costs nothing.
    let claims = Compact::claims(&payload)?;
    let text = |name| claims.get(name).and_then(Value::as_str).ok_or(TokenRefusal::Claim(name));
    if text("htm")? != expected.method {
        return Err(TokenRefusal::Claim("htm"));
    }
    if normal(text("htu")?).is_none_or(|said| normal(expected.address).is_none_or(|ours| said != ours)) {
        return Err(TokenRefusal::Claim("htu"));
    }
    let jti = text("jti").ok().filter(|jti| (1..=LONGEST_JTI).contains(&jti.len())).ok_or(TokenRefusal::Claim("jti"))?.to_owned();
    let issued_at = date(&claims, "iat")?.ok_or(TokenRefusal::Claim("iat"))?;
    let expires_at = issued_at.plus(PROOF_LIFE);
    if issued_at > expected.now.plus(CLOCK_AHEAD) || expires_at < expected.now {
        return Err(TokenRefusal::Time("iat"));
    }
    if let Some(token) = expected.access_token
        && !is_same(text("ath")?, &access_token_hash(token))
    {
        return Err(TokenRefusal::Claim("ath"));
    }
    if !is_signed(&key, algorithm, signed, &signature) {
        return Err(TokenRefusal::Signature);
    }
    Ok(Proof { thumbprint: key.numbers.thumbprint(), key, jti, issued_at, expires_at, claims })
}

/// The public key in a header's `jwk`.
fn brought(jwk: Option<&Value>) -> Result<PublicJwk, TokenRefusal> {
    let members = jwk.and_then(Value::as_object).ok_or(TokenRefusal::Malformed("its header brings no key"))?;
    if PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)) {
        return Err(TokenRefusal::Malformed("its header shows a private key"));
    }
    let key = PublicJwk::deserialize(Value::Object(members.clone()))
        .map_err(|_| TokenRefusal::Malformed("its header's jwk is no public key"))?;
    match &key.numbers {
        KeyNumbers::Rsa { e, .. } if e.len() > LONGEST_EXPONENT => Err(TokenRefusal::Algorithm),
        _ => Ok(key),
    }
}

/// In a time that does not tell where they differ.
fn is_same(one: &str, other: &str) -> bool {
    one.as_bytes().ct_eq(other.as_bytes()).into()
}

/// What `ath` is of an access token (RFC 9449 section 4.2).
#[must_use]
pub fn access_token_hash(token: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(sha256(token.as_bytes()))
}

/// What `body` is of a request's body: base64url of its SHA-256.
#[must_use]
pub fn body_hash(body: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(sha256(body))
}

/// What a proof is to say.
#[derive(Clone, Copy, Debug)]
pub struct ProofTerms<'a> {
    /// The request's method, `POST`.
    pub method: &'a str,
    /// The address it goes to; query and fragment are left out.
    pub address: &'a str,
    /// An id that was never used before.
    pub jti: &'a str,
    /// What time it is.
    pub now: Timestamp,
    /// The access token that goes with it.
    pub access_token: Option<&'a str>,
    /// The body, where the proof is over it, too.
    pub body: Option<&'a [u8]>,
}

/// Makes proofs with one key.
#[derive(Debug)]
pub struct ProofSigner {
    signer: Arc<dyn Signer>,
    algorithm: JwsAlgorithm,
    thumbprint: String,
    /// The first part of a proof with its dot.
    header: String,
}

impl ProofSigner {
    /// Takes up a key. Errors when its kind does not sign by `algorithm`.
    pub fn new(signer: Arc<dyn Signer>, algorithm: JwsAlgorithm) -> Result<Self, PkiError> {
        let numbers = PublicJwk::signing(&signer.public_key()?, algorithm)?.numbers;
        let thumbprint = numbers.thumbprint();
        let header = json!({ "alg": algorithm.name(), "jwk": numbers, "typ": KIND });
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string()) + ".";
        Ok(Self { signer, algorithm, thumbprint, header })
    }

    /// RFC 7638 thumbprint of the key.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Makes a proof, for the header `DPoP`. Errors when what holds the key does not answer, or the address is none.
    pub fn prove(&self, terms: &ProofTerms<'_>) -> Result<String, PkiError> {
        let address = normal(terms.address).ok_or_else(|| PkiError::malformed("the address", "it is not an absolute one"))?;
        let mut claims = json!({
            "htm": terms.method,
            "htu": address,
            "iat": terms.now.micros().div_euclid(1_000_000),
            "jti": terms.jti,
        });
        if let Some(token) = terms.access_token {
            claims["ath"] = access_token_hash(token).into();
        }
        if let Some(body) = terms.body {
            claims["body"] = body_hash(body).into();
        }
        SignatureText { header: &self.header, payload: claims.to_string().as_bytes() }.sign(self.signer.as_ref(), self.algorithm)
    }
}

#[cfg(test)]
mod tests;
