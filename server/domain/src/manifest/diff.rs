//! What a new manifest changes.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Manifest, ServiceManifest};
use crate::wire::words;

words! {
    /// What happened to a field.
    pub enum ChangeKind, "kind of change" {
        /// It was not there.
        Added = 1 => "added",
        /// It is not there any more.
        Removed = 2 => "removed",
        /// It has another value.
        Changed = 3 => "changed",
    }
}

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// `services[etax].name.en`: services by their id, so that moving one about in the file is no
    /// change. Elements of a list have the path of the list.
    pub path: String,
    /// What happened.
    pub kind: ChangeKind,
    /// The value before; none when added.
    pub before: Option<String>,
    /// The value after; none when removed.
    pub after: Option<String>,
}

/// What `new` changes in `old`, field by field in the order of the manifest. The order of lists does not
/// count. A service that comes or goes is listed with each of its fields, so that a reviewer sees its
/// addresses and functions too.
pub fn diff(old: &Manifest, new: &Manifest) -> Vec<Change> {
    between(&Fields::of(old), &Fields::of(new))
}

/// What a party that is new brings: each of its fields.
pub fn diff_from_nothing(new: &Manifest) -> Vec<Change> {
    between(&Fields::default(), &Fields::of(new))
}

fn between(old: &Fields, new: &Fields) -> Vec<Change> {
    let mut changes = Vec::new();
    for path in new.order.iter().chain(old.order.iter().filter(|path| !new.values.contains_key(*path))) {
        let before = old.values.get(path);
        let after = new.values.get(path);
        match (before, after) {
            (Some(Value::One(before)), Some(Value::One(after))) => {
                if before != after {
                    changes.push(change(path, Some(before), Some(after)));
                }
            }
            (before, after) => {
                let before = before.map(Value::items).unwrap_or_default();
                let after = after.map(Value::items).unwrap_or_default();
                let removed = before.difference(&after).map(|item| change(path, Some(item), None));
                let added = after.difference(&before).map(|item| change(path, None, Some(item)));
                changes.extend(removed.chain(added));
            }
        }
    }
    changes
}

fn change(path: &str, before: Option<&str>, after: Option<&str>) -> Change {
    Change {
        path: path.to_owned(),
        kind: match (before, after) {
            (None, _) => ChangeKind::Added,
            (_, None) => ChangeKind::Removed,
            _ => ChangeKind::Changed,
        },
        before: before.map(str::to_owned),
        after: after.map(str::to_owned),
    }
}

enum Value {
    One(String),
    Many(BTreeSet<String>),
}

impl Value {
    fn items(&self) -> BTreeSet<&str> {
        match self {
            Value::One(value) => BTreeSet::from([value.as_str()]),
            Value::Many(values) => values.iter().map(String::as_str).collect(),
        }
    }
}

/// Every field that is set, by its path.
#[derive(Default)]
struct Fields {
    order: Vec<String>,
    values: BTreeMap<String, Value>,
}

impl Fields {
    fn of(manifest: &Manifest) -> Fields {
        // Taken apart by name, so that a field added to the manifest cannot be forgotten here.
        let Manifest { api_version, kind, id, organisation, sector, industry, contact, services, credentials, synthetic } =
            manifest;
        let mut fields = Fields::default();
        fields.one("apiVersion", api_version);
        fields.one("kind", kind);
        fields.one("id", id);
        fields.one("organisation.en", &organisation.en);
        fields.one("organisation.zh-Hant", &organisation.zh_hant);
        fields.one("sector", sector);
        fields.maybe("industry", industry.as_ref());
        fields.one("contact.name", &contact.name);
        fields.one("contact.email", &contact.email);
        for service in services {
            fields.service(service);
        }
        for credential in credentials {
            let path = format!("credentials[{}]", credential.kind);
            fields.add(&format!("{path}.file"), credential.file.iter());
            fields.add(&format!("{path}.url"), credential.url.iter());
            let keys = credential.jwks.as_ref().and_then(|jwks| jwks.get("keys")?.as_array());
            fields.add(&format!("{path}.jwks.keys"), keys.into_iter().flatten());
            fields.add(&format!("{path}.certificate"), credential.certificate.iter());
        }
        fields.flag("synthetic", *synthetic);
        fields
    }

