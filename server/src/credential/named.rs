//! What a manifest brings for its party to be known by.

use domain::credential::MOST_KEYS;
use domain::finding::shortened;
use domain::{Credential, CredentialKind, CredentialType, Finding, Manifest, Timestamp};
use pki::party_key::{Given, read_certificate, read_key_set, repeated};

/// A credential that a manifest, or an operator, names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NamedCredential {
    pub(crate) kind: CredentialType,
    /// RFC 7638 thumbprint of its key; an address has none.
    pub(crate) thumbprint: Option<String>,
    /// The `kid` that the party gave the key.
    pub(crate) kid: Option<String>,
    /// A JWK, a certificate in PEM, or an address.
    pub(crate) content: String,
    pub(crate) not_before: Option<Timestamp>,
    pub(crate) not_after: Option<Timestamp>,
    /// Where it stands in what was read.
    pub(crate) path: String,
}

/// Every credential of a manifest, and what is wrong with them.
pub(crate) fn credentials_of(manifest: &Manifest) -> (Vec<NamedCredential>, Vec<Finding>) {
    let mut read = Reading::default();
    for (place, credential) in manifest.credentials.iter().enumerate() {
        read.credential(&format!("credentials[{place}]"), credential);
    }
    read.finish("credentials")
}

/// What was read so far.
#[derive(Default)]
pub(crate) struct Reading {
    named: Vec<NamedCredential>,
    findings: Vec<Finding>,
}

impl Reading {
    /// The credentials, and what is wrong with them one by one and together.
    pub(crate) fn finish(mut self, path: &str) -> (Vec<NamedCredential>, Vec<Finding>) {
        let named = self.named.len();
        if named > MOST_KEYS {
            let message =
                format!("there are {named} keys, certificates and addresses of key sets, a party has at most {MOST_KEYS}");
            self.find(path, "credential.too-many-keys", message, "list those that are in use");
        }
        let keys = self.named.iter().filter_map(|it| Some((it.thumbprint.as_deref()?, it.kid.as_deref(), it.path.as_str())));
        let mut found = repeated(keys);
        self.findings.append(&mut found);
        (self.named, self.findings)
    }

    fn find(&mut self, path: &str, code: &'static str, message: String, hint: &str) {
        self.findings.push(Finding { path: path.to_owned(), code, message, hint: Some(hint.to_owned()) });
    }

    fn credential(&mut self, path: &str, credential: &Credential) {
        match (credential.kind, &credential.url, &credential.jwks, &credential.certificate) {
            (CredentialKind::Jwks, Some(url), None, None) => self.address(&format!("{path}.url"), url),
            (CredentialKind::Jwks, None, Some(jwks), None) => self.jwks(&format!("{path}.jwks"), jwks),
            (CredentialKind::Certificate, None, None, Some(pem)) => self.certificate(&format!("{path}.certificate"), pem),
            (_, None, None, None) => {
                let file = credential.file.as_deref().map(shortened).unwrap_or_default();
                let message = format!("the content of '{file}' was not sent");
                self.find(path, "credential.content", message, "the server reads no files: send what it holds as well");
            }
            // Content of another kind is found by the manifest's own rules.
            _ => {}
        }
    }

    /// An address; its form is checked by whoever knows the environment.
    pub(crate) fn address(&mut self, path: &str, url: &str) {
        self.named.push(NamedCredential {
            kind: CredentialType::JwksUrl,
            thumbprint: None,
            kid: None,
            content: url.to_owned(),
            not_before: None,
            not_after: None,
            path: path.to_owned(),
        });
    }

    /// A key set by value.
    pub(crate) fn jwks(&mut self, path: &str, jwks: &serde_json::Value) {
        let set = read_key_set(path, jwks, Given::ByHand);
        self.findings.extend(set.findings);
        self.named.extend(set.keys.into_iter().map(|key| NamedCredential {
            kind: CredentialType::Jwks,
            thumbprint: Some(key.thumbprint),
            kid: key.kid,
            content: key.jwk,
            not_before: None,
            not_after: None,
            path: key.path,
        }));
    }

    /// A certificate in PEM.
    pub(crate) fn certificate(&mut self, path: &str, pem: &str) {
        match read_certificate(path, pem) {
            Ok(certificate) => self.named.push(NamedCredential {
                kind: CredentialType::Certificate,
                thumbprint: Some(certificate.thumbprint),
                kid: None,
                content: certificate.pem,
                not_before: Some(certificate.not_before),
                not_after: Some(certificate.not_after),
                path: path.to_owned(),
            }),
            Err(finding) => self.findings.push(finding),
        }
    }
}

