//! Keys that a relying party brings: whoever holds the other half speaks for the party, so a key that somebody else can know or
//! compute is refused by name. Of whatever is read, only the numbers of the keys are believed.

mod evidence;
mod exposed;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use domain::credential::MOST_KEYS;
use domain::finding::shortened;
use domain::{Finding, Timestamp, check_key_set, too_many_keys, visible};
use serde_json::{Map, Value};

use crate::error::PkiError;
use crate::generate::PublicKey;
use crate::held::{HeldFault, is_chain, read_held};
use crate::jwk::{JwsAlgorithm, PublicJwk};

pub use evidence::public_halves;

/// A key set as text.
pub const LARGEST_KEY_SET: usize = 256 * 1024;
/// A certificate as text.
pub const LARGEST_CERTIFICATE: usize = 64 * 1024;
const LONGEST_KID: usize = 128;

const NEW_KEY: &str = "make an EC key on P-256 or an RSA key of 3072 bits";

/// A public key of a party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyKey {
    /// RFC 7638.
    pub thumbprint: String,
    /// The `kid` that the party gave it.
    pub kid: Option<String>,
    /// A JWK: numbers, `use`, `alg`, and the party's `kid` or else the thumbprint.
    pub jwk: String,
    /// Where it stands in what was read.
    pub path: String,
}

/// A certificate of a party.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartyCertificate {
    /// RFC 7638, of its key.
    pub thumbprint: String,
    /// PEM.
    pub pem: String,
    /// First moment.
    pub not_before: Timestamp,
    /// Last moment.
    pub not_after: Timestamp,
}

/// How a key set came here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// By somebody who means every key in it.
    ByHand,
    /// From an address that serves others as well: keys for other uses, algorithms and types are passed over.
    Fetched,
}

/// A key set that was read.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    /// The keys that may be used.
    pub keys: Vec<PartyKey>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
    /// Keys whose private halves stand in it.
    pub exposed: Vec<PublicKey>,
}

/// Reads a key set; `path` is where it stands. At most 20 keys are looked at, each for some milliseconds at most.
#[must_use]
pub fn read_key_set(path: &str, jwks: &Value, given: Given) -> KeySet {
    let mut reader = Reader { given, set: KeySet::default() };
    let listed = jwks.get("keys").and_then(Value::as_array).map_or(0, Vec::len);
    if listed > MOST_KEYS {
        // Before its size: a set of thousands is told what is wrong with it.
        reader.set.findings.push(too_many_keys(path, listed, "a key set"));
        return reader.set;
    }
    if jwks.to_string().len() > LARGEST_KEY_SET {
        reader.find(path, "credential.too-large", "the key set is larger than 256 KiB", "list the keys that are in use");
        return reader.set;
    }
    let form = check_key_set(path, jwks);
    let keys = jwks.get("keys").and_then(Value::as_array);
    for (place, key) in keys.into_iter().flatten().enumerate() {
        let path = format!("{path}.keys[{place}]");
        let Some(key) = key.as_object() else { continue };
        reader.set.exposed.extend(exposed::public_half(key));
        match reader.jwk(&path, key) {
            Err((code, ..)) if given == Given::Fetched && is_for_others(code) => {}
            Err((code, message, hint)) => reader.find(path, code, message, hint),
            Ok(()) => {}
        }
    }
    reader.finish(path, form)
}

/// Reads the text of a fetched key set, each key once.
#[must_use]
pub fn read_fetched_key_set(text: &[u8]) -> KeySet {
    match domain::distinct::read(text) {
        Ok(jwks) => {
            let mut set = read_key_set("", &jwks, Given::Fetched);
            let keys = set.keys.iter().map(|key| (key.thumbprint.as_str(), key.kid.as_deref(), key.path.as_str()));
            let mut found = repeated(keys);
            set.findings.append(&mut found);
            set
        }
        Err(error) => {
            // What the parser says could repeat a private key: only the place is told.
            let what = if error.is_data() { domain::distinct::TWICE } else { "what is served is no JSON" };
            let message = format!("{what}: line {}, column {}", error.line(), error.column());
            let hint = Some("serve a JSON object with a list 'keys'".to_owned());
            let finding = Finding { path: String::new(), code: "credential.jwks", message, hint };
            KeySet { findings: vec![finding], ..KeySet::default() }
        }
    }
}

