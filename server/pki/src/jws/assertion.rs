//! Client assertions (RFC 7523): a client says who it is with a token signed by its own key.

use std::time::Duration;

use domain::Timestamp;
use serde_json::{Map, Value, json};

use super::compact::Compact;
use super::dates::date;
use super::proof::{CLOCK_AHEAD, LONGEST_JTI};
use super::verify::is_signed;
use super::{TokenRefusal, TokenSigner, TokenType, says};
use crate::error::PkiError;
use crate::jwk::{JwsAlgorithm, PublicJwk};

/// The furthest ahead that an assertion may end.
pub const ASSERTION_LIFE: Duration = Duration::from_mins(5);

/// `typ` of assertions that say what they are; most say `JWT` or nothing.
const KIND: &str = "client-authentication+jwt";
/// Where a header points for a key, or brings one along.
const POINTERS: [&str; 3] = ["jku", "x5u", "jwk"];

/// To whom an assertion has to be addressed.
#[derive(Clone, Copy, Debug)]
pub enum Audience<'a> {
    /// To this one alone, as a string (FAPI 2.0 security profile, section 5.3.2.1): in a list, another may stand beside it, who would
    /// pass the assertion on.
    Issuer(&'a str),
    /// To one of these, as a string for the same reason.
    OneOf(&'a [&'a str]),
}

/// What an assertion has to be of.
#[derive(Clone, Copy, Debug)]
pub struct AssertionRules<'a> {
    /// Who it has to be from.
    pub client: &'a str,
    /// To whom it has to be addressed.
    pub audience: Audience<'a>,
    /// The algorithms that are taken.
    pub algorithms: &'a [JwsAlgorithm],
    /// What time it is.
    pub now: Timestamp,
}

/// An assertion that is good. That it is used once (`jti`) is for the caller to see to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// Place of the key that signed it.
    pub key: usize,
    /// Its own id, 1 to [`LONGEST_JTI`] bytes.
    pub jti: String,
    /// When it ends: until then its `jti` has to be remembered.
    pub expires_at: Timestamp,
}

/// Whose an assertion says that it is, before anything in it is believed: whose keys it is to be judged by.
///
/// # Errors
/// When it is no token, or says nothing.
pub fn claimed_client(compact: &str) -> Result<String, TokenRefusal> {
    claimed(compact, "sub")
}

/// What a token says of itself, before anything of it is verified: enough to know where to look, and nothing more.
///
/// # Errors
/// When it is no token, or says nothing in words there.
pub fn claimed(compact: &str, name: &'static str) -> Result<String, TokenRefusal> {
    let claims = Compact::claims(&Compact::read(compact)?.payload)?;
    claims.get(name).and_then(Value::as_str).map(str::to_owned).ok_or(TokenRefusal::Claim(name))
}

/// Judges an assertion by the client's own keys: by the one that its `kid` names, or by each where it names none.
///
/// # Errors
/// What is wrong with it; [`TokenRefusal::Claim`] and [`TokenRefusal::Time`] name the claim.
pub fn verify_assertion(compact: &str, keys: &[PublicJwk], rules: &AssertionRules<'_>) -> Result<Assertion, TokenRefusal> {
    let Compact { signed, header, payload, signature } = Compact::read(compact)?;
    if header.typ.is_some() && !says(header.typ.as_deref(), TokenType::Jwt.name()) && !says(header.typ.as_deref(), KIND) {
        return Err(TokenRefusal::Kind);
    }
    header.refuse(&POINTERS)?;
    let taken = |key: &PublicJwk| {
        key.algorithm().filter(|algorithm| rules.algorithms.contains(algorithm) && algorithm.name() == header.alg)
    };
    let named = |key: &PublicJwk| header.kid.as_ref().is_none_or(|kid| key.kid.as_ref() == Some(kid));
    let named: Vec<usize> = (0..keys.len()).filter(|place| named(&keys[*place])).collect();
    if named.is_empty() || (header.kid.is_some() && named.len() > 1) {
        return Err(TokenRefusal::UnknownKey);
    }
    let usable: Vec<_> = named.into_iter().filter_map(|place| Some((place, taken(&keys[place])?))).collect();
    if usable.is_empty() {
        return Err(TokenRefusal::Algorithm);
    }
    let signed_by = usable.into_iter().find(|(place, algorithm)| is_signed(&keys[*place], *algorithm, signed, &signature));
    let (key, _) = signed_by.ok_or(TokenRefusal::Signature)?;
    let claims = Compact::claims(&payload)?;
    let (jti, expires_at) = judge(&claims, rules)?;
    Ok(Assertion { key, jti, expires_at })
}

fn judge(claims: &Map<String, Value>, rules: &AssertionRules<'_>) -> Result<(String, Timestamp), TokenRefusal> {
    let text = |name| claims.get(name).and_then(Value::as_str).ok_or(TokenRefusal::Claim(name));
    for name in ["iss", "sub"] {
        if text(name)? != rules.client {
            return Err(TokenRefusal::Claim(name));
        }
    }
    let audience = claims.get("aud").ok_or(TokenRefusal::Claim("aud"))?;
    let is_ours = match (rules.audience, audience) {
        (Audience::Issuer(issuer), Value::String(one)) => one == issuer,
        (Audience::OneOf(ours), Value::String(one)) => ours.contains(&one.as_str()),
        _ => false,
    };
    if !is_ours {
        return Err(TokenRefusal::Claim("aud"));
    }
    let expires_at = date(claims, "exp")?.ok_or(TokenRefusal::Claim("exp"))?;
    if expires_at <= rules.now || expires_at > rules.now.plus(ASSERTION_LIFE) {
        return Err(TokenRefusal::Time("exp"));
    }
    for name in ["iat", "nbf"] {
        if date(claims, name)?.is_some_and(|date| date > rules.now.plus(CLOCK_AHEAD)) {
            return Err(TokenRefusal::Time(name));
        }
    }
    let jti = text("jti")?;
    if !(1..=LONGEST_JTI).contains(&jti.len()) {
        return Err(TokenRefusal::Claim("jti"));
    }
    Ok((jti.to_owned(), expires_at))
}

/// What an assertion is to say.
#[derive(Clone, Copy, Debug)]
pub struct AssertionTerms<'a> {
    /// Whose it is.
    pub client: &'a str,
    /// To whom it is addressed: the issuer.
    pub audience: &'a str,
    /// An id that was never used before.
    pub jti: &'a str,
    /// What time it is.
    pub now: Timestamp,
    /// For how long it is good, [`ASSERTION_LIFE`] at most.
    pub life: Duration,
}

impl TokenSigner {
    /// Makes an assertion. Errors when what holds the key does not answer.
    pub fn assert(&self, terms: &AssertionTerms<'_>) -> Result<String, PkiError> {
        let seconds = |at: Timestamp| at.micros().div_euclid(1_000_000);
        let claims = json!({
            "iss": terms.client,
            "sub": terms.client,
            "aud": terms.audience,
            "iat": seconds(terms.now),
            "exp": seconds(terms.now.plus(terms.life)),
            "jti": terms.jti,
        });
        self.sign(TokenType::Jwt, claims.to_string().as_bytes())
    }
}

#[cfg(test)]
mod tests;
