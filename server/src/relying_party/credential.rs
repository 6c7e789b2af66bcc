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

#[cfg(test)]
mod tests {
    use openssl::bn::BigNum;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::nid::Nid;
    use openssl::pkey::PKey;
    use openssl::rsa::Rsa;
    use pki::jwk::KeyNumbers;
    use serde_json::json;

    use super::*;

    const P_256: &str = "WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q";

    /// The key of the fixture `inland-revenue-department.jwks.json`.
    fn good() -> Value {
        json!({
            "kty": "EC", "crv": "P-256", "x": "VS34-dxpQ4Fa1VLzV0Y94gql-AqmKW_fx1uPyegh3_k",
            "y": "qZ9zPbCPVd9c-lmwtpjy4nWRk6lNV7fzQZGl-hr6X1Q"
        })
    }

    fn with(key: &Value, member: &str, value: Value) -> Value {
        let mut key = key.clone();
        key[member] = value;
        key
    }

    fn numbers(pkey: PKey<openssl::pkey::Private>) -> Value {
        let key = PublicKey::from_spki_der(&pkey.public_key_to_der().unwrap()).unwrap();
        serde_json::to_value(KeyNumbers::of(&key).unwrap()).unwrap()
    }

    fn on_curve(curve: Nid) -> Value {
        numbers(PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap()).unwrap())
    }

    fn rsa(bits: u32, exponent: u32) -> Value {
        numbers(PKey::from_rsa(Rsa::generate_with_e(bits, &BigNum::from_u32(exponent).unwrap()).unwrap()).unwrap())
    }

    fn read(credentials: &Value) -> (Vec<PartyKey>, Vec<Finding>) {
        let manifest = json!({
            "apiVersion": "iam/v1", "kind": "RelyingParty", "id": "drill-office", "sector": "government",
            "organisation": { "en": "Drill Office", "zh-Hant": "演習處" },
            "contact": { "name": "duty officer", "email": "duty@office.example" },
            "services": [], "credentials": credentials
        });
        keys_of(&serde_json::from_value(manifest).unwrap())
    }

    fn set(keys: &[Value]) -> Value {
        json!([{ "kind": "jwks", "file": "keys.json", "jwks": { "keys": keys } }])
    }

    /// `path code` of everything wrong.
    fn wrong(credentials: &Value) -> Vec<String> {
        read(credentials).1.into_iter().map(|finding| format!("{} {}", finding.path, finding.code)).collect()
    }

    #[test]
    fn a_key_is_known_by_its_thumbprint_and_keeps_its_own_kid() {
        let (keys, findings) = read(&set(&[good(), with(&rsa(2048, 65_537), "kid", json!("rsa 2026"))]));
        assert_eq!(findings, []);
        assert_eq!(
            (keys[0].id.as_str(), keys[0].kind, keys[0].path.as_str()),
            (P_256, CredentialKind::Jwks, "credentials[0].jwks.keys[0]")
        );
        let stored: Vec<PublicJwk> = keys.iter().map(|key| serde_json::from_str(&key.public_key).unwrap()).collect();
        assert_eq!(stored[0].kid.as_deref(), Some(P_256));
        assert_eq!((stored[1].kid.as_deref(), stored[1].alg.as_deref()), (Some("rsa 2026"), Some("PS256")));
        assert_eq!(stored[1].numbers.thumbprint(), keys[1].id);
    }

    #[test]
    fn what_a_key_set_says_besides_is_not_kept() {
        let talkative =
            json!({ "x5u": "https://evil.example/", "x5c": ["MII"], "key_ops": ["verify"], "use": "sig", "alg": "ES256" });
        let mut key = good();
        key.as_object_mut().unwrap().extend(talkative.as_object().unwrap().clone());
        let (keys, findings) = read(&set(&[key]));
        assert_eq!(findings, []);
        assert!(!keys[0].public_key.contains("evil"));
    }

    #[test]
    fn every_bad_key_has_its_name() {
        // The first is printed in RFC 9500 together with its private half.
        let printed = json!({
            "kty": "EC", "crv": "P-256", "x": "QiVI-I-3gv-17KN0RFLHKh5Vj71vc75eSOkyMsxFxbE",
            "y": "bEzRDEy41bihcTnpSILImSVymTQl9BQZq36QpCpJQnI"
        });
        for (key, code) in [
            (printed, "credential.key-known"),
            (rsa(1024, 65_537), "credential.weak-key"),
            (rsa(2048, 3), "credential.weak-key"),
            (on_curve(Nid::SECP384R1), "credential.key-type"),
            (
                json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
                "credential.key-type",
            ),
            (json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" }), "credential.key-type"),
            (json!({ "crv": "P-256" }), "credential.key-type"),
            (with(&good(), "use", json!("enc")), "credential.use"),
            (with(&good(), "alg", json!("RS256")), "credential.alg"),
            (with(&good(), "alg", json!("none")), "credential.alg"),
            (with(&good(), "alg", json!(256)), "credential.alg"),
            (with(&rsa(2048, 65_537), "alg", json!("RS256")), "credential.alg"),
            (with(&good(), "kid", json!("")), "credential.kid"),
            (with(&good(), "kid", json!(7)), "credential.kid"),
            (with(&good(), "kid", json!("k\u{202e}")), "credential.kid"),
            (with(&good(), "kid", json!("k".repeat(129))), "credential.kid"),
            // Off the curve; not base64url; too short; missing; not a text.
            (with(&good(), "x", json!("AS34-dxpQ4Fa1VLzV0Y94gql-AqmKW_fx1uPyegh3_k")), "credential.key"),
            (with(&good(), "x", json!("VS34+dxpQ4Fa1VLzV0Y94gql+AqmKW/fx1uPyegh3/k=")), "credential.key"),
            (with(&good(), "x", json!("AA")), "credential.key"),
            (with(&good(), "x", json!(null)), "credential.key"),
            (json!({ "kty": "EC", "crv": "P-256", "x": "AA" }), "credential.key"),
            (json!({ "kty": "RSA", "n": "", "e": "AQAB" }), "credential.key"),
            (json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }), "credential.weak-key"),
            (json!({ "kty": "RSA", "n": "_".repeat(200_000), "e": "AQAB" }), "credential.weak-key"),
        ] {
            assert_eq!(wrong(&set(std::slice::from_ref(&key))), [format!("credentials[0].jwks.keys[0] {code}")], "{key}");
        }
        let (_, findings) = read(&set(&[with(&good(), "alg", json!("\u{1b}[31mRS256"))]));
        assert!(!findings[0].message.chars().any(char::is_control), "{}", findings[0].message);
    }

    #[test]
    fn one_key_stands_once_and_one_kid_means_one_key() {
        let other = on_curve(Nid::X9_62_PRIME256V1);
        let twice = json!([
            { "kind": "jwks", "file": "a.json", "jwks": { "keys": [with(&good(), "kid", json!("one"))] } },
            { "kind": "jwks", "file": "b.json", "jwks": { "keys": [with(&good(), "kid", json!("two")), with(&other, "kid", json!("one"))] } }
        ]);
        assert_eq!(
            wrong(&twice),
            ["credentials[1].jwks.keys[0] credential.duplicate-key", "credentials[1].jwks.keys[1].kid credential.duplicate-kid"]
        );
    }

    #[test]
    fn a_party_has_so_many_keys_and_no_more() {
        let keys: Vec<Value> = (0..21).map(|_| on_curve(Nid::X9_62_PRIME256V1)).collect();
        assert_eq!(wrong(&set(&keys[..20])), Vec::<String>::new());
        assert_eq!(wrong(&set(&keys)), ["credentials credential.too-many-keys"]);
        let padded = with(&good(), "note", json!("x".repeat(300_000)));
        assert_eq!(wrong(&set(&[padded])), ["credentials[0].jwks credential.too-large"]);
    }

    #[test]
    fn a_file_that_was_named_and_not_sent_is_missed() {
        for kind in ["jwks", "certificate"] {
            let named = json!([{ "kind": kind, "file": "keys\u{1b}.json" }]);
            assert_eq!(wrong(&named), ["credentials[0] credential.content"]);
            assert!(read(&named).1[0].message.contains("keys\\u{1b}.json"));
        }
    }

    #[test]
    fn a_certificate_is_one_block_with_a_good_key() {
        let certificate = |pkey: PKey<openssl::pkey::Private>| {
            let mut builder = openssl::x509::X509::builder().unwrap();
            builder.set_version(2).unwrap();
            builder.set_not_before(&openssl::asn1::Asn1Time::from_str("20260101000000Z").unwrap()).unwrap();
            builder.set_not_after(&openssl::asn1::Asn1Time::from_str("20270101000000Z").unwrap()).unwrap();
            builder.set_pubkey(&pkey).unwrap();
            builder.sign(&pkey, openssl::hash::MessageDigest::sha256()).unwrap();
            String::from_utf8(builder.build().to_pem().unwrap()).unwrap()
        };
        let listed = |pem: &str| json!([{ "kind": "certificate", "file": "a.pem", "certificate": pem }]);
        let good = certificate(PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());
        let (keys, findings) = read(&listed(&good));
        assert_eq!((findings, keys[0].public_key.as_str()), (Vec::new(), good.as_str()));
        assert_eq!(keys[0].not_after, Some("2027-01-01T00:00:00Z".parse().unwrap()));
        let weak = certificate(PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap());
        for (pem, code) in [
            (format!("{good}{good}"), "credential.certificate"),
            (good.replace("MII", "AII"), "credential.certificate"),
            ("-----BEGIN CERTIFICATE-----\n".to_owned(), "credential.certificate"),
            (format!("-----BEGIN CERTIFICATE-----\n{}", "A".repeat(70_000)), "credential.too-large"),
            (weak, "credential.weak-key"),
        ] {
            assert_eq!(wrong(&listed(&pem)), [format!("credentials[0].certificate {code}")]);
        }
    }
}
