//! What parties and services were, and when: for the officer who asks why, and for figures of years past.

use api::relying_party::{PartyHistory, PartyVersion};
use api::{Problem, Role};
use domain::{Day, Manifest, PartyState, Sector, ServiceState};
use serde_json::json;
use tests::fixtures::{made_up, parties};
use tests::{World, both_engines};

use super::relying_parties::{apply, edited, resume, show, suspend};

async fn history(world: &World, rp: &str) -> Result<Vec<PartyVersion>, Problem> {
    world.first().call(&PartyHistory { rp: rp.parse().unwrap() }).await
}

fn office() -> Manifest {
    made_up("drill-office", "Drill Office", "演習處")
}

/// With a second service.
fn with_forms(manifest: &Manifest) -> Manifest {
    edited(manifest, |m| {
        let mut forms = m["services"][0].clone();
        forms["id"] = json!("forms");
        forms["name"] = json!({ "en": "Forms", "zh-Hant": "表格" });
        m["services"].as_array_mut().unwrap().push(forms);
    })
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// The services that citizens could reach, as `RP.SERVICE`.
async fn accessible(world: &World, as_at: &str, known_at: &str) -> Vec<String> {
    let mut read = world.app.store.read().await.unwrap();
    let services = read.services_accessible(day(as_at), day(known_at)).await.unwrap();
    services.into_iter().map(|service| service.service.to_string()).collect()
}

both_engines! {
    async fn a_party_s_history_says_who_changed_what_and_why(world: &World) {
        let officer = world.operator("rp-officer-1", &[Role::RpOfficer]).await;
        let supervisor = world.operator("rp-officer-2", &[Role::RpOfficer]).await;
        apply(&officer, &[office()]).await.unwrap();
        world.clock.advance(std::time::Duration::from_hours(1));
        let renamed = edited(&office(), |m| m["organisation"]["en"] = json!("Exercise Office"));
        apply(&officer, &[renamed]).await.unwrap();
        world.clock.advance(std::time::Duration::from_hours(1));
        suspend(&supervisor, "drill-office", "drill").await.unwrap();
        // Twice in one moment: the order is kept all the same.
        resume(&officer, "drill-office", "the drill is over").await.unwrap();

        let versions = history(world, "drill-office").await.unwrap();
        let told: Vec<(i64, &str, PartyState, Option<&str>)> = versions
            .iter()
            .map(|version| (version.version, version.operator.as_str(), version.state, version.reason.as_deref()))
            .collect();
        assert_eq!(
            told,
            [
                (4, "rp-officer-1", PartyState::Active, Some("the drill is over")),
                (3, "rp-officer-2", PartyState::Suspended, Some("drill")),
                (2, "rp-officer-1", PartyState::Active, None),
                (1, "rp-officer-1", PartyState::Active, None),
            ]
        );
        assert_eq!(versions[0].valid_to, None);
        for pair in versions.windows(2) {
            assert_eq!(pair[1].valid_to, Some(pair[0].valid_from), "one version ends where the next begins");
            assert!(pair[1].valid_from < pair[0].valid_from);
        }
        let change = &versions[2].changes[0];
        assert_eq!((change.path.as_str(), change.before.as_deref(), change.after.as_deref()), ("organisation.en", Some("Drill Office"), Some("Exercise Office")));
        let change = &versions[1].changes[0];
        assert_eq!((change.path.as_str(), change.before.as_deref(), change.after.as_deref()), ("state", Some("active"), Some("suspended")));
        assert_eq!(history(world, "no-such-office").await.unwrap_err().code, "relying-party.not-found");
    }

    async fn a_clock_that_goes_back_turns_no_history_round(world: &World) {
        apply(&world.first(), &[office()]).await.unwrap();
        world.clock.set("2026-01-04T00:00:00Z".parse().unwrap());
        suspend(&world.first(), "drill-office", "drill").await.unwrap();
        let versions = history(world, "drill-office").await.unwrap();
        assert!(versions[1].valid_from < versions[0].valid_from);
        assert_eq!(world.number("SELECT COUNT(*) FROM service_version WHERE valid_to <= valid_from").await, 0);
    }

    async fn a_service_that_leaves_the_manifest_is_retired_and_may_return(world: &World) {
        apply(&world.first(), &[with_forms(&office())]).await.unwrap();
        let codes = "SELECT CAST(code AS BIGINT) FROM service ORDER BY slug";
        assert_eq!(world.numbers(codes).await, [1, 2]);
        apply(&world.first(), &[office()]).await.unwrap();
        let states = async || show(world, "drill-office").await.services.into_iter().map(|s| (s.service.to_string(), s.state)).collect::<Vec<_>>();
        assert_eq!(states().await, [("enquiry".to_owned(), ServiceState::Active), ("forms".to_owned(), ServiceState::Retired)]);
        apply(&world.first(), &[made_up("fire-office", "Fire Office", "消防處")]).await.unwrap();
        assert_eq!(world.number("SELECT CAST(code AS BIGINT) FROM service WHERE relying_party = 'fire-office'").await, 3, "no code twice");
        apply(&world.first(), &[with_forms(&office())]).await.unwrap();
        assert_eq!(states().await, [("enquiry".to_owned(), ServiceState::Active), ("forms".to_owned(), ServiceState::Active)]);
        assert_eq!(world.numbers(codes).await.len(), 3, "it is the same service again");
        let lives = "SELECT state FROM service_version WHERE service = 2 ORDER BY valid_from";
        assert_eq!(world.texts(lives).await, ["active", "retired", "active"]);
        assert_eq!(world.texts("SELECT state FROM service_version WHERE service = 1").await, ["active"], "the other one did not change");
    }

    async fn manifests_of_today_answer_for_the_years_since_the_launch(world: &World) {
        let manifests = parties();
        apply(&world.first(), &manifests).await.unwrap();
        let of = |as_at: &str| manifests.iter().flat_map(|party| &party.services).filter(|service| service.since <= day(as_at)).count();
        for as_at in ["2020-12-28", "2020-12-29", "2021-06-30", "2022-05-31", "2026-01-05"] {
            assert_eq!(accessible(world, as_at, "2026-01-05").await.len(), of(as_at), "{as_at}");
        }
        assert!(of("2020-12-28") < of("2021-06-30") && of("2021-06-30") < of("2022-05-31"));
        assert_eq!(accessible(world, "2022-05-31", "2026-01-04").await, Vec::<String>::new(), "the day before, nobody knew");
    }

    async fn a_suspension_counts_on_its_days_and_no_others(world: &World) {
        apply(&world.first(), &[office(), made_up("fire-office", "Fire Office", "消防處")]).await.unwrap();
        world.clock.set("2026-01-07T01:00:00Z".parse().unwrap());
        suspend(&world.first(), "drill-office", "drill").await.unwrap();
        world.clock.set("2026-01-09T01:00:00Z".parse().unwrap());
        resume(&world.first(), "drill-office", "the drill is over").await.unwrap();
        let (both, one) = (["drill-office.enquiry", "fire-office.enquiry"].as_slice(), ["fire-office.enquiry"].as_slice());
        for (as_at, known_at, expected) in [
            ("2022-05-31", "2026-01-09", both),
            ("2026-01-06", "2026-01-09", both),
            ("2026-01-07", "2026-01-09", one),
            ("2026-01-08", "2026-01-09", one),
            ("2026-01-09", "2026-01-09", both),
            ("2026-01-09", "2026-01-08", one),
            ("2026-01-09", "2026-01-06", both),
        ] {
            assert_eq!(accessible(world, as_at, known_at).await, expected, "as at {as_at}, known at {known_at}");
        }
    }

    async fn uses_of_old_belong_to_the_sector_of_old(world: &World) {
        apply(&world.first(), &[office()]).await.unwrap();
        world.clock.set("2026-02-02T01:00:00Z".parse().unwrap());
        apply(&world.first(), &[edited(&office(), |m| m["sector"] = json!("public"))]).await.unwrap();
        let history = world.app.store.read().await.unwrap().service_history(day("2026-02-02")).await.unwrap();
        let sector = |on: &str| history.on(1, day(on)).map(|service| service.sector);
        assert_eq!(sector("2022-05-31"), Some(Sector::Government));
        assert_eq!(sector("2026-02-01"), Some(Sector::Government));
        assert_eq!(sector("2026-02-02"), Some(Sector::Public));
        assert_eq!(world.number("SELECT COUNT(*) FROM service_version WHERE valid_to IS NULL").await, 1);
    }
}
