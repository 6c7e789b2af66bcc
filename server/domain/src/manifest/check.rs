//! Everything that is wrong with a manifest's content, all at once.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;

use super::{
    Bilingual, Ciba, ClientAuthentication, ClientProfile, Contact, Credential, CredentialKind, Manifest, SenderConstraint,
    ServiceManifest, check_redirect_uri,
};
use crate::credential::MOST_KEYS;
use crate::finding::{Finding, shortened};
use crate::key_set::check_key_set_url;
use crate::text::{check_name, skeleton, suggest, visible};
use crate::{Day, Environment, Function, Scope, Sector};

/// 2000-01-01 and 2099-12-31: outside of these a date of `since` is a slip.
const EARLIEST_SINCE: Day = Day::from_number(10_957);
const LATEST_SINCE: Day = Day::from_number(47_481);
const MOST_SERVICES: usize = 500;
/// Addresses or scopes of one service: far more than any client uses, few enough to be read by the person who applies them.
const MOST_ADDRESSES: usize = 50;
const MOST_CREDENTIALS: usize = 20;
const LONGEST_FILE_NAME: usize = 255;

impl Manifest {
    /// Everything that is wrong with the content, in the order of the file. Empty when it can be
    /// applied to an instance of that environment. What needs the rest of the platform (other
    /// parties, what is registered already) is not known here.
    pub fn findings(&self, environment: Environment) -> Vec<Finding> {
        let mut found = Findings(Vec::new());
        found.bilingual("organisation", &self.organisation);
        match (self.sector, self.industry) {
            (Sector::Private, None) => found.add(
                "industry",
                "manifest.industry-missing",
                "a private relying party needs an industry",
                Some("add 'industry: insurance' or another"),
            ),
            (Sector::Government | Sector::Public, Some(_)) => found.add(
                "industry",
                "manifest.industry-unexpected",
                "only a private relying party has an industry",
                Some("leave it out, or write 'sector: private'"),
            ),
            _ => {}
        }
        found.contact(&self.contact);
        if self.services.is_empty() {
            found.add("services", "manifest.no-services", "a relying party has at least one service", None);
        }
        if self.services.len() > MOST_SERVICES {
            found.add("services", "manifest.too-many-services", "a relying party has at most 500 services", None);
        }
        for (place, service) in self.services.iter().enumerate() {
            found.service(&format!("services[{place}]"), service, self, environment);
        }
        found.repeated("services", ".id", self.services.iter().map(|s| &s.id));
        found.look_alikes(&self.services);
        found.at_most(MOST_CREDENTIALS, "credentials", self.credentials.len());
        for (place, credential) in self.credentials.iter().enumerate() {
            found.credential(&format!("credentials[{place}]"), credential, environment);
        }
        let files = self.credentials.iter().map(|c| c.file.as_deref());
        found.repeated_some("credentials", ".file", files);
        let urls = self.credentials.iter().map(|c| c.url.as_deref());
        found.repeated_some("credentials", ".url", urls);
        if self.synthetic && environment == Environment::Production {
            found.synthetic("synthetic");
        }
        found.0
    }
}

/// What is wrong with the form of a key set: its list of keys, their types, and whether a private key is among them. `path` is
/// where it stands.
pub fn check_key_set(path: &str, jwks: &serde_json::Value) -> Vec<Finding> {
    let mut found = Findings(Vec::new());
    found.jwks(path, jwks);
    found.0
}

/// What is said where `whose` (`a key set`, `a party`) has more keys than it may have.
#[must_use]
pub fn too_many_keys(path: &str, keys: usize, whose: &str) -> Finding {
    let message = format!("there are {keys} keys, {whose} has at most {MOST_KEYS}");
    let hint = Some("list the keys that are in use".to_owned());
    Finding { path: path.to_owned(), code: "credential.too-many-keys", message, hint }
}

struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, path: impl Into<String>, code: &'static str, message: impl Into<String>, hint: Option<&str>) {
        self.0.push(Finding { path: path.into(), code, message: message.into(), hint: hint.map(str::to_owned) });
    }

    fn name(&mut self, path: String, name: &str) {
        if let Err(fault) = check_name(name) {
            self.add(path, fault.code(), format!("the name '{}' {fault}", shortened(name)), None);
        }
    }

    fn bilingual(&mut self, path: &str, name: &Bilingual) {
        self.name(format!("{path}.en"), &name.en);
        self.name(format!("{path}.zh-Hant"), &name.zh_hant);
    }

    fn contact(&mut self, contact: &Contact) {
        self.name("contact.name".to_owned(), &contact.name);
        if !is_email(&contact.email) {
            self.add("contact.email", "manifest.email", format!("'{}' is not an email address", shortened(&contact.email)), None);
        }
    }

    fn synthetic(&mut self, path: impl Into<String>) {
        self.add(path, "manifest.synthetic", "synthetic parties and services exist only on a sandbox instance", None);
    }

    fn service(&mut self, path: &str, service: &ServiceManifest, party: &Manifest, environment: Environment) {
        self.bilingual(&format!("{path}.name"), &service.name);
        if service.category.is_none() && party.sector != Sector::Private {
            self.add(
                format!("{path}.category"),
                "service.category-missing",
                format!("a service of the {} sector needs a category", party.sector),
                Some("add 'category: other-public-services' or another"),
            );
        }
        if service.functions.is_empty() {
            self.add(
                format!("{path}.functions"),
                "service.no-functions",
                "a service has at least one function",
                Some("add 'functions: [authentication]'"),
            );
        }
        self.repeated(&format!("{path}.functions"), "", service.functions.iter());
        self.uris(&format!("{path}.redirectUris"), &service.redirect_uris, environment);
        self.repeated(&format!("{path}.formFields"), "", service.form_fields.iter());
        if !service.form_fields.is_empty() && !service.functions.contains(&Function::FormFilling) {
            self.add(
                format!("{path}.formFields"),
                "service.form-fields",
                "form fields are listed, but form-filling is not among the functions",
                Some("add form-filling to the functions, or leave the fields out"),
            );
        }
        if !(EARLIEST_SINCE..=LATEST_SINCE).contains(&service.since) {
            self.add(
                format!("{path}.since"),
                "service.since",
                format!("{} is not a year a service can begin in", service.since.year()),
                None,
            );
        }
        self.client(path, service);
        self.uris(&format!("{path}.postLogoutRedirectUris"), &service.post_logout_redirect_uris, environment);
        if let Some(uri) = &service.backchannel_logout_uri {
            self.uri(format!("{path}.backchannelLogoutUri"), uri, environment);
        }
        self.notified(path, service, environment);
        if service.synthetic && environment == Environment::Production {
            self.synthetic(format!("{path}.synthetic"));
        }
    }

    /// Where a service is told of decisions (CIBA Core 1.0, section 4): one that is told has an address, and no other.
    fn notified(&mut self, path: &str, service: &ServiceManifest, environment: Environment) {
        match (service.ciba, &service.ciba_notification_uri) {
            (Some(Ciba::Ping), None) => self.add(
                format!("{path}.ciba"),
                "service.ciba-notification",
                "a service that is told of decisions has an address for it",
                Some("add 'cibaNotificationUri: https://…', or write 'ciba: poll'"),
            ),
            (None | Some(Ciba::Poll), Some(_)) => self.add(
                format!("{path}.cibaNotificationUri"),
                "service.ciba-notification",
                "an address to be told of decisions at, for a service that is not told",
                Some("write 'ciba: ping', or leave the address out"),
            ),
            _ => {}
        }
        if let Some(uri) = &service.ciba_notification_uri {
            self.uri(format!("{path}.cibaNotificationUri"), uri, environment);
        }
    }

    /// What the profile `fapi2` forbids, and scopes.
    fn client(&mut self, path: &str, service: &ServiceManifest) {
        if service.client_profile == Some(ClientProfile::Fapi2) {
            if service.client_authentication == Some(ClientAuthentication::ClientSecret) {
                self.add(
                    format!("{path}.clientAuthentication"),
                    "service.fapi2-secret",
                    "a fapi2 client cannot authenticate with a secret",
                    Some("write private_key_jwt or tls_client_auth"),
                );
            }
            if service.sender_constraint == Some(SenderConstraint::None) {
                self.add(
                    format!("{path}.senderConstraint"),
                    "service.fapi2-constraint",
                    "the tokens of a fapi2 client are bound to it",
                    Some("write dpop or mtls"),
                );
            }
        }
        self.at_most(MOST_ADDRESSES, &format!("{path}.scopes"), service.scopes.len());
        for (place, scope) in service.scopes.iter().enumerate() {
            if !is_scope(scope) {
                self.add(
                    format!("{path}.scopes[{place}]"),
                    "service.scope",
                    format!("'{}' is not a scope", shortened(scope)),
                    Some("one word of visible ASCII characters without quotes and backslashes"),
                );
            }
            if let Some((message, hint)) = no_scope_of_ours(scope) {
                self.add(format!("{path}.scopes[{place}]"), "service.scope", message, Some(&hint));
            }
            if scope == "offline_access" && !service.offline_access {
                self.add(
                    format!("{path}.scopes[{place}]"),
                    "service.offline-access",
                    "the scope offline_access needs 'offlineAccess: true'",
                    None,
                );
            }
        }
        self.repeated(&format!("{path}.scopes"), "", service.scopes.iter());
    }

    fn at_most(&mut self, most: usize, list: &str, length: usize) {
        if length > most {
            let message = format!("the list has {length} entries, at most {most} are taken");
            self.add(list, "manifest.list-too-long", message, None);
        }
    }

    fn uris(&mut self, path: &str, uris: &[String], environment: Environment) {
        self.at_most(MOST_ADDRESSES, path, uris.len());
        for (place, uri) in uris.iter().enumerate() {
            self.uri(format!("{path}[{place}]"), uri, environment);
        }
        self.repeated(path, "", uris.iter());
    }

    fn uri(&mut self, path: String, uri: &str, environment: Environment) {
        if let Err(fault) = check_redirect_uri(uri, environment) {
            self.add(path, fault.code, fault.message, fault.hint.as_deref());
        }
    }

    fn credential(&mut self, path: &str, credential: &Credential, environment: Environment) {
        if let Some(url) = &credential.url {
            return self.address(path, credential, url, environment);
        }
        let (inline, other) = match credential.kind {
            CredentialKind::Jwks => (credential.jwks.is_some(), credential.certificate.is_some()),
            CredentialKind::Certificate => (credential.certificate.is_some(), credential.jwks.is_some()),
        };
        if other {
            self.add(path, "credential.kind", format!("the content is not of the kind {}", credential.kind), None);
        }
        match &credential.file {
            Some(file) if file.trim().is_empty() => {
                self.add(format!("{path}.file"), "credential.file", "the name of the file is empty", None);
            }
            // It is shown whenever somebody looks at what changed.
            Some(file) if file.len() > LONGEST_FILE_NAME || visible(file) != file.as_str() => {
                let message = format!("'{}' is not the name of a file", shortened(file));
                self.add(format!("{path}.file"), "credential.file", message, Some("give the file a plain, short name"));
            }
            None if !inline => {
                self.add(
                    path,
                    "credential.empty",
                    "a credential names a file or an address",
                    Some("add 'file: NAME' or 'url: https://…'"),
                );
            }
            _ => {}
        }
        if let Some(jwks) = &credential.jwks {
            self.jwks(&format!("{path}.jwks"), jwks);
        }
        if let Some(pem) = &credential.certificate {
            if pem.contains("PRIVATE KEY-----") {
                self.private_key(format!("{path}.certificate"));
            } else if !pem.trim_start().starts_with("-----BEGIN CERTIFICATE-----") {
                self.add(format!("{path}.certificate"), "credential.certificate", "not a certificate in PEM", None);
            }
        }
    }

    /// What stands at the address is not known here; it is never all of a credential's content.
    fn address(&mut self, path: &str, credential: &Credential, url: &str, environment: Environment) {
        if credential.kind != CredentialKind::Jwks {
            let message = format!("a credential of the kind {} has no address", credential.kind);
            self.add(format!("{path}.url"), "credential.kind", message, Some("name a file, or write 'kind: jwks'"));
        } else if credential.file.is_some() || credential.jwks.is_some() || credential.certificate.is_some() {
            let hint = "leave one of the two out";
            self.add(path, "credential.kind", "a credential is either a file or an address", Some(hint));
        }
        if let Err(fault) = check_key_set_url(url, environment) {
            self.add(format!("{path}.url"), fault.code, fault.message, fault.hint.as_deref());
        }
    }

    fn jwks(&mut self, path: &str, jwks: &serde_json::Value) {
        let keys = jwks.get("keys").and_then(serde_json::Value::as_array);
        let Some(keys) = keys.filter(|keys| !keys.is_empty()) else {
            self.add(path, "credential.jwks", "not a key set: an object with a list 'keys' of at least one key is wanted", None);
            return;
        };
        if keys.len() > MOST_KEYS {
            self.0.push(too_many_keys(path, keys.len(), "a key set"));
            return;
        }
        for (place, key) in keys.iter().enumerate() {
            let path = format!("{path}.keys[{place}]");
            let Some(key) = key.as_object() else {
                self.add(path, "credential.jwks", "not a key: an object is wanted", None);
                continue;
            };
            let text = |name: &str| key.get(name).and_then(serde_json::Value::as_str);
            // `k` is the secret of a symmetric key, the others are private parts.
            if ["d", "p", "q", "dp", "dq", "qi", "oth", "k"].iter().any(|part| key.contains_key(*part)) {
                self.private_key(path);
            } else if !matches!((text("kty"), text("crv")), (Some("EC"), Some("P-256")) | (Some("RSA"), _)) {
                let part = if text("kty") == Some("EC") { "crv" } else { "kty" };
                self.add(
                    format!("{path}.{part}"),
                    "credential.key-type",
                    "keys of this type are not used here",
                    Some("EC on the curve P-256, or RSA, is wanted"),
                );
            }
        }
    }

    fn private_key(&mut self, path: String) {
        self.add(
            path,
            "credential.private-key",
            "a private key or secret is in the file",
            Some("it has now been shown to others: make a new key and list its public half only"),
        );
    }

    fn repeated<'a, T>(&mut self, list: &str, field: &str, values: impl Iterator<Item = &'a T>)
    where
        T: Eq + Hash + Display + 'a,
    {
        self.repeated_some(list, field, values.map(Some));
    }

    /// A value that stands twice is reported at its second place, naming the first.
    fn repeated_some<T>(&mut self, list: &str, field: &str, values: impl Iterator<Item = Option<T>>)
    where
        T: Eq + Hash + Display,
    {
        let mut first = HashMap::new();
        for (place, value) in values.enumerate() {
            let Some(value) = value else { continue };
            let shown = shortened(&value.to_string());
            if let Some(before) = first.get(&value) {
                self.add(
                    format!("{list}[{place}]{field}"),
                    "manifest.duplicate",
                    format!("'{shown}' stands at {list}[{before}]{field} already"),
                    None,
                );
            } else {
                first.insert(value, place);
            }
        }
    }

    /// Two services of one party that an eye could take for each other.
    fn look_alikes(&mut self, services: &[ServiceManifest]) {
        let mut first: HashMap<String, usize> = HashMap::new();
        for (place, service) in services.iter().enumerate() {
            // A name that is refused for itself needs no comparing, however long it is.
            if check_name(&service.name.en).is_err() {
                continue;
            }
            let seen = skeleton(&service.name.en);
            if let Some(before) = first.get(&seen) {
                self.add(
                    format!("services[{place}].name.en"),
                    "name.confusable",
                    format!("the name '{}' looks like that of services[{before}]", shortened(&service.name.en)),
                    None,
                );
            } else {
                first.insert(seen, place);
            }
        }
    }
}

