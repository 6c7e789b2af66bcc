//! The manifest of a relying party: the one form in which it is brought on to the platform.
//!
//! The types read a well-formed manifest; [`Manifest::findings`] says everything that is wrong with
//! its content, [`Manifest::read`] everything that is wrong with its structure as well, and [`diff`] what
//! a new one changes.

mod check;
mod diff;
mod uri;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::{Finding, Reading, read_filled};
use crate::wire::words;
use crate::{Category, Day, Environment, Function, Industry, RelyingPartyId, Scope, Sector, ServiceSlug};

pub use check::{check_key_set, too_many_keys};
pub use diff::{Change, ChangeKind, diff, diff_from_nothing};
pub(crate) use uri::check_uri;
pub use uri::{UriFault, check_redirect_uri};

/// A text in both official languages.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Bilingual {
    /// English.
    pub en: String,
    /// Traditional Chinese.
    #[serde(rename = "zh-Hant")]
    pub zh_hant: String,
}

words! {
    /// The version of the manifest's form.
    pub enum ApiVersion, "apiVersion" {
        /// The first.
        V1 = 1 => "iam/v1",
    }
}

words! {
    /// What a manifest describes.
    pub enum ManifestKind, "kind" {
        /// A relying party with its services.
        RelyingParty = 1 => "RelyingParty",
    }
}

words! {
    /// The rules a client follows.
    pub enum ClientProfile, "client profile" {
        /// The FAPI 2.0 security profile.
        Fapi2 = 1 => "fapi2",
        /// OpenID Connect with PKCE.
        Oidc = 2 => "oidc",
    }
}

words! {
    /// How a client proves who it is.
    pub enum ClientAuthentication, "client authentication" {
        /// With a signed assertion.
        PrivateKeyJwt = 1 => "private_key_jwt",
        /// With its certificate on the connection.
        TlsClientAuth = 2 => "tls_client_auth",
        /// With a shared secret; `oidc` only.
        ClientSecret = 3 => "client_secret",
    }
}

words! {
    /// What binds an access token to its client.
    pub enum SenderConstraint, "sender constraint" {
        /// A proof of possession with each request.
        Dpop = 1 => "dpop",
        /// The certificate of the connection.
        Mtls = 2 => "mtls",
        /// Nothing; `oidc` only.
        None = 3 => "none",
    }
}

words! {
    /// How a client learns of a decision made on the phone.
    pub enum Ciba, "ciba mode" {
        /// It asks.
        Poll = 1 => "poll",
        /// It is told, then asks.
        Ping = 2 => "ping",
    }
}

words! {
    /// A field that a form may be filled with.
    pub enum FormField, "form field" {
        /// Card number.
        IdNo = 1 => "idNo",
        /// English name.
        EnName = 2 => "enName",
        /// Chinese name.
        ChName = 3 => "chName",
        /// Date of birth.
        BirthDate = 4 => "birthDate",
        /// Sex on the card.
        Gender = 5 => "gender",
        /// Mr, Ms …
        Prefix = 6 => "prefix",
        /// Marital status.
        MaritalStatus = 7 => "maritalStatus",
        /// Telephone at home.
        HomeTelNumber = 8 => "homeTelNumber",
        /// Telephone at work.
        OfficeTelNumber = 9 => "officeTelNumber",
        /// Mobile phone.
        MobileNumber = 10 => "mobileNumber",
        /// Email.
        EmailAddress = 11 => "emailAddress",
        /// Where they live.
        ResidentialAddress = 12 => "residentialAddress",
        /// Where post reaches them.
        PostalAddress = 13 => "postalAddress",
        /// Education.
        EducationLevel = 14 => "educationLevel",
        /// An address proof: an e-bill of a utility.
        AddressDocInfo = 15 => "addressDocInfo",
    }
}

words! {
    /// What kind of credential a party brings.
    pub enum CredentialKind, "credential kind" {
        /// A set of public keys.
        Jwks = 1 => "jwks",
        /// A certificate, PEM.
        Certificate = 2 => "certificate",
    }
}

