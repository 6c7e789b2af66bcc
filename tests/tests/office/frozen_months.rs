//! A month is closed, something comes late, somebody tampers, and somebody else counts it all again.

use std::collections::BTreeMap;
use std::time::Duration;

use api::stats::{
    ExportEvents, FreezeMonth, FrozenMonth, ImportUses, ListDefinitions, ListFrozen, RawEvent, RawOf, RecordDefinitions,
    RestateMonth, Restatement, UsageBy, UsageReport, Verification, VerifyMonth, View,
};
use api::{Problem, Role};
use domain::{AccountEventKind, Day, FigureEntry, Function, Month, Outcome, Tier};
use pki::checkpoint::NoteSigner;
use pki::{KeyKind, PrivateKey};
use serde_json::json;
use tests::{World, both_engines};

use crate::statistics::{account, account_events, code, happen, legco, loads, small_office, used};

fn month(text: &str) -> Month {
    text.parse().unwrap()
}

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

async fn freezes(world: &World, of: &str, known_at: Option<&str>) -> Result<FrozenMonth, Problem> {
    world.first().call(&FreezeMonth { month: month(of), known_at: known_at.map(day) }).await
}

async fn restates(world: &World, of: &str) -> Restatement {
    world.first().call(&RestateMonth { month: month(of), known_at: None, view: None }).await.unwrap()
}

async fn verifies(world: &World, of: &str) -> Verification {
    world.first().call(&VerifyMonth { month: month(of) }).await.unwrap()
}

/// The office of the fixtures, a day later: everything is on record under a final day.
async fn a_day_after_the_small_office(world: &World) {
    small_office(world).await;
    world.clock.advance(Duration::from_hours(48));
}

fn refused(answer: Result<FrozenMonth, Problem>) -> String {
    answer.unwrap_err().code
}

async fn exported(world: &World, of: RawOf) -> Vec<RawEvent> {
    let mut events = Vec::new();
    let mut op = ExportEvents { of, from: None, to: None, known_at: None, after: None };
    loop {
        let page = world.first().call(&op).await.unwrap();
        events.extend(page.events);
        let Some(after) = page.next else { return events };
        op = ExportEvents { known_at: Some(page.known_at), after: Some(after), ..op };
    }
}