    fn service(&mut self, service: &ServiceManifest) {
        let ServiceManifest {
            id,
            name,
            category,
            functions,
            redirect_uris,
            form_fields,
            since,
            client_profile,
            client_authentication,
            sender_constraint,
            scopes,
            post_logout_redirect_uris,
            backchannel_logout_uri,
            ciba,
            ciba_notification_uri,
            offline_access,
            synthetic,
        } = service;
        let at = |field: &str| format!("services[{id}].{field}");
        self.one(&at("name.en"), &name.en);
        self.one(&at("name.zh-Hant"), &name.zh_hant);
        self.maybe(&at("category"), category.as_ref());
        self.add(&at("functions"), functions.iter());
        self.add(&at("redirectUris"), redirect_uris.iter());
        self.add(&at("formFields"), form_fields.iter());
        self.one(&at("since"), since);
        self.maybe(&at("clientProfile"), client_profile.as_ref());
        self.maybe(&at("clientAuthentication"), client_authentication.as_ref());
        self.maybe(&at("senderConstraint"), sender_constraint.as_ref());
        self.add(&at("scopes"), scopes.iter());
        self.add(&at("postLogoutRedirectUris"), post_logout_redirect_uris.iter());
        self.maybe(&at("backchannelLogoutUri"), backchannel_logout_uri.as_ref());
        self.maybe(&at("ciba"), ciba.as_ref());
        self.maybe(&at("cibaNotificationUri"), ciba_notification_uri.as_ref());
        self.flag(&at("offlineAccess"), *offline_access);
        self.flag(&at("synthetic"), *synthetic);
    }

    fn put(&mut self, path: &str, value: Value) {
        if self.values.insert(path.to_owned(), value).is_none() {
            self.order.push(path.to_owned());
        }
    }

    fn one(&mut self, path: &str, value: &impl ToString) {
        self.put(path, Value::One(value.to_string()));
    }

    fn maybe(&mut self, path: &str, value: Option<&impl ToString>) {
        if let Some(value) = value {
            self.one(path, value);
        }
    }

    /// A flag that is not set is not written, as in the file.
    fn flag(&mut self, path: &str, set: bool) {
        if set {
            self.one(path, &set);
        }
    }

