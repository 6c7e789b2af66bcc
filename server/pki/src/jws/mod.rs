//! Tokens: compact JSON Web Signatures (RFC 7515) by ES256 and PS256 (RFC 7518), signed on the hot path and verified with
//! suspicion.
//!
//! Invariant: the algorithm comes from the key, never from the token's header, which must merely agree.
//! Invariant: the key comes from the set that the caller gave, by `kid`; what a header carries or points to is never looked at. A
//! proof of possession alone ([`verify_proof`]) brings its key along, and proves no more than that the sender has it.

pub mod address;
mod assertion;
mod compact;
mod dates;
mod proof;
mod verify;

use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openssl::ecdsa::EcdsaSig;

use crate::error::{Doing, PkiError};
use crate::jwk::{JwsAlgorithm, PublicJwk};
use crate::signer::{SignatureScheme, Signer};

pub use assertion::{
    ASSERTION_LIFE, Assertion, AssertionRules, AssertionTerms, Audience, claimed, claimed_client, verify_assertion,
};
pub use proof::{
    CLOCK_AHEAD, Expected, LONGEST_JTI, PROOF_LIFE, Proof, ProofSigner, ProofTerms, access_token_hash, body_hash, verify_proof,
};
pub use verify::{LARGEST_TOKEN, TokenRefusal, VerifiedToken, verify};

/// Bytes of r and of s on P-256 (RFC 7518 section 3.4).
const ES256_HALF: i32 = 32;
/// Room for the longest signature in base64url, that of RSA 4096, and its dot.
const SIGNATURE_ROOM: usize = 684;

/// What a token is, its `typ`: a token of one kind is never taken for another (RFC 8725 section 3.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// `JWT`: ID tokens and signed userinfo.
    Jwt,
    /// `at+jwt`: access tokens (RFC 9068 section 2.1).
    AccessToken,
    /// `logout+jwt`: OpenID Connect Back-Channel Logout 1.0, section 2.4.
    LogoutToken,
    /// `secevent+jwt`: security events (RFC 8417 section 2.3).
    SecurityEvent,
    /// `token-introspection+jwt`: signed introspection answers (RFC 9701 section 5).
    Introspection,
}

impl TokenType {
    /// In the order of their declaration.
    const ALL: [Self; 5] = [Self::Jwt, Self::AccessToken, Self::LogoutToken, Self::SecurityEvent, Self::Introspection];

    /// As it stands in the header.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Jwt => "JWT",
            Self::AccessToken => "at+jwt",
            Self::LogoutToken => "logout+jwt",
            Self::SecurityEvent => "secevent+jwt",
            Self::Introspection => "token-introspection+jwt",
        }
    }
}

/// Whether a header's `typ` says that the token is of this kind: in any case of letters, with or without `application/` (RFC 7515
/// section 4.1.9).
fn says(typ: Option<&str>, kind: &str) -> bool {
    typ.is_some_and(|said| {
        let said = said.to_ascii_lowercase();
        said.strip_prefix("application/").unwrap_or(&said) == kind.to_ascii_lowercase()
    })
}

/// Signs tokens with one generation of the token-signing key.
#[derive(Debug)]
pub struct TokenSigner {
    signer: Arc<dyn Signer>,
    algorithm: JwsAlgorithm,
    kid: String,
    /// The first part of a token with its dot, for each of [`TokenType::ALL`]: written once, the same in every token.
    headers: [String; TokenType::ALL.len()],
}

impl TokenSigner {
    /// Takes up a key. Errors when its kind does not sign by `algorithm`.
    pub fn new(signer: Arc<dyn Signer>, algorithm: JwsAlgorithm) -> Result<Self, PkiError> {
        let kid = PublicJwk::signing(&signer.public_key()?, algorithm)?.numbers.thumbprint();
        // Names and thumbprint are letters, digits and a few signs: nothing in them needs escaping.
        let header = |typ: TokenType| format!(r#"{{"alg":"{}","kid":"{kid}","typ":"{}"}}"#, algorithm.name(), typ.name());
        let headers = TokenType::ALL.map(|typ| BASE64_URL_SAFE_NO_PAD.encode(header(typ)) + ".");
        Ok(Self { signer, algorithm, kid, headers })
    }

    /// The key's RFC 7638 thumbprint, as `/oauth2/jwks` shows it.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it signs by.
    pub fn algorithm(&self) -> JwsAlgorithm {
        self.algorithm
    }

    /// Signs `payload`, a JSON object, into a token in compact serialisation (RFC 7515 section 7.1). Errors when what holds
    /// the key does not answer.
    pub fn sign(&self, typ: TokenType, payload: &[u8]) -> Result<String, PkiError> {
        let header = &self.headers[typ as usize];
        SignatureText { header, payload }.sign(self.signer.as_ref(), self.algorithm)
    }
}

/// What is signed: the first part of a token with its dot, and what follows.
struct SignatureText<'a> {
    header: &'a str,
    payload: &'a [u8],
}

impl SignatureText<'_> {
    fn sign(&self, signer: &dyn Signer, algorithm: JwsAlgorithm) -> Result<String, PkiError> {
        let Self { header, payload } = self;
        let mut token = String::with_capacity(header.len() + payload.len().div_ceil(3) * 4 + SIGNATURE_ROOM);
        token.push_str(header);
        BASE64_URL_SAFE_NO_PAD.encode_string(payload, &mut token);
        let signature = match algorithm {
            JwsAlgorithm::ES256 => raw(&signer.sign_with(SignatureScheme::EcdsaP256Sha256, token.as_bytes())?)?,
            JwsAlgorithm::PS256 => signer.sign_with(SignatureScheme::RsaPssSha256, token.as_bytes())?,
        };
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }
}

/// r and s of a DER signature, one behind the other and padded, as tokens have them.
fn raw(der: &[u8]) -> Result<Vec<u8>, PkiError> {
    const DOING: &str = "write the token's signature";
    let signature = EcdsaSig::from_der(der).doing(DOING)?;
    let mut raw = signature.r().to_vec_padded(ES256_HALF).doing(DOING)?;
    raw.extend(signature.s().to_vec_padded(ES256_HALF).doing(DOING)?);
    Ok(raw)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;