/// Reads a certificate in PEM, which its issuers may follow; `path` is where it stands. Only the first is the party's.
///
/// # Errors
/// What is wrong with it.
pub fn read_certificate(path: &str, pem: &str) -> Result<PartyCertificate, Finding> {
    read_certificate_file(path, pem.as_bytes())
}

/// The same of a file, which may be DER as well.
///
/// # Errors
/// What is wrong with it.
pub fn read_certificate_file(path: &str, bytes: &[u8]) -> Result<PartyCertificate, Finding> {
    const MEND: &str = "give one certificate, PEM or DER; its issuers may follow it";
    let finding =
        |code, message: String, hint: &str| Finding { path: path.to_owned(), code, message, hint: Some(hint.to_owned()) };
    if bytes.len() > LARGEST_CERTIFICATE {
        return Err(finding("credential.too-large", "the certificate is larger than 64 KiB".to_owned(), MEND));
    }
    let unread = |error: PkiError| finding("credential.certificate", format!("the certificate cannot be read: {error}"), MEND);
    let held = read_held(bytes).map_err(|fault| match fault {
        HeldFault::PrivateKey => {
            let message = "a private key is in the file: give the certificate alone".to_owned();
            finding("credential.private-key", message, "whoever else has seen it has the key: make a new one then")
        }
        HeldFault::Unreadable(error) => unread(error),
    })?;
    if !is_chain(&held).map_err(unread)? {
        let message = "what follows the certificate is not the chain of its issuers".to_owned();
        return Err(finding("credential.certificate", message, MEND));
    }
    let Some(leaf) = held.first() else {
        return Err(finding("credential.certificate", "there is no certificate".to_owned(), MEND));
    };
    let (key, pem) = (leaf.public_key().map_err(unread)?, leaf.pem().map_err(unread)?);
    let view = leaf.view();
    match strong(&key) {
        Ok(thumbprint) => Ok(PartyCertificate { thumbprint, pem, not_before: view.not_before, not_after: view.not_after }),
        Err((code, message, hint)) => Err(finding(code, message, hint)),
    }
}

/// What is said of a key that is good for something else.
fn is_for_others(code: &str) -> bool {
    matches!(code, "credential.key-type" | "credential.use" | "credential.alg")
}

struct Reader {
    given: Given,
    set: KeySet,
}

type Fault = (&'static str, String, &'static str);

impl Reader {
    fn find(&mut self, path: impl Into<String>, code: &'static str, message: impl Into<String>, hint: &str) {
        self.set.findings.push(Finding { path: path.into(), code, message: message.into(), hint: Some(hint.to_owned()) });
    }

    fn jwk(&mut self, path: &str, members: &Map<String, Value>) -> Result<(), Fault> {
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        let algorithm = match (text("kty"), text("crv")) {
            (Some("EC"), Some("P-256")) => JwsAlgorithm::ES256,
            (Some("RSA"), _) => JwsAlgorithm::PS256,
            (kty, crv) => {
                let kind = shortened(&[kty, crv].into_iter().flatten().collect::<Vec<_>>().join(" "));
                return Err(("credential.key-type", format!("keys of type '{kind}' are not used here"), NEW_KEY));
            }
        };
        let wanted = format!("{algorithm:?}");
        if let Some(given) = members.get("use")
            && given != "sig"
        {
            return Err(("credential.use", "the key is not for signing".to_owned(), "list signing keys only: 'use' is 'sig'"));
        }
        if let Some(given) = members.get("key_ops")
            && !given.as_array().is_some_and(|uses| uses.iter().any(|it| it == "verify"))
        {
            // RFC 7517, section 4.3: "sign" is what a private key is for.
            let message = "the key is not for verifying signatures, says 'key_ops'".to_owned();
            return Err(("credential.use", message, "leave 'key_ops' out, or list 'verify' in it"));
        }
        if let Some(given) = members.get("alg")
            && *given != *wanted
        {
            let message = format!("the key is for the algorithm {}, which is not used here", shortened(&given.to_string()));
            return Err(("credential.alg", message, "sign with ES256 (EC) or PS256 (RSA), and say so in 'alg'"));
        }
        let kid = kid_of(members)?;
        // Only the numbers are taken: whatever else a key set says about a key is not ours to believe.
        let key = numbers(members)
            .map_err(|cause| ("credential.key", format!("the key cannot be read: {}", shortened(&cause)), NEW_KEY))?;
        let thumbprint = strong(&key)?;
        let mut jwk = PublicJwk::signing(&key, algorithm).map_err(|error| ("credential.key", error.to_string(), NEW_KEY))?;
        if kid.is_some() {
            jwk.kid.clone_from(&kid);
        }
        let jwk = serde_json::to_string(&jwk).map_err(|error| ("credential.key", error.to_string(), NEW_KEY))?;
        self.set.keys.push(PartyKey { thumbprint, kid, jwk, path: path.to_owned() });
        Ok(())
    }