#[cfg(test)]
mod tests {
    use pki::{JwsAlgorithm, KeyKind, PrivateKey, PublicJwk};
    use serde_json::{Value, json};

    use super::*;

    fn key() -> Value {
        let key = PrivateKey::generate(KeyKind::P256).unwrap().public().unwrap();
        let mut jwk = serde_json::to_value(PublicJwk::signing(&key, JwsAlgorithm::ES256).unwrap()).unwrap();
        jwk.as_object_mut().unwrap().remove("kid");
        jwk
    }

    fn with_kid(key: &Value, kid: &str) -> Value {
        let mut key = key.clone();
        key["kid"] = json!(kid);
        key
    }

    fn read(credentials: &Value) -> (Vec<NamedCredential>, Vec<Finding>) {
        let manifest = json!({
            "apiVersion": "iam/v1", "kind": "RelyingParty", "id": "drill-office", "sector": "government",
            "organisation": { "en": "Drill Office", "zh-Hant": "演習處" },
            "contact": { "name": "duty officer", "email": "duty@office.example" },
            "services": [], "credentials": credentials
        });
        credentials_of(&serde_json::from_value(manifest).unwrap())
    }

    fn set(keys: &[Value]) -> Value {
        json!([{ "kind": "jwks", "file": "keys.json", "jwks": { "keys": keys } }])
    }

    /// `path code` of everything wrong.
    fn wrong(credentials: &Value) -> Vec<String> {
        read(credentials).1.into_iter().map(|finding| format!("{} {}", finding.path, finding.code)).collect()
    }

    #[test]
    fn keys_and_addresses_are_named_in_the_order_of_the_file() {
        let address = "https://drill.example/jwks.json";
        let (named, findings) = read(&json!([
            { "kind": "jwks", "url": address },
            { "kind": "jwks", "file": "keys.json", "jwks": { "keys": [key(), key()] } }
        ]));
        assert_eq!(findings, []);
        let told: Vec<_> = named.iter().map(|it| (it.kind, it.path.as_str(), it.thumbprint.is_some())).collect();
        assert_eq!(
            told,
            [
                (CredentialType::JwksUrl, "credentials[0].url", false),
                (CredentialType::Jwks, "credentials[1].jwks.keys[0]", true),
                (CredentialType::Jwks, "credentials[1].jwks.keys[1]", true),
            ]
        );
        assert_eq!(named[0].content, address);
    }

    #[test]
    fn one_key_stands_once_and_one_kid_means_one_key() {
        let (one, other) = (key(), key());
        let twice = json!([
            { "kind": "jwks", "file": "a.json", "jwks": { "keys": [with_kid(&one, "one")] } },
            { "kind": "jwks", "file": "b.json", "jwks": { "keys": [with_kid(&one, "two"), with_kid(&other, "one")] } }
        ]);
        assert_eq!(
            wrong(&twice),
            ["credentials[1].jwks.keys[0] credential.duplicate-key", "credentials[1].jwks.keys[1].kid credential.duplicate-kid"]
        );
    }

    #[test]
    fn a_party_has_so_many_keys_and_no_more() {
        let keys: Vec<Value> = (0..21).map(|_| key()).collect();
        assert_eq!(wrong(&set(&keys[..20])), Vec::<String>::new());
        let two = |rest: &[Value]| json!([set(&keys[..20])[0], { "kind": "jwks", "file": "b.json", "jwks": { "keys": rest } }]);
        assert_eq!(wrong(&two(&keys[20..])), ["credentials credential.too-many-keys"]);
        let addresses = |many: usize| {
            let each = (0..many).map(|n| json!({ "kind": "jwks", "url": format!("https://drill.example/{n}.json") }));
            json!(each.collect::<Vec<_>>())
        };
        assert_eq!(wrong(&addresses(20)), Vec::<String>::new());
        assert_eq!(wrong(&addresses(21)), ["credentials credential.too-many-keys"]);
    }

    #[test]
    fn a_file_that_was_named_and_not_sent_is_missed() {
        for kind in ["jwks", "certificate"] {
            let named = json!([{ "kind": kind, "file": "keys\u{1b}.json" }]);
            assert_eq!(wrong(&named), ["credentials[0] credential.content"]);
            assert!(read(&named).1[0].message.contains("keys\\u{1b}.json"));
        }
    }
}
