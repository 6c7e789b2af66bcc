//! The key officer's lists stand in a terminal of 80 columns without a broken id, as the sandbox names things.

use api::certificate::{IssueCertificate, ListCertificates};
use api::credential::ListCredentials;
use api::inventory::{ListInventory, ShowCalendar};
use api::key::{ListKeys, RotateKey};
use api::relying_party::ApplyParties;
use api::rotation::ListPlans;
use client::Tabular;
use client::table;
use client::tabular::Section;
use domain::KeyPurpose;
use pki::{KeyKind, PrivateKey, make_csr};
use tests::{both_engines, fixtures};

const PARTY: &str = "inland-revenue-department";
const ROOM: u16 = 80;

/// No line is longer than a terminal is wide, and nothing is wrapped to make it so.
fn fits<T: Tabular>(what: &str, items: &[T]) {
    assert!(!items.is_empty(), "{what}");
    let natural = table::of(&Section::of("", items), None);
    let widest = natural.iter().map(|line| client::width::columns(line)).max().unwrap();
    assert!(widest <= usize::from(ROOM), "{what} is {widest} wide:\n{}", natural.join("\n"));
    assert_eq!(table::of(&Section::of("", items), Some(ROOM)), natural, "{what}");
}

both_engines! {
    async fn a_list_fits_an_ordinary_terminal(world: &World) {
        let desk = world.first();
        desk.call(&ApplyParties { manifests: vec![fixtures::party(PARTY)] }).await.unwrap();
        let csr = make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "whoever").unwrap();
        desk.call(&IssueCertificate { rp: PARTY.parse().unwrap(), csr, validity: None }).await.unwrap();
        for purpose in [KeyPurpose::TokenSigning, KeyPurpose::TimeStamping] {
            desk.call(&RotateKey::of(purpose)).await.unwrap();
        }
        let authority = RotateKey { name: Some("relying-parties".to_owned()), ..RotateKey::of(KeyPurpose::IssuingCa) };
        let made = desk.call(&authority).await.unwrap();
        fits("key rotate", &made);
        fits("key list", &desk.call(&ListKeys::default()).await.unwrap().items);
        fits("key plan --list", &desk.call(&ListPlans::default()).await.unwrap().items);
        fits("key inventory", &desk.call(&ListInventory::default()).await.unwrap().items);
        fits("key calendar", &desk.call(&ShowCalendar::default()).await.unwrap().items);
        fits("cert list", &desk.call(&ListCertificates::default()).await.unwrap().items);
        fits("rp credential list", &desk.call(&ListCredentials::default()).await.unwrap().items);
    }
}