/// One `@`, something before it, a name with a dot behind it, visible ASCII throughout. More is not known until a
/// letter has arrived.
fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.split_once('@') else {
        return false;
    };
    text.len() <= 254
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !local.is_empty()
        && !host.contains(['@', ',', ';', '<', '>', '"'])
        && host.contains('.')
        && host.split('.').all(|label| !label.is_empty())
}

/// `scope-token` of RFC 6749.
fn is_scope(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
}

/// What is wrong with a scope that was meant to be one of ours and is none, and the mend: one of OpenID Connect that asks for what the
/// platform does not know (Core 1.0, section 5.4), or one of ours with a slip in it. Every other word is the service's own.
fn no_scope_of_ours(scope: &str) -> Option<(String, String)> {
    if Scope::WORDS.contains(&scope) {
        return None;
    }
    let ours = Scope::WORDS.join(", ");
    if matches!(scope, "email" | "address") {
        let message = format!("the platform knows nobody's {scope}: there is no scope '{scope}'");
        return Some((message, format!("the scopes about citizens are {ours}")));
    }
    let near = suggest(scope, Scope::WORDS)?;
    let hint = format!("did you mean '{near}'? A scope of the service's own is named otherwise than {ours}");
    Some((format!("'{}' is not a scope of the platform", shortened(scope)), hint))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::tests::etax;

    fn findings(environment: Environment, change: impl FnOnce(&mut Value)) -> Vec<Finding> {
        let mut value = etax();
        change(&mut value);
        serde_json::from_value::<Manifest>(value).unwrap().findings(environment)
    }

    fn found(change: impl FnOnce(&mut Value)) -> Vec<(String, &'static str)> {
        findings(Environment::Sandbox, change).into_iter().map(|finding| (finding.path, finding.code)).collect()
    }

    fn one(path: &str, code: &'static str) -> Vec<(String, &'static str)> {
        vec![(path.to_owned(), code)]
    }

    #[test]
    fn sector_and_industry_go_together() {
        assert_eq!(found(|m| m["sector"] = json!("private")), one("industry", "manifest.industry-missing"));
        assert_eq!(found(|m| m["industry"] = json!("insurance")), one("industry", "manifest.industry-unexpected"));
        let private = |m: &mut Value| {
            m["sector"] = json!("private");
            m["industry"] = json!("insurance");
            m["services"][0].as_object_mut().unwrap().remove("category");
        };
        assert_eq!(found(private), [], "a private party needs no category");
        assert_eq!(
            found(|m| drop(m["services"][0].as_object_mut().unwrap().remove("category"))),
            one("services[0].category", "service.category-missing")
        );
    }

    #[test]
    fn names_are_checked_wherever_they_stand() {
        for (pointer, path) in [
            ("/organisation/en", "organisation.en"),
            ("/organisation/zh-Hant", "organisation.zh-Hant"),
            ("/contact/name", "contact.name"),
            ("/services/0/name/en", "services[0].name.en"),
            ("/services/0/name/zh-Hant", "services[0].name.zh-Hant"),
        ] {
            for (name, code) in [
                ("a\u{1b}b", "name.control"),
                ("a\tb", "name.control"),
                ("a\u{202e}b", "name.bidi"),
                ("a\u{200b}b", "name.zero-width"),
                ("a\u{e000}b", "name.private-use"),
                ("", "name.empty"),
            ] {
                let found = found(|m| *m.pointer_mut(pointer).unwrap() = json!(name));
                assert_eq!(found, one(path, code), "{pointer}");
            }
        }
        let message = findings(Environment::Sandbox, |m| m["contact"]["name"] = json!("a\u{1b}b"))[0].message.clone();
        assert_eq!(message, "the name 'a\\u{1b}b' holds a control character, \\u{1b}, as character 2");
    }

    #[test]
    fn addresses_of_people() {
        for email in ["etax@ird.example", "a.b+c@d-e.f.example", "x@y.z"] {
            assert_eq!(found(|m| m["contact"]["email"] = json!(email)), [], "{email}");
        }
        for email in [
            "",
            "etax",
            "@ird.example",
            "etax@",
            "etax@ird",
            "etax@.example",
            "a@b@c.d",
            "a b@c.d",
            "a@c.d>",
            "税@c.d",
            "a@c..d",
            "a@c.d\n",
        ] {
            let found = found(|m| m["contact"]["email"] = json!(email));
            assert_eq!(found, one("contact.email", "manifest.email"), "{email}");
        }
    }

    #[test]
    fn a_party_has_services_and_a_service_has_functions() {
        assert_eq!(found(|m| m["services"] = json!([])), one("services", "manifest.no-services"));
        let many = found(|m| {
            let service = m["services"][0].clone();
            m["services"] = (0..501)
                .map(|n| {
                    let mut service = service.clone();
                    service["id"] = json!(format!("service-{n}"));
                    service["name"]["en"] = json!(format!("Service {n}"));
                    service
                })
                .collect();
        });
        assert_eq!(many, one("services", "manifest.too-many-services"));
        assert_eq!(
            found(|m| {
                m["services"][0]["functions"] = json!([]);
                m["services"][0]["formFields"] = json!([]);
            }),
            one("services[0].functions", "service.no-functions")
        );
        assert_eq!(
            found(|m| m["services"][0]["functions"] = json!(["authentication"])),
            one("services[0].formFields", "service.form-fields")
        );
    }

    #[test]
    fn what_stands_twice_is_reported_at_its_second_place() {
        let mut found = findings(Environment::Sandbox, |m| {
            let again = m["services"][0].clone();
            m["services"].as_array_mut().unwrap().push(again);
            m["services"][0]["redirectUris"] = json!(["https://a.example/", "https://b.example/", "https://a.example/"]);
            m["services"][0]["functions"] = json!(["form-filling", "form-filling"]);
            m["services"][0]["formFields"] = json!(["idNo", "enName", "idNo"]);
            m["services"][0]["scopes"] = json!(["openid", "openid"]);
            m["services"][1]["name"]["en"] = json!("eTAX two");
            m["credentials"] = json!([{"kind": "jwks", "file": "a.json"}, {"kind": "jwks", "file": "a.json"}]);
        });
        assert!(found.iter().all(|finding| finding.code == "manifest.duplicate"));
        found.sort_by(|a, b| a.path.cmp(&b.path));
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            lines,
            [
                "credentials[1].file: 'a.json' stands at credentials[0].file already",
                "services[0].formFields[2]: 'idNo' stands at services[0].formFields[0] already",
                "services[0].functions[1]: 'form-filling' stands at services[0].functions[0] already",
                "services[0].redirectUris[2]: 'https://a.example/' stands at services[0].redirectUris[0] already",
                "services[0].scopes[1]: 'openid' stands at services[0].scopes[0] already",
                "services[1].id: 'etax' stands at services[0].id already",
            ]
        );
    }

    #[test]
    fn two_services_that_look_alike() {
        let found = found(|m| {
            let mut other = m["services"][0].clone();
            other["id"] = json!("etax-two");
            // Cyrillic capitals.
            other["name"]["en"] = json!("e\u{422}\u{410}\u{425}");
            m["services"].as_array_mut().unwrap().push(other);
        });
        assert_eq!(found, one("services[1].name.en", "name.confusable"));
    }

    #[test]
    fn dates_that_are_slips() {
        for since in ["1999-12-31", "2100-01-01", "0202-12-29"] {
            let found = found(|m| m["services"][0]["since"] = json!(since));
            assert_eq!(found, one("services[0].since", "service.since"), "{since}");
        }
        for since in ["2000-01-01", "2099-12-31"] {
            assert_eq!(found(|m| m["services"][0]["since"] = json!(since)), [], "{since}");
        }
    }

    #[test]
    fn what_fapi2_forbids() {
        let with = |profile: &str, authentication: &str, constraint: &str| {
            found(|m| {
                m["services"][0]["clientProfile"] = json!(profile);
                m["services"][0]["clientAuthentication"] = json!(authentication);
                m["services"][0]["senderConstraint"] = json!(constraint);
            })
        };
        assert_eq!(with("oidc", "client_secret", "none"), []);
        assert_eq!(with("fapi2", "private_key_jwt", "dpop"), []);
        assert_eq!(with("fapi2", "tls_client_auth", "mtls"), []);
        assert_eq!(
            with("fapi2", "client_secret", "none"),
            [
                ("services[0].clientAuthentication".to_owned(), "service.fapi2-secret"),
                ("services[0].senderConstraint".to_owned(), "service.fapi2-constraint"),
            ]
        );
    }

    #[test]
    fn scopes() {
        for scope in ["", "two words", "quo\"te", "back\\slash", "稅", "tab\t", "email", "address", "profil", "Profile", "phones"]
        {
            let found = found(|m| m["services"][0]["scopes"] = json!(["openid", scope]));
            assert_eq!(found, one("services[0].scopes[1]", "service.scope"), "{scope}");
        }
        let own = json!(["openid", "profile", "phone", "reports", "orders:read"]);
        assert!(found(|m| m["services"][0]["scopes"] = own).is_empty(), "words of its own are for its own tokens");
        assert_eq!(
            found(|m| m["services"][0]["scopes"] = json!(["offline_access"])),
            one("services[0].scopes[0]", "service.offline-access")
        );
    }

    #[test]
    fn every_kind_of_address_is_checked() {
        let found = found(|m| {
            m["services"][0]["redirectUris"] = json!(["https://a.example/", "https://a.example/#x"]);
            m["services"][0]["postLogoutRedirectUris"] = json!(["http://a.example/"]);
            m["services"][0]["backchannelLogoutUri"] = json!("https://10.0.0.1/");
            m["services"][0]["ciba"] = json!("ping");
            m["services"][0]["cibaNotificationUri"] = json!("http://a.example/decided");
        });
        assert_eq!(
            found,
            [
                ("services[0].redirectUris[1]".to_owned(), "redirect-uri.fragment"),
                ("services[0].postLogoutRedirectUris[0]".to_owned(), "redirect-uri.scheme"),
                ("services[0].backchannelLogoutUri".to_owned(), "redirect-uri.ip-literal"),
                ("services[0].cibaNotificationUri".to_owned(), "redirect-uri.scheme"),
            ]
        );
    }

    #[test]
    fn who_is_told_of_decisions_has_an_address_for_it_and_nobody_else() {
        for (mode, address, path) in [
            (json!("ping"), true, None),
            (json!("ping"), false, Some("ciba")),
            (json!("poll"), true, Some("cibaNotificationUri")),
            (json!("poll"), false, None),
            (json!(null), true, Some("cibaNotificationUri")),
        ] {
            let found = found(|m| {
                if mode.is_string() {
                    m["services"][0]["ciba"] = mode.clone();
                }
                if address {
                    m["services"][0]["cibaNotificationUri"] = json!("https://a.example/decided");
                }
            });
            let wanted: Vec<_> =
                path.map(|field| (format!("services[0].{field}"), "service.ciba-notification")).into_iter().collect();
            assert_eq!(found, wanted, "{mode}, {address}");
        }
    }

    #[test]
    fn a_developer_s_own_machine_is_for_the_sandbox() {
        let local = |m: &mut Value| m["services"][0]["redirectUris"] = json!(["http://localhost:3000/callback"]);
        assert_eq!(findings(Environment::Sandbox, local), []);
        let finding = &findings(Environment::Production, local)[0];
        assert_eq!((finding.path.as_str(), finding.code), ("services[0].redirectUris[0]", "redirect-uri.scheme"));
    }

    #[test]
    fn nothing_synthetic_on_production() {
        let made_up = |m: &mut Value| {
            m["synthetic"] = json!(true);
            m["services"][0]["synthetic"] = json!(true);
        };
        assert_eq!(findings(Environment::Sandbox, made_up), []);
        let paths: Vec<String> = findings(Environment::Production, made_up).into_iter().map(|finding| finding.path).collect();
        assert_eq!(paths, ["services[0].synthetic", "synthetic"]);
    }

    #[test]
    fn credentials_hold_public_keys_only() {
        let with = |credential: Value| found(|m| m["credentials"] = json!([credential]));
        let public = json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"});
        assert_eq!(with(json!({"kind": "jwks", "file": "a.json", "jwks": {"keys": [public]}})), []);
        assert_eq!(with(json!({"kind": "jwks", "jwks": {"keys": [public]}})), []);
        assert_eq!(with(json!({"kind": "certificate", "certificate": "-----BEGIN CERTIFICATE-----\n"})), []);
        for (credential, path, code) in [
            (json!({"kind": "jwks"}), "credentials[0]", "credential.empty"),
            (json!({"kind": "certificate"}), "credentials[0]", "credential.empty"),
            (json!({"kind": "certificate", "url": "https://a.example/x"}), "credentials[0].url", "credential.kind"),
            (json!({"kind": "jwks", "url": "https://a.example/x", "file": "a.json"}), "credentials[0]", "credential.kind"),
            (
                json!({"kind": "jwks", "url": "https://a.example/x", "jwks": {"keys": [public]}}),
                "credentials[0]",
                "credential.kind",
            ),
            (json!({"kind": "jwks", "url": "http://a.example/x"}), "credentials[0].url", "credential.url"),
            (json!({"kind": "jwks", "url": ""}), "credentials[0].url", "credential.url"),
            (
                json!({"kind": "jwks", "jwks": {"keys": vec![public.clone(); 10_000]}}),
                "credentials[0].jwks",
                "credential.too-many-keys",
            ),
            (json!({"kind": "jwks", "file": " "}), "credentials[0].file", "credential.file"),
            (json!({"kind": "jwks", "file": "a\u{1b}[2J.json"}), "credentials[0].file", "credential.file"),
            (json!({"kind": "jwks", "file": "a".repeat(256)}), "credentials[0].file", "credential.file"),
            (json!({"kind": "jwks", "jwks": {}}), "credentials[0].jwks", "credential.jwks"),
            (json!({"kind": "jwks", "jwks": {"keys": []}}), "credentials[0].jwks", "credential.jwks"),
            (json!({"kind": "jwks", "jwks": []}), "credentials[0].jwks", "credential.jwks"),
            (json!({"kind": "jwks", "jwks": {"keys": [1]}}), "credentials[0].jwks.keys[0]", "credential.jwks"),
            (
                json!({"kind": "jwks", "jwks": {"keys": [public, {"kty": "EC", "d": "AA"}]}}),
                "credentials[0].jwks.keys[1]",
                "credential.private-key",
            ),
            (
                json!({"kind": "jwks", "jwks": {"keys": [{"kty": "oct", "k": "AA"}]}}),
                "credentials[0].jwks.keys[0]",
                "credential.private-key",
            ),
            (
                json!({"kind": "jwks", "jwks": {"keys": [{"kty": "XX"}]}}),
                "credentials[0].jwks.keys[0].kty",
                "credential.key-type",
            ),
            (
                json!({"kind": "jwks", "jwks": {"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AA"}]}}),
                "credentials[0].jwks.keys[0].kty",
                "credential.key-type",
            ),
            (
                json!({"kind": "jwks", "jwks": {"keys": [{"kty": "EC", "crv": "P-384", "x": "AA", "y": "AA"}]}}),
                "credentials[0].jwks.keys[0].crv",
                "credential.key-type",
            ),
            (
                json!({"kind": "certificate", "certificate": "-----BEGIN PRIVATE KEY-----\n"}),
                "credentials[0].certificate",
                "credential.private-key",
            ),
            (json!({"kind": "certificate", "certificate": "hello"}), "credentials[0].certificate", "credential.certificate"),
            (json!({"kind": "certificate", "file": "a.pem", "jwks": {"keys": [public]}}), "credentials[0]", "credential.kind"),
        ] {
            assert_eq!(with(credential.clone()), one(path, code), "{credential}");
        }
    }

    #[test]
    fn lists_have_an_end() {
        let addresses = |count: usize| -> Value { (0..count).map(|n| json!(format!("https://etax.ird.example/{n}"))).collect() };
        for (field, path) in
            [("redirectUris", "services[0].redirectUris"), ("postLogoutRedirectUris", "services[0].postLogoutRedirectUris")]
        {
            assert_eq!(found(|m| m["services"][0][field] = addresses(50)), [], "{field}");
            assert_eq!(found(|m| m["services"][0][field] = addresses(51)), one(path, "manifest.list-too-long"), "{field}");
        }
        let scopes = |m: &mut Value| m["services"][0]["scopes"] = (0..51).map(|n| json!(format!("scope-{n}"))).collect();
        assert_eq!(found(scopes), one("services[0].scopes", "manifest.list-too-long"));
        let files = |m: &mut Value| {
            m["credentials"] = (0..21).map(|n| json!({"kind": "jwks", "file": format!("{n}.json")})).collect();
        };
        assert_eq!(found(files), one("credentials", "manifest.list-too-long"));
    }

    #[test]
    fn a_long_text_is_cut_in_a_message() {
        let finding = &findings(Environment::Sandbox, |m| m["contact"]["email"] = json!("x".repeat(100_000)))[0];
        assert!(finding.message.len() < 120 && finding.message.contains("..."), "{}", finding.message);
    }
}
