//! The compact serialisation of a signature (RFC 7515 section 7.1), taken apart with suspicion before anything is verified.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::{LARGEST_TOKEN, TokenRefusal};

/// A token in its parts. Nothing in it is believed yet.
pub(super) struct Compact<'a> {
    /// The bytes that the signature is over.
    pub(super) signed: &'a [u8],
    /// What the header says.
    pub(super) header: Header,
    /// What was signed.
    pub(super) payload: Vec<u8>,
    /// The signature.
    pub(super) signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Takes a token apart.
    pub(super) fn read(compact: &'a str) -> Result<Self, TokenRefusal> {
        if compact.len() > LARGEST_TOKEN {
            return Err(TokenRefusal::Malformed("it is too long"));
        }
        let parts: Vec<&str> = compact.splitn(4, '.').collect();
        let [header, payload, signature] = parts[..] else {
            return Err(TokenRefusal::Malformed("it does not have three parts"));
        };
        let signed = &compact.as_bytes()[..header.len() + 1 + payload.len()];
        let header = Header::read(&decoded(header)?)?;
        Ok(Self { signed, header, payload: decoded(payload)?, signature: decoded(signature)? })
    }

    /// A payload that is a JSON object in which no name stands twice.
    pub(super) fn claims(payload: &[u8]) -> Result<Map<String, Value>, TokenRefusal> {
        object(payload).ok_or(TokenRefusal::Malformed("its payload is not a JSON object"))
    }
}

/// Base64url in its one spelling: no padding, no spare bits, no other sign.
fn decoded(part: &str) -> Result<Vec<u8>, TokenRefusal> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenRefusal::Malformed("a part is not base64url without padding"))
}

/// A JSON object in which no name stands twice: of two, each reader takes another one (RFC 7515 section 4).
fn object(json: &[u8]) -> Option<Map<String, Value>> {
    match domain::distinct::read(json) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// The members of a header that are looked at.
pub(super) struct Header {
    /// `alg`.
    pub(super) alg: String,
    /// `kid`.
    pub(super) kid: Option<String>,
    /// `typ`.
    pub(super) typ: Option<String>,
    /// All others.
    rest: Map<String, Value>,
}

impl Header {
    fn read(json: &[u8]) -> Result<Self, TokenRefusal> {
        let mut members = object(json).ok_or(TokenRefusal::Malformed("its header is not a JSON object"))?;
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
        Ok(Self { alg, kid, typ, rest: members })
    }

    /// A member other than `alg`, `kid` and `typ`.
    pub(super) fn member(&self, name: &str) -> Option<&Value> {
        self.rest.get(name)
    }

    /// Errors when any of these members is there: what a header points to or brings along is not even passed over.
    pub(super) fn refuse(&self, names: &[&str]) -> Result<(), TokenRefusal> {
        if names.iter().any(|name| self.rest.contains_key(*name)) { Err(TokenRefusal::Extension) } else { Ok(()) }
    }
}
