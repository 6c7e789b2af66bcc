//! Public keys that a manifest brings. Whoever holds the other half speaks for the party, so a key that somebody else can
//! know or compute is refused by name.

use std::collections::HashMap;

use domain::finding::shortened;
use domain::{Credential, CredentialKind, Finding, Manifest, Timestamp, visible};
use pki::{Certificate, JwsAlgorithm, PublicJwk, PublicKey};
use serde_json::{Map, Value};

/// A key set as text; the command line reads no larger file either.
const LARGEST_JWKS: usize = 256 * 1024;
const LARGEST_CERTIFICATE: usize = 64 * 1024;
/// Two of each algorithm during a rotation are four; a party with more than this uses keys for what they are not made for.
const MOST_KEYS: usize = 20;
const LONGEST_KID: usize = 128;

const NEW_KEY: &str = "make an EC key on P-256 or an RSA key of 3072 bits";

/// A public key of a party.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct PartyKey {
    /// RFC 7638 thumbprint.
    pub(super) id: String,
    pub(super) kind: CredentialKind,
    /// A JWK with the party's own `kid`, or a certificate in PEM.
    pub(super) public_key: String,
    pub(super) not_after: Option<Timestamp>,
    /// Where it stands in the manifest.
    pub(super) path: String,
}

/// Every key of a manifest, and what is wrong with them.
pub(super) fn keys_of(manifest: &Manifest) -> (Vec<PartyKey>, Vec<Finding>) {
    let mut reader = Reader::default();
    for (place, credential) in manifest.credentials.iter().enumerate() {
        reader.credential(&format!("credentials[{place}]"), credential);
    }
    if reader.keys.len() > MOST_KEYS {
        let message = format!("there are {} keys, a party has at most {MOST_KEYS}", reader.keys.len());
        reader.find("credentials", "credential.too-many-keys", message, "list the keys that are in use");
    }
    reader.repeated();
    (reader.keys, reader.findings)
}

#[derive(Default)]
struct Reader {
    keys: Vec<PartyKey>,
    /// The `kid` of each key and where it stands.
    kids: Vec<(String, String)>,
    findings: Vec<Finding>,
}

impl Reader {
    fn find(&mut self, path: impl Into<String>, code: &'static str, message: impl Into<String>, hint: &str) {
        self.findings.push(Finding { path: path.into(), code, message: message.into(), hint: Some(hint.to_owned()) });
    }

    fn credential(&mut self, path: &str, credential: &Credential) {
        match (credential.kind, &credential.jwks, &credential.certificate) {
            (CredentialKind::Jwks, Some(jwks), None) => self.jwks(&format!("{path}.jwks"), jwks),
            (CredentialKind::Certificate, None, Some(pem)) => self.certificate(format!("{path}.certificate"), pem),
            (_, None, None) => {
                let file = credential.file.as_deref().map(shortened).unwrap_or_default();
                let message = format!("the content of '{file}' was not sent");
                self.find(path, "credential.content", message, "the server reads no files: send what it holds as well");
            }
            // Content of another kind is found by the manifest's own rules.
            _ => {}
        }
    }

