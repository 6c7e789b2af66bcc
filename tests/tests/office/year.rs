//! A year goes by: every purpose rotates on schedule, and whoever verifies from outside never notices.

use std::time::Duration;

use api::key::RotateKey;
use domain::{Clock, KeyPurpose};
use pki::Certificate;
use tests::{Setup, World, both_engines};

use super::authorities::issue;
use super::responders::days_go_by;
use super::revocation::{Desk, fetched, gets, issued, ocsp, posts};
use super::rotation::fetches;

/// The office's calendar for a line of keys.
struct Duty {
    purpose: KeyPurpose,
    name: &'static str,
    who: Who,
    /// Generations that there are after the year, the first one included.
    generations: i64,
}

/// Who sees to it.
enum Who {
    /// The platform, on schedule.
    Itself,
    /// The key officer, every so many days.
    Officer(u64),
}

const DAYS: u64 = 370;

const DUTIES: &[Duty] = &[
    Duty { purpose: KeyPurpose::Ocsp, name: "operators-1", who: Who::Itself, generations: 7 },
    Duty { purpose: KeyPurpose::Ocsp, name: "relying-parties-1", who: Who::Itself, generations: 7 },
    Duty { purpose: KeyPurpose::Ocsp, name: "time-stamping-1", who: Who::Itself, generations: 7 },
    Duty { purpose: KeyPurpose::TimeStamping, name: "stamps", who: Who::Itself, generations: 2 },
    Duty { purpose: KeyPurpose::ServerTls, name: "listeners", who: Who::Itself, generations: 2 },
    Duty { purpose: KeyPurpose::TokenSigning, name: "tokens", who: Who::Officer(90), generations: 10 },
    Duty { purpose: KeyPurpose::Audit, name: "checkpoints", who: Who::Officer(180), generations: 3 },
    Duty { purpose: KeyPurpose::Data, name: "accounts", who: Who::Officer(200), generations: 2 },
    Duty { purpose: KeyPurpose::BlindIndex, name: "people", who: Who::Officer(250), generations: 2 },
    Duty { purpose: KeyPurpose::IssuingCa, name: "relying-parties", who: Who::Officer(300), generations: 2 },
];

/// What the key officer does on a day of the year.
async fn officer(world: &World, day: u64) {
    for duty in DUTIES {
        let Who::Officer(every) = duty.who else { continue };
        if day.is_multiple_of(every) && day < 365 {
            let op = RotateKey { name: Some(duty.name.to_owned()), ..RotateKey::of(duty.purpose) };
            let made = world.first().call(&op).await;
            assert!(made.is_ok(), "{} on day {day}: {made:?}", duty.purpose);
            if duty.purpose == KeyPurpose::IssuingCa {
                issue(world).await;
            }
        }
    }
}

/// An outsider, on a day of the year, with the real `openssl` and what everybody can fetch.
async fn outsider(world: &World, document: &Desk) {
    let (certificate, _) = issued(world).await;
    let desk = fetched(world, &certificate.view().issuer).await;
    let held = desk.pem("party.pem", certificate.der());
    let (good, said) = desk.verifies(&held);
    assert!(good, "{said}");
    let said = ocsp(world, &desk, &held, "-sha256").await;
    assert!(said.contains("party.pem: good"), "{said}");
    // With the responder's own certificate judged by the moment.
    let (good, said) = desk.openssl(&[
        "ocsp",
        "-respin",
        "answer.der",
        "-CAfile",
        "root.pem",
        "-verify_other",
        "issuer.pem",
        "-attime",
        &desk.at,
        "-validity_period",
        "999999999",
    ]);
    assert!(good && said.contains("Response verify OK"), "{said}");
    stamped(world, document).await;
}

/// A fresh stamp, and every stamp since the year began, verify.
async fn stamped(world: &World, desk: &Desk) {
    let query = std::fs::read(desk.folder.path().join("query.tsq")).unwrap();
    let (status, reply) = posts(world, "/tsa", query).await;
    assert_eq!(status, 200);
    let now = (world.clock.now().micros() / 1_000_000).to_string();
    desk.file(&format!("{now}.tsr"), reply);
    for entry in std::fs::read_dir(desk.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "tsr") {
            let (good, said) = desk.openssl(&[
                "ts",
                "-verify",
                "-queryfile",
                "query.tsq",
                "-in",
                path.to_str().unwrap(),
                "-CAfile",
                "root.pem",
                "-untrusted",
                "issuer.pem",
                "-attime",
                &now,
            ]);
            assert!(good && said.contains("Verification: OK"), "{}: {said}", path.display());
        }
    }
}

both_engines! {
    async fn a_year_goes_by_and_every_key_is_followed_in_time(world: &World) {
        let document = Desk::at(world);
        document.pem("root.pem", &gets(world, "/ca/root-1.crt").await);
        document.pem("issuer.pem", &gets(world, "/ca/time-stamping-1.crt").await);
        document.file("document", "what was there");
        let (made, said) = document.openssl(&["ts", "-query", "-data", "document", "-sha256", "-cert", "-out", "query.tsq"]);
        assert!(made, "{said}");
        for day in 1..=DAYS {
            days_go_by(world, 1).await;
            officer(world, day).await;
            if day > 45 {
                fetches(world, "inland-revenue-department.etax").await;
            }
            if day.is_multiple_of(45) && day < 365 {
                outsider(world, &document).await;
            }
        }
        stamped(world, &document).await;
        for duty in DUTIES {
            let (purpose, name) = (duty.purpose, duty.name);
            let count = async |state: &str| {
                world.number(&format!("SELECT COUNT(*) FROM key_generation WHERE purpose = '{purpose}' AND name = '{name}' {state}")).await
            };
            assert_eq!(count("").await, duty.generations, "{purpose} {name}");
            assert_eq!(count("AND state = 'published'").await, 0, "{purpose} {name}");
        }
        // Nothing that signs does so under a certificate that has ended.
        let mut read = world.app.store.read().await.unwrap();
        for key in read.keys(None, Some(domain::KeyState::Active)).await.unwrap() {
            let Some(der) = key.certificate else { continue };
            assert!(Certificate::from_der(&der).unwrap().is_valid_at(world.clock.now()), "{}", key.kid);
        }
        assert!(world.clock.now().saturating_since(Setup::default().start) >= Duration::from_hours(24 * DAYS));
    }
}