/// Who answers when something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// A person or a post.
    pub name: String,
    /// Their address.
    pub email: String,
}

/// A credential: a file named in the manifest and carried inline on the wire, or an address that keys are fetched from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credential {
    /// What it is.
    pub kind: CredentialKind,
    /// The file, relative to the manifest. Read by whoever reads the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// In place of a file: the address of the key set, https, read again and again. Only for the kind jwks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The key set itself, public keys only.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::distinct::field")]
    pub jwks: Option<Value>,
    /// The certificate itself, PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// A service as a manifest gives it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServiceManifest {
    /// Its id within the party.
    pub id: ServiceSlug,
    /// Its name.
    pub name: Bilingual,
    /// Its category; optional for private parties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// What it may ask of an account.
    pub functions: Vec<Function>,
    /// Where citizens come back to after a login.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// What it may ask of e-ME.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub form_fields: Vec<FormField>,
    /// From when it can be reached through the platform.
    pub since: Day,
    /// The rules its client follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_profile: Option<ClientProfile>,
    /// How its client proves who it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_authentication: Option<ClientAuthentication>,
    /// What binds its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender_constraint: Option<SenderConstraint>,
    /// Scopes it may ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Where citizens come back to after a logout.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub post_logout_redirect_uris: Vec<String>,
    /// Where its server is told of a logout.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// How it learns of decisions made on the phone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciba: Option<Ciba>,
    /// Where its server is told of them; with `ciba: ping`, and then alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ciba_notification_uri: Option<String>,
    /// Whether it may have refresh tokens.
    #[serde(default, skip_serializing_if = "is_false")]
    pub offline_access: bool,
    /// Stands in for a service that the papers count and do not name; sandbox only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub synthetic: bool,
}

impl ServiceManifest {
    /// The rules its client follows: FAPI 2.0, unless it says otherwise.
    #[must_use]
    pub fn profile(&self) -> ClientProfile {
        self.client_profile.unwrap_or(ClientProfile::Fapi2)
    }

    /// How its client proves who it is: with signed assertions, for plain OpenID Connect with a secret, unless it says otherwise.
    #[must_use]
    pub fn authentication(&self) -> ClientAuthentication {
        self.client_authentication.unwrap_or(match self.profile() {
            ClientProfile::Fapi2 => ClientAuthentication::PrivateKeyJwt,
            ClientProfile::Oidc => ClientAuthentication::ClientSecret,
        })
    }

    /// What binds its tokens: for FAPI 2.0 proofs of possession, or the connection's certificate where that proves who it is; for
    /// plain OpenID Connect nothing, unless it says otherwise.
    #[must_use]
    pub fn constraint(&self) -> SenderConstraint {
        self.sender_constraint.unwrap_or(match (self.profile(), self.authentication()) {
            (ClientProfile::Oidc, _) => SenderConstraint::None,
            (ClientProfile::Fapi2, ClientAuthentication::TlsClientAuth) => SenderConstraint::Mtls,
            (ClientProfile::Fapi2, _) => SenderConstraint::Dpop,
        })
    }

    /// The scopes that it may ask for. Without a list it may ask who somebody is, and nothing about them.
    #[must_use]
    pub fn may_ask_for(&self) -> Vec<String> {
        let mut scopes = self.scopes.clone();
        if scopes.is_empty() {
            scopes.push(Scope::OpenId.as_str().to_owned());
        }
        let offline = Scope::OfflineAccess.as_str();
        if self.offline_access && !scopes.iter().any(|scope| scope == offline) {
            scopes.push(offline.to_owned());
        }
        scopes
    }
}

/// A relying party with its services.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Manifest {
    /// Version of the form.
    pub api_version: ApiVersion,
    /// What is described.
    pub kind: ManifestKind,
    /// Id of the party.
    pub id: RelyingPartyId,
    /// Its name.
    pub organisation: Bilingual,
    /// Its sector.
    pub sector: Sector,
    /// Its industry; private parties only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub industry: Option<Industry>,
    /// Who answers.
    pub contact: Contact,
    /// Its services, one at least.
    pub services: Vec<ServiceManifest>,
    /// Its credentials; with none, nobody can be logged in.
    #[serde(default)]
    pub credentials: Vec<Credential>,
    /// Not a real organisation; sandbox only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub synthetic: bool,
}