    fn jwks(&mut self, path: &str, jwks: &Value) {
        if jwks.to_string().len() > LARGEST_JWKS {
            return self.find(
                path,
                "credential.too-large",
                "the key set is larger than 256 KiB",
                "list the keys that are in use",
            );
        }
        let keys = jwks.get("keys").and_then(Value::as_array);
        for (place, key) in keys.into_iter().flatten().enumerate() {
            let path = format!("{path}.keys[{place}]");
            if let Some(key) = key.as_object()
                && let Err((code, message, hint)) = self.jwk(&path, key)
            {
                self.find(path, code, message, hint);
            }
        }
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
        if let Some(given) = members.get("alg")
            && *given != *wanted
        {
            let message = format!("the key is for the algorithm {}, which is not used here", shortened(&given.to_string()));
            return Err(("credential.alg", message, "sign with ES256 (EC) or PS256 (RSA), and say so in 'alg'"));
        }
        let kid = kid_of(members)?;
        // Only the numbers are taken: whatever else a key set says about a key is not ours to believe.
        let numbers =
            ["kty", "crv", "x", "y", "n", "e"].iter().filter_map(|name| Some(((*name).to_owned(), members.get(*name)?.clone())));
        let key = serde_json::from_value::<PublicJwk>(Value::Object(numbers.collect()))
            .map_err(|error| error.to_string())
            .and_then(|jwk| jwk.to_public_key().map_err(|error| error.to_string()))
            .map_err(|cause| ("credential.key", format!("the key cannot be read: {}", shortened(&cause)), NEW_KEY))?;
        let id = strong(&key)?;
        let mut jwk = PublicJwk::signing(&key, algorithm).map_err(|error| ("credential.key", error.to_string(), NEW_KEY))?;
        if let Some(kid) = kid {
            self.kids.push((kid.clone(), path.to_owned()));
            jwk.kid = Some(kid);
        }
        let public_key = serde_json::to_string(&jwk).map_err(|error| ("credential.key", error.to_string(), NEW_KEY))?;
        self.keys.push(PartyKey { id, kind: CredentialKind::Jwks, public_key, not_after: None, path: path.to_owned() });
        Ok(())
    }

    fn certificate(&mut self, path: String, pem: &str) {
        const MEND: &str = "give one certificate in PEM, without its issuers";
        if pem.len() > LARGEST_CERTIFICATE {
            return self.find(path, "credential.too-large", "the certificate is larger than 64 KiB", MEND);
        }
        if pem.matches("-----BEGIN ").count() > 1 {
            return self.find(path, "credential.certificate", "there is more than one PEM block", MEND);
        }
        let read = || {
            let certificate = Certificate::from_pem(pem.as_bytes())?;
            Ok((certificate.public_key()?, certificate.pem()?, certificate.view().not_after))
        };
        let (key, public_key, not_after) = match read() {
            Ok(read) => read,
            Err::<_, pki::PkiError>(error) => {
                return self.find(path, "credential.certificate", format!("the certificate cannot be read: {error}"), MEND);
            }
        };
        match strong(&key) {
            Ok(id) => {
                let (kind, not_after) = (CredentialKind::Certificate, Some(not_after));
                self.keys.push(PartyKey { id, kind, public_key, not_after, path });
            }
            Err((code, message, hint)) => self.find(path, code, message, hint),
        }
    }

    /// One key once, and one `kid` for one key: a signature names its key by it.
    fn repeated(&mut self) {
        let mut found = Vec::new();
        let mut first: HashMap<&str, &str> = HashMap::new();
        for key in &self.keys {
            if let Some(before) = first.insert(&key.id, &key.path) {
                found.push((key.path.clone(), "credential.duplicate-key", format!("this key stands at {before} already")));
            }
        }
        let mut first: HashMap<&str, &str> = HashMap::new();
        for (kid, path) in &self.kids {
            if let Some(before) = first.insert(kid, path) {
                let message = format!("the kid '{kid}' stands at {before} already");
                found.push((format!("{path}.kid"), "credential.duplicate-kid", message));
            }
        }
        for (path, code, message) in found {
            self.find(path, code, message, "remove the second");
        }
    }
}

type Fault = (&'static str, String, &'static str);

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
    pki::csr::check_key(key).map_err(|refusal| {
        let code = match refusal.code {
            "csr.key-type" | "csr.curve" => "credential.key-type",
            "csr.key-blocked" => "credential.key-known",
            _ => "credential.weak-key",
        };
        (code, refusal.message, NEW_KEY)
    })?;
    key.thumbprint().map_err(|error| ("credential.key", error.to_string(), NEW_KEY))
}