both_engines! {
    async fn a_late_event_never_moves_a_frozen_month(world: &World) {
        a_day_after_the_small_office(world).await;
        let frozen = freezes(world, "2022-05", None).await.unwrap();
        assert_eq!((frozen.known_at, frozen.already, frozen.registered), (day("2026-01-06"), false, 12));
        assert_eq!(frozen.uses, 31 + 7 + 12 + 7 + 2, "completed ones of May alone");
        let published = legco(world, "2022-05-31", Some("2026-01-06")).await.unwrap();

        let etax = code(world, "inland-revenue-department.etax").await;
        loads(world, vec![used(world, etax, Function::Signing, Outcome::Completed, day("2022-05-11")); 3]).await;
        account_events(world, vec![account(world, AccountEventKind::Registered, Tier::IamSmart, day("2022-05-12"))]).await;
        world.clock.advance(Duration::from_hours(24));

        assert_eq!(legco(world, "2022-05-31", Some("2026-01-06")).await.unwrap(), published, "the same bytes as before");
        assert_eq!(legco(world, "2022-05-31", None).await.unwrap(), published, "a closed month is answered as it was published");
        assert_ne!(legco(world, "2022-05-30", None).await.unwrap().known_at, published.known_at, "a day within it is not");
        let again = freezes(world, "2022-05", None).await.unwrap();
        assert_eq!(again, FrozenMonth { already: true, ..frozen.clone() });
        let told = restates(world, "2022-05").await;
        assert!(told.differs);
        let rows: Vec<_> = told.rows.iter().map(|row| (row.id.as_str(), row.frozen, row.now)).collect();
        assert_eq!(
            rows,
            [("usage.month", 59, 62), ("accounts.registered", 12, 13), ("inland-revenue-department.etax", 12, 15)]
        );
        let reasons: Vec<_> = told.reasons.iter().map(|reason| (reason.kind.as_str(), reason.count)).collect();
        assert_eq!(reasons, [("late-events", 4)]);
        assert_eq!(
            told.reasons[0].text.en,
            "4 events of the month (completed uses: 3) were put on record after 6 January 2026, by 7 January 2026."
        );
        assert_eq!(told.frozen.digest, frozen.digest);
        let checked = verifies(world, "2022-05").await;
        assert!(checked.ok, "{checked:?}");
        // What is not frozen is counted again just as well.
        assert!(verifies(world, "2022-04").await.ok);
    }

    async fn a_restatement_names_no_service_that_its_reports_leave_out(world: &World) {
        world.operator("statistician", &[Role::Statistician]).await;
        small_office(world).await;
        let [few, etax, screening, power] = [
            "sandbox-gas-company.gas-bills",
            "inland-revenue-department.etax",
            "department-of-health.cervical-screening-programme",
            "sandbox-electricity-company.electricity-bills",
        ];
        let uses = async |service, many| {
            let of = code(world, service).await;
            loads(world, vec![used(world, of, Function::Authentication, Outcome::Completed, day("2022-05-31")); many]).await;
        };
        for service in [etax, screening, power] {
            uses(service, 30).await;
        }
        world.clock.advance(Duration::from_hours(48));
        freezes(world, "2022-05", None).await.unwrap();
        uses(few, 2).await;
        uses(etax, 3).await;
        world.clock.advance(Duration::from_hours(24));
        let told = async |view| {
            let op = RestateMonth { month: month("2022-05"), known_at: None, view };
            world.as_operator("statistician").call(&op).await
        };
        let published = told(None).await.unwrap();
        let rows = |told: &Restatement| told.rows.iter().map(|row| (row.id.clone(), row.frozen, row.now)).collect::<Vec<_>>();
        let total = ("usage.month".to_owned(), 149, 154);
        let of_etax = (etax.to_owned(), 42, 45);
        assert_eq!((rows(&published), published.suppressed), (vec![total.clone(), of_etax.clone()], 1));
        assert_eq!(told(Some(View::Auditor)).await.unwrap_err().code, "stats.view");
        let auditors = restates(world, "2022-05").await;
        assert_eq!((rows(&auditors), auditors.suppressed), (vec![total, of_etax, (few.to_owned(), 2, 4)], 0));
    }

    async fn a_restatement_says_how_many_of_the_late_events_are_uses(world: &World) {
        a_day_after_the_small_office(world).await;
        let published = freezes(world, "2022-05", None).await.unwrap().uses;
        let file = include_str!("../../../fixtures/late-uses.jsonl");
        let uses = file.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        world.first().call(&ImportUses { source: "etax-2022-05".to_owned(), uses }).await.unwrap();
        world.clock.advance(Duration::from_hours(24));
        let told = restates(world, "2022-05").await;
        assert_eq!((told.rows[0].frozen, told.rows[0].now), (published, published + 5 - 1));
        let reasons: Vec<_> = told.reasons.iter().map(|reason| (reason.kind.as_str(), reason.count, &*reason.text.en)).collect();
        assert_eq!(reasons, [
            (
                "late-events",
                7,
                "7 events of the month (completed uses: 5) were put on record after 6 January 2026, by 7 January 2026.",
            ),
            (
                "corrected-events",
                1,
                "One event of the month (completed uses: 1) was taken off by a correction that was put on record after 6 January \
                 2026, by 7 January 2026.",
            ),
        ]);
    }

    async fn a_definition_that_is_new_is_no_new_version(world: &World) {
        a_day_after_the_small_office(world).await;
        freezes(world, "2022-05", None).await.unwrap();
        let listed = world.first().call(&ListDefinitions { known_at: None }).await.unwrap();
        let uses = listed.into_iter().find(|row| row.definition.id == "usage.total").unwrap().definition;
        let figures = [FigureEntry { version: 2, ..uses.clone() }, FigureEntry { id: "usage.new".to_owned(), ..uses }];
        let file = json!({ "apiVersion": "iam/v1", "kind": "FigureDefinitions", "edition": "2026-1", "figures": figures });
        world.first().call(&RecordDefinitions { definitions: serde_json::from_value(file).unwrap() }).await.unwrap();
        world.clock.advance(Duration::from_hours(24));
        let told = restates(world, "2022-05").await;
        let reasons: Vec<_> = told.reasons.iter().map(|reason| (reason.kind.as_str(), reason.count)).collect();
        assert_eq!((told.rows, reasons), (vec![], vec![("definition-changed", 1)]));
    }

    async fn a_month_without_anything_late_restates_nothing(world: &World) {
        a_day_after_the_small_office(world).await;
        freezes(world, "2022-04", Some("2026-01-05")).await.unwrap();
        let told = restates(world, "2022-04").await;
        assert!(!told.differs && told.rows.is_empty() && told.reasons.is_empty());
        let problem = world.first().call(&RestateMonth { month: month("2022-03"), known_at: None, view: None }).await.unwrap_err();
        assert_eq!(problem.code, "stats.not-frozen");
        let listed = world.first().call(&ListFrozen {}).await.unwrap();
        assert_eq!(listed.iter().map(|frozen| frozen.month).collect::<Vec<_>>(), [month("2022-04")]);
    }

    async fn what_cannot_be_closed_says_why(world: &World) {
        small_office(world).await;
        // 5 January 2026, nine in the morning: what is recorded today may yet change.
        assert_eq!(refused(freezes(world, "2026-01", None).await), "stats.month-not-ended");
        assert_eq!(refused(freezes(world, "2026-02", None).await), "stats.month-future");
        assert_eq!(refused(freezes(world, "2020-11", None).await), "stats.month-before-launch");
        assert_eq!(refused(freezes(world, "2022-05", Some("2026-01-05")).await), "stats.day-not-final");
        assert_eq!(refused(freezes(world, "2022-05", Some("2022-05-30")).await), "stats.known-before-month-end");
        let frozen = freezes(world, "2022-05", None).await.unwrap();
        assert_eq!((frozen.known_at, frozen.uses), (day("2026-01-04"), 0), "all of it was recorded today");
        assert_eq!(refused(freezes(world, "2022-05", Some("2026-01-03")).await), "stats.frozen-otherwise");
        assert_eq!(world.first().call(&ListFrozen {}).await.unwrap().len(), 1, "nothing else was closed");
        world.clock.advance(Duration::from_hours(20));
        let etax = code(world, "inland-revenue-department.etax").await;
        happen(world, vec![used(world, etax, Function::Signing, Outcome::Completed, day("2022-04-11"))]).await;
        world.clock.advance(Duration::from_hours(24));
        assert_eq!(refused(freezes(world, "2022-04", None).await), "stats.still-counting");
        crate::statistics::folds(world).await;
        assert_eq!(freezes(world, "2022-04", None).await.unwrap().uses, 31);
    }

    async fn closed_twice_at_once_there_is_one_state(world: &World) {
        a_day_after_the_small_office(world).await;
        let (one, other) = tokio::join!(freezes(world, "2022-05", None), freezes(world, "2022-05", None));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!((&one.digest, &one.checkpoint), (&other.digest, &other.checkpoint));
        assert_eq!(world.number("SELECT COUNT(*) FROM frozen_month").await, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM audit_entry WHERE action = 'stats.freeze' AND outcome = 'done'").await, 2);
    }

    async fn whoever_tampers_is_found(world: &World) {
        a_day_after_the_small_office(world).await;
        let operator = freezes(world, "2022-05", None).await.unwrap().operator;
        assert!(verifies(world, "2022-05").await.ok);
        let may = (month("2022-05").first_day().number(), month("2022-05").last_day().number());
        let within = format!("event_day BETWEEN {} AND {}", may.0, may.1);
        for (wrong, right, expected) in [
            (
                format!("UPDATE usage_daily SET count = count + 1 WHERE {within} AND outcome = 1"),
                format!("UPDATE usage_daily SET count = count - 1 WHERE {within} AND outcome = 1"),
                vec!["usage_daily"],
            ),
            (
                "UPDATE account_monthly SET count = count + 1 WHERE kind = 1".to_owned(),
                "UPDATE account_monthly SET count = count - 1 WHERE kind = 1".to_owned(),
                vec!["account_monthly", "frozen"],
            ),
            (
                format!("UPDATE usage_event SET outcome = 9 WHERE {within} AND outcome = 1 AND function = 3"),
                format!("UPDATE usage_event SET outcome = 1 WHERE {within} AND outcome = 9"),
                vec!["frozen", "usage_daily", "usage_monthly"],
            ),
            (
                "UPDATE frozen_month SET uses = uses + 1".to_owned(),
                "UPDATE frozen_month SET uses = uses - 1".to_owned(),
                vec!["frozen"],
            ),
            (
                "UPDATE frozen_month SET note = REPLACE(note, '2022-05', '2022-04')".to_owned(),
                "UPDATE frozen_month SET note = REPLACE(note, '2022-04', '2022-05')".to_owned(),
                vec!["signature"],
            ),
            // Who closed the month, and when, is signed too.
            (
                "UPDATE frozen_month SET operator = 'somebody-else'".to_owned(),
                format!("UPDATE frozen_month SET operator = '{operator}'"),
                vec!["signature"],
            ),
            (
                "UPDATE frozen_month SET frozen_at = frozen_at - 1000000".to_owned(),
                "UPDATE frozen_month SET frozen_at = frozen_at + 1000000".to_owned(),
                vec!["signature"],
            ),
            (
                "UPDATE frozen_month SET known_day = known_day - 1".to_owned(),
                "UPDATE frozen_month SET known_day = known_day + 1".to_owned(),
                vec!["signature"],
            ),
            (
                "UPDATE frozen_month SET head = REPLACE(head, 'version 1', 'version 2')".to_owned(),
                "UPDATE frozen_month SET head = REPLACE(head, 'version 2', 'version 1')".to_owned(),
                vec!["digest"],
            ),
            (
                "UPDATE frozen_month SET registered = -registered".to_owned(),
                "UPDATE frozen_month SET registered = -registered".to_owned(),
                vec!["frozen"],
            ),
            (
                "UPDATE account_person_daily SET birth_year = birth_year + 1 WHERE kind = 1".to_owned(),
                "UPDATE account_person_daily SET birth_year = birth_year - 1 WHERE kind = 1".to_owned(),
                vec!["account_person_daily"],
            ),
        ] {
            world.execute(&wrong).await;
            let checked = verifies(world, "2022-05").await;
            assert!(!checked.ok, "{wrong}");
            let mut what: Vec<_> = checked.differences.iter().map(|found| found.what.as_str()).collect();
            what.sort_unstable();
            what.dedup();
            if what.len() > 1 {
                what.retain(|what| *what != "digest");
            }
            assert_eq!(what, expected, "{wrong}");
            world.execute(&right).await;
            assert!(verifies(world, "2022-05").await.ok, "{right}");
        }
        // A note that another instance signed.
        let frozen = world.first().call(&ListFrozen {}).await.unwrap().remove(0);
        let (text, _) = frozen.checkpoint.split_once("\n\n").unwrap();
        let origin = text.lines().next().unwrap().trim_end_matches("/statistics");
        let stranger = NoteSigner::new(origin, PrivateKey::generate(KeyKind::Ed25519).unwrap()).unwrap();
        let forged = stranger.sign(&format!("{text}\n")).unwrap();
        world.execute(&format!("UPDATE frozen_month SET note = '{forged}'")).await;
        let checked = verifies(world, "2022-05").await;
        assert_eq!(checked.differences.iter().map(|found| found.what.as_str()).collect::<Vec<_>>(), ["signature"]);
        assert!(!restates(world, "2022-05").await.intact, "reports of it are not written either");
        world.execute(&format!("UPDATE frozen_month SET note = '{}'", frozen.checkpoint)).await;
        assert!(verifies(world, "2022-05").await.ok && restates(world, "2022-05").await.intact);
        // The digest of one month under the note of another.
        world.execute("UPDATE frozen_month SET digest = REPLACE(digest, 'a', 'b')").await;
        let checked = verifies(world, "2022-05").await;
        assert_eq!(checked.differences.iter().map(|found| found.what.as_str()).collect::<Vec<_>>(), ["digest", "signature"]);
    }

    async fn others_count_the_raw_events_to_the_same_figures(world: &World) {
        world.operator("statistician", &[Role::Statistician]).await;
        a_day_after_the_small_office(world).await;
        let mut counted: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for event in exported(world, RawOf::Uses).await {
            let (uses, not) = counted.entry(event.service.unwrap().to_string()).or_default();
            *(if event.outcome == Some(Outcome::Completed) { uses } else { not }) += u64::try_from(event.count).unwrap();
        }
        let op = UsageReport { by: UsageBy::Service, from: None, to: None, known_at: None, view: None };
        let told = world.first().call(&op).await.unwrap();
        assert_eq!(told.into_iter().map(|row| (row.id, (row.uses.unwrap(), row.not_completed.unwrap()))).collect::<BTreeMap<_, _>>(), counted);
        let accounts = exported(world, RawOf::Accounts).await;
        assert_eq!(accounts.iter().filter(|event| event.what == "registered").count(), 14);
        let statistician = world.as_operator("statistician");
        let op = ExportEvents { of: RawOf::Uses, from: None, to: None, known_at: None, after: None };
        assert_eq!(statistician.call(&op).await.unwrap_err().code, "auth.role", "raw events show small numbers");
    }
}