impl Manifest {
    /// Reads a manifest from a file that was parsed already, and answers everything that is wrong with it: structure and
    /// content both, so that it can be mended in one go.
    pub fn read(value: &Value, environment: Environment) -> Result<Manifest, Vec<Finding>> {
        let reading = read_filled::<Manifest>(value);
        let content = reading.value.as_ref().map(|manifest| manifest.findings(environment)).unwrap_or_default();
        let more: Vec<Finding> = content.into_iter().filter(|finding| says_something(finding, &reading)).collect();
        match reading.into_result() {
            Ok(manifest) if more.is_empty() => Ok(manifest),
            Ok(_) => Err(more),
            Err(mut findings) => {
                findings.extend(more);
                Err(findings)
            }
        }
    }
}

/// Whether a finding of the content is one: not about a field that only stands in, nor for its sake.
fn says_something(finding: &Finding, reading: &Reading<Manifest>) -> bool {
    let beside = |field: &str| finding.path.split_once("].").map(|(service, _)| format!("{service}].{field}"));
    let rests_on = match finding.code {
        "manifest.industry-missing" | "manifest.industry-unexpected" | "service.category-missing" => Some("sector".to_owned()),
        "service.form-fields" => beside("functions"),
        "service.offline-access" => beside("offlineAccess"),
        "service.ciba-notification" if finding.path.ends_with(".cibaNotificationUri") => beside("ciba"),
        "service.ciba-notification" => beside("cibaNotificationUri"),
        "credential.kind" | "credential.empty" => Some(format!("{}.kind", finding.path)),
        _ => None,
    };
    !reading.covers(&finding.path) && !rests_on.is_some_and(|field| reading.covers(&field))
}