    /// Puts the form's findings in front. What they say of a key is said once, and of a fetched key for others not at all.
    fn finish(mut self, path: &str, form: Vec<Finding>) -> KeySet {
        let fetched = self.given == Given::Fetched;
        let mut findings: Vec<Finding> = form.into_iter().filter(|finding| !(fetched && is_for_others(finding.code))).collect();
        let said: Vec<String> = findings.iter().map(|finding| finding.path.clone()).collect();
        let more = self.set.findings.drain(..).filter(|finding| !said.iter().any(|path| path.starts_with(&finding.path)));
        findings.extend(more);
        self.set.findings = findings;
        if fetched && self.set.findings.is_empty() && self.set.keys.is_empty() {
            self.find(path, "credential.jwks", "the key set holds no key that is used here", NEW_KEY);
        }
        self.set
    }
}

/// One key once, and one `kid` for one key: a signature names its key by it. Told at the second place.
pub fn repeated<'a>(keys: impl Iterator<Item = (&'a str, Option<&'a str>, &'a str)>) -> Vec<Finding> {
    let (mut keys_seen, mut kids_seen) = (HashMap::new(), HashMap::new());
    let (mut keys_found, mut kids_found) = (Vec::new(), Vec::new());
    let finding = |path: String, code, message| Finding { path, code, message, hint: Some("remove the second".to_owned()) };
    for (thumbprint, kid, path) in keys {
        match keys_seen.entry(thumbprint) {
            Entry::Vacant(entry) => drop(entry.insert(path)),
            Entry::Occupied(before) => {
                let message = format!("this key stands at {} already", before.get());
                keys_found.push(finding(path.to_owned(), "credential.duplicate-key", message));
                // That it has the same name as itself goes without saying.
                continue;
            }
        }
        let Some(kid) = kid else { continue };
        match kids_seen.entry(kid) {
            Entry::Vacant(entry) => drop(entry.insert(path)),
            Entry::Occupied(before) => {
                let message = format!("the kid '{kid}' stands at {} already", before.get());
                kids_found.push(finding(format!("{path}.kid"), "credential.duplicate-kid", message));
            }
        }
    }
    keys_found.append(&mut kids_found);
    keys_found
}

/// A key by its numbers alone.
pub(crate) fn numbers(members: &Map<String, Value>) -> Result<PublicKey, String> {
    let numbers =
        ["kty", "crv", "x", "y", "n", "e"].iter().filter_map(|name| Some(((*name).to_owned(), members.get(*name)?.clone())));
    serde_json::from_value::<PublicJwk>(Value::Object(numbers.collect()))
        .map_err(|error| error.to_string())
        .and_then(|jwk| jwk.to_public_key().map_err(|error| error.to_string()))
}

fn kid_of(members: &Map<String, Value>) -> Result<Option<String>, Fault> {
    match members.get("kid") {
        None => Ok(None),
        Some(Value::String(kid)) if (1..=LONGEST_KID).contains(&kid.len()) && visible(kid) == *kid => Ok(Some(kid.clone())),
        Some(_) => {
            let message = "the key's kid is not a text of 1 to 128 visible characters".to_owned();
            Err(("credential.kid", message, "leave it out: the key's thumbprint is taken then"))
        }
    }
}

/// The thumbprint of a key that only its holder can know the other half of.
fn strong(key: &PublicKey) -> Result<String, Fault> {
    crate::csr::check_key(key).map_err(|refusal| {
        let code = match refusal.code {
            "csr.key-type" | "csr.curve" => "credential.key-type",
            "csr.key-blocked" => "credential.key-known",
            _ => "credential.weak-key",
        };
        (code, refusal.message, NEW_KEY)
    })?;
    key.thumbprint().map_err(|error| ("credential.key", error.to_string(), NEW_KEY))
}

#[cfg(test)]
mod tests;
