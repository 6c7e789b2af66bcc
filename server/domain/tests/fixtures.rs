//! The files under `fixtures/` are read by the types of this crate and keep its rules.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use domain::{
    Categories, Category, Channel, Environment, Locations, Manifest, NamedServices, Sector, check_name, diff, read_checked,
    skeleton,
};
use serde_json::Value;

fn fixtures(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(path)
}

fn yaml(path: impl AsRef<Path>) -> Value {
    serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Every manifest with its credentials read in, as it is sent.
fn manifests() -> Vec<(PathBuf, Value)> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(fixtures("relying-parties")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let mut manifest = yaml(&path);
            for credential in manifest["credentials"].as_array_mut().into_iter().flatten() {
                let file = path.parent().unwrap().join(credential["file"].as_str().unwrap());
                credential["jwks"] = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            }
            (path, manifest)
        })
        .collect()
}

#[test]
fn every_manifest_can_be_applied_to_a_sandbox() {
    let manifests = manifests();
    assert!(manifests.len() >= 25);
    let mut ids = BTreeSet::new();
    let mut names = BTreeMap::new();
    for (path, value) in &manifests {
        let manifest = Manifest::read(value, Environment::Sandbox);
        let manifest = manifest.unwrap_or_else(|findings| panic_with(path, &findings));
        assert_eq!(Some(manifest.id.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
        assert!(ids.insert(manifest.id.clone()), "{} stands twice", manifest.id);
        for name in [&manifest.organisation.en, &manifest.organisation.zh_hant] {
            assert_eq!(names.insert(skeleton(name), manifest.id.clone()), None, "{name} looks like another party's name");
        }
        // On production all real ones, and none of the made-up ones.
        let on_production = manifest.findings(Environment::Production);
        assert_eq!(on_production.is_empty(), !manifest.synthetic, "{}", manifest.id);
        assert_eq!(diff(&manifest, &manifest), []);
        let written = serde_json::to_value(&manifest).unwrap();
        assert_eq!(Manifest::read(&written, Environment::Sandbox), Ok(manifest), "written and read again");
    }
}

#[expect(clippy::panic, reason = "tests")]
fn panic_with(path: &Path, findings: &[domain::Finding]) -> Manifest {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    panic!("{}:\n{}", path.display(), lines.join("\n"))
}

#[test]
fn the_catalogue_has_twelve_categories_and_both_totals() {
    let catalogue: Categories = read_checked(&yaml(fixtures("catalogue/categories.yaml"))).into_result().unwrap();
    let ids: Vec<Category> = catalogue.categories.iter().map(|category| category.id).collect();
    assert_eq!(ids, Category::ALL);
    assert_eq!((catalogue.planned_sum(), catalogue.planned.sum, catalogue.planned.stated), (114, 114, 110));
    for category in &catalogue.categories {
        assert_eq!(category.number, u32::try_from(category.id.code()).unwrap());
        assert_eq!(check_name(&category.name.zh_hant), Ok(()));
    }
    assert_eq!(catalogue.get(Category::MedicalAndHealth).map(|category| category.planned), Some(19));
}

/// Annex 1 of the paper of June 2020, written down again from the paper: each category's planned number, and how many services
/// of it the annex names.
const ANNEX_1: [(&str, u32, usize); 12] = [
    ("licence-applications-and-renewals", 6, 3),
    ("general-applications-and-registrations", 13, 5),
    ("public-transport", 11, 6),
    ("permits-and-business-applications", 12, 9),
    ("education", 9, 4),
    ("employment", 9, 5),
    ("medical-and-health", 19, 9),
    ("subsidies", 4, 3),
    ("public-housing", 4, 3),
    ("public-enquiries", 6, 1),
    ("postal-services", 5, 4),
    ("other-public-services", 16, 6),
];

/// Named in paragraph 5 of that paper or in the reply of 2022, and not in the annex.
const NAMED_ELSEWHERE: [(&str, &str); 7] = [
    ("outbound-travel-information-registration", "S20 para 5"),
    ("job-seekers-registration", "S20 para 5"),
    ("covid-19-vaccination-and-testing-records", "S22"),
    ("leisure-link", "S22"),
    ("working-family-allowance-application", "S22"),
    ("electricity-bills", "S22"),
    ("gas-bills", "S22"),
];

#[test]
fn the_catalogue_is_that_of_the_papers() {
    let catalogue: Categories = read_checked(&yaml(fixtures("catalogue/categories.yaml"))).into_result().unwrap();
    let named: NamedServices = read_checked(&yaml(fixtures("catalogue/services.yaml"))).into_result().unwrap();
    let counted: Vec<(&str, u32, usize)> = catalogue
        .categories
        .iter()
        .map(|category| {
            let services = named.services.iter().filter(|service| service.category == Some(category.id)).count();
            (category.id.as_str(), category.planned, services)
        })
        .collect();
    assert_eq!(counted, ANNEX_1);
    assert_eq!(named.services.len(), 58);
    let elsewhere: Vec<(&str, &str)> =
        named.also_named.iter().map(|service| (service.id.as_str(), service.source.as_str())).collect();
    assert_eq!(elsewhere, NAMED_ELSEWHERE);
}

#[test]
fn the_platform_opens_with_23_services_and_has_214_in_2022() {
    let manifests: Vec<Manifest> = manifests().into_iter().map(|(_, value)| serde_json::from_value(value).unwrap()).collect();
    let services = || manifests.iter().flat_map(|manifest| &manifest.services);
    assert_eq!((manifests.len(), services().count()), (41, 86));
    assert_eq!(services().filter(|service| service.since.to_string() == "2020-12-29").count(), 23, "paragraph 5: at launch");
    assert_eq!(services().map(|service| service.since.to_string()).min().as_deref(), Some("2020-12-29"), "none before");

    // The reply of 2022 counts over 210: what nobody names is synthetic, and says so.
    let population = yaml(fixtures("population/lcq5.yaml"));
    let groups = population["syntheticServices"].as_array().unwrap();
    let synthetic: usize = groups.iter().map(|group| group["services"].as_array().unwrap().len()).sum();
    assert_eq!((population["syntheticParties"].as_array().unwrap().len(), synthetic), (19, 128));
    assert_eq!(services().count() + synthetic, 214);
}

#[test]
fn every_named_service_stands_in_the_manifest_of_its_party() {
    let named: NamedServices = read_checked(&yaml(fixtures("catalogue/services.yaml"))).into_result().unwrap();
    let manifests: BTreeMap<String, Manifest> = manifests()
        .into_iter()
        .map(|(_, value)| serde_json::from_value::<Manifest>(value).unwrap())
        .map(|manifest| (manifest.id.to_string(), manifest))
        .collect();
    for service in named.services.iter().chain(&named.also_named) {
        let party = manifests.get(service.relying_party.as_str()).unwrap();
        let theirs = party.services.iter().find(|theirs| theirs.id == service.id).unwrap();
        assert_eq!((&theirs.name, theirs.category), (&service.name, service.category), "{}", service.id);
        assert_eq!(party.organisation, service.organisation);
        let holders = manifests.values().filter(|party| party.services.iter().any(|theirs| theirs.id == service.id));
        assert_eq!(holders.count(), 1, "{} stands in exactly one manifest", service.id);
    }
    assert!(named.services.iter().all(|service| service.category.is_some()), "the annex is divided into categories");
    assert!(manifests.values().any(|manifest| manifest.sector == Sector::Public));
}

#[test]
fn the_places_are_those_of_the_annex() {
    let places: Locations = read_checked(&yaml(fixtures("locations.yaml"))).into_result().unwrap();
    let mut named: BTreeMap<Channel, u32> = places.named.keys().map(|channel| (*channel, 0)).collect();
    for place in places.locations.iter().filter(|place| place.places.is_none()) {
        *named.entry(place.channel).or_default() += 1;
    }
    assert_eq!(named, places.named);
    assert_eq!((named.get(&Channel::Kiosk), named.get(&Channel::MobileTeam)), (Some(&37), Some(&9)));
    for (id, channel) in [("roving", Channel::MobileTeam), ("post-offices", Channel::Counter)] {
        let place = places.get(&id.parse().unwrap()).unwrap();
        assert_eq!((place.channel, place.places.is_some()), (channel, true));
    }
    let ids: BTreeSet<_> = places.locations.iter().map(|place| &place.id).collect();
    assert_eq!(ids.len(), places.locations.len());
    assert!(places.locations.iter().all(|place| place.channel.needs_location()));
}