fn is_false(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The manifest of the contract.
    pub(super) fn etax() -> Value {
        json!({
            "apiVersion": "iam/v1",
            "kind": "RelyingParty",
            "id": "inland-revenue-department",
            "organisation": { "en": "Inland Revenue Department", "zh-Hant": "稅務局" },
            "sector": "government",
            "contact": { "name": "eTAX duty officer", "email": "etax@ird.example" },
            "services": [{
                "id": "etax",
                "name": { "en": "eTAX", "zh-Hant": "稅務易" },
                "category": "other-public-services",
                "functions": ["authentication", "form-filling", "signing"],
                "redirectUris": ["https://etax.ird.example/callback"],
                "formFields": ["enName", "chName", "idNo", "mobileNumber"],
                "since": "2020-12-29"
            }],
            "credentials": [{ "kind": "jwks", "file": "inland-revenue-department.jwks.json" }]
        })
    }

    /// Path and code of everything wrong with the contract's manifest after a change.
    fn wrong_with(change: impl FnOnce(&mut Value)) -> Vec<(String, &'static str)> {
        let mut value = etax();
        change(&mut value);
        let findings = Manifest::read(&value, Environment::Sandbox).err().unwrap_or_default();
        findings.into_iter().map(|finding| (finding.path, finding.code)).collect()
    }

    fn one(path: &str, code: &'static str) -> Vec<(String, &'static str)> {
        vec![(path.to_owned(), code)]
    }

    #[test]
    fn the_manifest_of_the_contract_is_good() {
        let manifest = Manifest::read(&etax(), Environment::Production).unwrap();
        assert_eq!(manifest.services[0].functions, [Function::Authentication, Function::FormFilling, Function::Signing]);
        assert_eq!(serde_json::to_value(&manifest).unwrap(), etax(), "written as it was read");
    }

    #[test]
    fn every_optional_field_of_a_service_is_read() {
        let mut value = etax();
        let more = json!({
            "clientProfile": "fapi2", "clientAuthentication": "private_key_jwt", "senderConstraint": "dpop",
            "scopes": ["openid", "profile", "offline_access"],
            "postLogoutRedirectUris": ["https://etax.ird.example/bye"],
            "backchannelLogoutUri": "https://etax.ird.example/logout",
            "ciba": "ping", "cibaNotificationUri": "https://etax.ird.example/decided",
            "offlineAccess": true, "synthetic": true
        });
        value["services"][0].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let manifest = Manifest::read(&value, Environment::Sandbox).unwrap();
        assert_eq!(serde_json::to_value(&manifest).unwrap(), value);
        // Typed deserialization alone gives the same.
        assert_eq!(serde_json::from_value::<Manifest>(value).unwrap(), manifest);
    }

    #[test]
    fn credentials_may_be_empty_or_left_out() {
        assert_eq!(wrong_with(|m| m["credentials"] = json!([])), []);
        assert_eq!(wrong_with(|m| drop(m.as_object_mut().unwrap().remove("credentials"))), []);
    }

    #[test]
    fn structure_is_checked_field_by_field() {
        for (change, path, code) in [
            (json!({"/services/0/redirectUri": []}), "services[0].redirectUri", "field.unknown"),
            (json!({"/colour": "red"}), "colour", "field.unknown"),
            (json!({"/organisation/zh": "稅務局"}), "organisation.zh", "field.unknown"),
            (json!({"/sector": "goverment"}), "sector", "field.word"),
            (json!({"/apiVersion": "iam/v2"}), "apiVersion", "field.word"),
            (json!({"/kind": "Population"}), "kind", "field.word"),
            (json!({"/id": "Inland Revenue"}), "id", "field.form"),
            (json!({"/sector": 7}), "sector", "field.type"),
            (json!({"/services": {}}), "services", "field.type"),
            (json!({"/services/0": "etax"}), "services[0]", "field.type"),
            (json!({"/services/0/functions": "signing"}), "services[0].functions", "field.type"),
            (json!({"/services/0/functions/2": "sign"}), "services[0].functions[2]", "field.word"),
            (json!({"/services/0/formFields/1": "idNumber"}), "services[0].formFields[1]", "field.word"),
            (json!({"/services/0/since": "29 December 2020"}), "services[0].since", "field.form"),
            (json!({"/services/0/since": "2020-02-30"}), "services[0].since", "field.form"),
            (json!({"/services/0/since": 2020}), "services[0].since", "field.type"),
            (json!({"/services/0/offlineAccess": "yes"}), "services[0].offlineAccess", "field.type"),
            (json!({"/services/0/category": "tax"}), "services[0].category", "field.word"),
            (json!({"/services/0/name/en": null}), "services[0].name.en", "field.type"),
            (json!({"/industry": "banks"}), "industry", "field.word"),
            (json!({"/credentials/0/kind": "pem"}), "credentials[0].kind", "field.word"),
        ] {
            let found = wrong_with(|manifest| set(manifest, &change));
            assert_eq!(found, one(path, code), "{change}");
        }
        for field in ["apiVersion", "kind", "id", "organisation", "sector", "contact", "services"] {
            assert_eq!(wrong_with(|m| drop(m.as_object_mut().unwrap().remove(field))), one(field, "field.missing"));
        }
        for field in ["id", "name", "functions", "since"] {
            let path = format!("services[0].{field}");
            let found = wrong_with(|m| drop(m["services"][0].as_object_mut().unwrap().remove(field)));
            assert_eq!(found, one(&path, "field.missing"));
        }
        for whole in [json!(null), json!([]), json!("x"), json!(1)] {
            let found = Manifest::read(&whole, Environment::Sandbox).unwrap_err();
            assert_eq!((found.len(), found[0].path.as_str(), found[0].code), (1, "", "field.type"), "{whole}");
        }
    }

    /// Sets the value at each JSON pointer.
    fn set(manifest: &mut Value, change: &Value) {
        for (pointer, value) in change.as_object().unwrap() {
            let (parent, last) = pointer.rsplit_once('/').unwrap();
            match manifest.pointer_mut(parent).unwrap() {
                Value::Object(fields) => drop(fields.insert(last.to_owned(), value.clone())),
                Value::Array(items) => items[last.parse::<usize>().unwrap()] = value.clone(),
                _ => unreachable!("a pointer into a scalar"),
            }
        }
    }

    #[test]
    fn a_misspelled_field_gets_the_one_that_was_meant() {
        let mut value = etax();
        set(
            &mut value,
            &json!({"/services/0/redirect_uris": [], "/sectors": "public", "/services/0/functions/0": "authentification"}),
        );
        // In the order of the document, which a JSON value keeps or not, as the build has it.
        let mut hints: Vec<String> = Manifest::read(&value, Environment::Sandbox)
            .unwrap_err()
            .into_iter()
            .map(|finding| format!("{finding}; {}", finding.hint.as_deref().unwrap()))
            .collect();
        hints.sort();
        assert_eq!(
            hints,
            [
                "sectors: unknown field 'sectors'; did you mean 'sector'?",
                "services[0].functions[0]: 'authentification' is not a word that is known here; did you mean 'authentication'?",
                "services[0].redirect_uris: unknown field 'redirect_uris'; did you mean 'redirectUris'?",
            ]
        );
    }

    #[test]
    fn structure_and_content_are_reported_together() {
        let found = wrong_with(|manifest| {
            set(
                manifest,
                &json!({
                    "/colour": "red",
                    "/organisation/en": "Inland\u{202e}Revenue",
                    "/contact/email": "nobody",
                    "/services/0/redirectUris": ["http://etax.ird.example/callback", "https://*.ird.example/"],
                    "/services/0/functions": ["authentication", "autopilot"],
                    "/services/0/formFields": ["idNo"],
                    "/services/0/category": "tax",
                }),
            );
        });
        let expected = [
            ("colour", "field.unknown"),
            ("services[0].category", "field.word"),
            ("services[0].functions[1]", "field.word"),
            ("organisation.en", "name.bidi"),
            ("contact.email", "manifest.email"),
            ("services[0].redirectUris[0]", "redirect-uri.scheme"),
            ("services[0].redirectUris[1]", "redirect-uri.wildcard"),
        ];
        let mut found: Vec<_> = found.iter().map(|(path, code)| (path.as_str(), *code)).collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_faulty_field_that_must_be_there_hides_nothing_else() {
        let found = wrong_with(|manifest| {
            manifest["sector"] = json!("goverment");
            manifest["services"][0]["redirectUris"] = json!(["https://*.example/callback"]);
        });
        assert_eq!(
            found,
            [("sector".to_owned(), "field.word"), ("services[0].redirectUris[0]".to_owned(), "redirect-uri.wildcard")]
        );
        // Whether there is to be an industry or a category nobody knows without the sector; the rest is told.
        let found = wrong_with(|manifest| {
            manifest["sector"] = json!("privat");
            manifest["industry"] = json!("insurance");
            manifest.as_object_mut().unwrap().remove("contact");
            manifest["services"][0]["functions"] = json!(["form-filing"]);
            manifest["services"][0]["name"] = json!("eTAX");
            manifest["services"].as_array_mut().unwrap().push(json!("another"));
            manifest["credentials"] = json!([{ "kind": "certificat", "file": "" }]);
        });
        let paths: Vec<(&str, &str)> = found.iter().map(|(path, code)| (path.as_str(), *code)).collect();
        assert_eq!(
            paths,
            [
                ("sector", "field.word"),
                ("services[0].name", "field.type"),
                ("services[0].functions[0]", "field.word"),
                ("services[1]", "field.type"),
                ("credentials[0].kind", "field.word"),
                ("contact", "field.missing"),
                ("credentials[0].file", "credential.file"),
            ]
        );
    }

    #[test]
    fn a_hostile_name_of_a_field_is_made_visible() {
        let found = wrong_with(|m| set(m, &json!({"/\u{1b}[31mred\u{202e}": 1})));
        assert_eq!(found, one("\\u{1b}[31mred\\u{202e}", "field.unknown"));
    }
}