    fn add(&mut self, path: &str, values: impl Iterator<Item = impl ToString>) {
        let mut values: BTreeSet<String> = values.map(|value| value.to_string()).collect();
        if values.is_empty() {
            return;
        }
        // Two credentials of one kind share their paths.
        if let Some(Value::Many(before)) = self.values.get_mut(path) {
            before.append(&mut values);
        } else {
            self.put(path, Value::Many(values));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::tests::etax;

    /// What the change makes of the contract's manifest, as lines.
    fn after(change: impl FnOnce(&mut Value)) -> Vec<String> {
        let old: Manifest = serde_json::from_value(etax()).unwrap();
        let mut value = etax();
        change(&mut value);
        let new: Manifest = serde_json::from_value(value).unwrap();
        lines(&diff(&old, &new))
    }

    fn lines(changes: &[Change]) -> Vec<String> {
        let shown = |value: &Option<String>| value.clone().unwrap_or_default();
        changes
            .iter()
            .map(|change| format!("{} {}: {} -> {}", change.kind, change.path, shown(&change.before), shown(&change.after)))
            .collect()
    }

    #[test]
    fn nothing_changed() {
        assert_eq!(after(|_| {}), [] as [&str; 0]);
    }

    #[test]
    fn the_order_of_lists_and_services_does_not_count() {
        let two = |reversed: bool| {
            let mut value = etax();
            let mut other = value["services"][0].clone();
            other["id"] = json!("erates");
            other["name"]["en"] = json!("eRates");
            value["services"].as_array_mut().unwrap().push(other);
            if reversed {
                value["services"].as_array_mut().unwrap().reverse();
                value["services"][0]["functions"].as_array_mut().unwrap().reverse();
            }
            serde_json::from_value::<Manifest>(value).unwrap()
        };
        assert_eq!(diff(&two(false), &two(true)), []);
    }

    #[test]
    fn fields_that_change_come_and_go() {
        assert_eq!(
            after(|m| {
                m["organisation"]["en"] = json!("Inland Revenue");
                m["contact"]["email"] = json!("duty@ird.example");
                m["services"][0]["since"] = json!("2021-01-01");
                m["services"][0]["clientProfile"] = json!("fapi2");
                m["services"][0]["offlineAccess"] = json!(true);
                m["services"][0]["functions"] = json!(["authentication", "form-filling", "step-up"]);
                m["services"][0]["redirectUris"] = json!(["https://etax.ird.example/cb"]);
                m["services"][0].as_object_mut().unwrap().remove("category");
                m["synthetic"] = json!(true);
            }),
            [
                "changed organisation.en: Inland Revenue Department -> Inland Revenue",
                "changed contact.email: etax@ird.example -> duty@ird.example",
                "removed services[etax].functions: signing -> ",
                "added services[etax].functions:  -> step-up",
                "removed services[etax].redirectUris: https://etax.ird.example/callback -> ",
                "added services[etax].redirectUris:  -> https://etax.ird.example/cb",
                "changed services[etax].since: 2020-12-29 -> 2021-01-01",
                "added services[etax].clientProfile:  -> fapi2",
                "added services[etax].offlineAccess:  -> true",
                "added synthetic:  -> true",
                "removed services[etax].category: other-public-services -> ",
            ]
        );
    }

    #[test]
    fn a_service_that_comes_or_goes_shows_all_it_brings_or_takes() {
        let changes = after(|m| m["services"][0]["id"] = json!("etax-two"));
        let (added, removed): (Vec<&String>, Vec<&String>) = changes.iter().partition(|line| line.starts_with("added"));
        assert_eq!((added.len(), removed.len()), (12, 12));
        assert!(changes.contains(&"added services[etax-two].redirectUris:  -> https://etax.ird.example/callback".to_owned()));
        assert!(changes.contains(&"removed services[etax].functions: signing -> ".to_owned()));
    }

    #[test]
    fn another_key_is_a_change_even_under_the_same_name() {
        let with = |x: &str| {
            let mut value = etax();
            value["credentials"][0]["jwks"] = json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": "k", "x": x, "y": "AA"}]});
            serde_json::from_value::<Manifest>(value).unwrap()
        };
        let changes = diff(&with("AA"), &with("AB"));
        assert_eq!(changes.iter().map(|change| change.kind).collect::<Vec<_>>(), [ChangeKind::Removed, ChangeKind::Added]);
        assert!(changes.iter().all(|change| change.path == "credentials[jwks].jwks.keys"));
        assert_eq!(diff(&with("AA"), &with("AA")), []);
    }

    #[test]
    fn a_new_party_brings_all_of_its_fields() {
        let manifest: Manifest = serde_json::from_value(etax()).unwrap();
        let changes = diff_from_nothing(&manifest);
        assert!(changes.iter().all(|change| change.kind == ChangeKind::Added && change.before.is_none()));
        let of = |path: &str| changes.iter().filter(|change| change.path == path).filter_map(|c| c.after.as_deref()).collect();
        let (names, functions): (Vec<&str>, Vec<&str>) = (of("organisation.zh-Hant"), of("services[etax].functions"));
        assert_eq!((names, functions), (vec!["稅務局"], vec!["authentication", "form-filling", "signing"]));
    }

    #[test]
    fn two_credentials_of_a_kind_are_both_seen() {
        let changes = after(|m| {
            m["credentials"].as_array_mut().unwrap().push(json!({"kind": "jwks", "file": "second.jwks.json"}));
        });
        assert_eq!(changes, ["added credentials[jwks].file:  -> second.jwks.json"]);
        let changes = after(|m| m["credentials"] = json!([{"kind": "jwks", "url": "https://etax.ird.example/jwks.json"}]));
        assert_eq!(
            changes,
            [
                "added credentials[jwks].url:  -> https://etax.ird.example/jwks.json",
                "removed credentials[jwks].file: inland-revenue-department.jwks.json -> ",
            ]
        );
    }
}
