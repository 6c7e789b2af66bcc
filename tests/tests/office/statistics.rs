//! The statistician's month-end: figures as at a day, as known on a day, the same bytes for the same question.

use std::time::Duration;

use api::relying_party::{ApplyParties, SuspendParty};
use api::stats::{LegcoReply, LegcoReport, TopServices, UsageBy, UsageReport, UsageRow, View};
use api::{Problem, Role};
use domain::{AccountEventKind, Channel, Clock, Day, Function, Manifest, Outcome, Sector, Tier, Timestamp, UsageChannel};
use openssl::sha::sha256;
use server::store::{AccountEvent, Housekeeping, NOBODY, UsageRow as UseRow};
use server::usage::fold::fold;
use tests::fixtures::party;
use tests::{World, both_engines};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Noon in Hong Kong.
fn noon(day: Day) -> Timestamp {
    day.start().plus(Duration::from_hours(12))
}

/// Parties of every sector, from the fixtures.
const PARTIES: [&str; 5] = [
    "inland-revenue-department",
    "department-of-health",
    "hospital-authority",
    "sandbox-electricity-company",
    "sandbox-gas-company",
];

pub async fn brings_on_board(world: &World, manifests: Vec<Manifest>) {
    world.first().call(&ApplyParties { manifests }).await.unwrap();
}

pub async fn code(world: &World, service: &str) -> i32 {
    let (rp, slug) = service.split_once('.').unwrap();
    let sql = format!("SELECT CAST(code AS BIGINT) FROM service WHERE relying_party = '{rp}' AND slug = '{slug}'");
    world.number(&sql).await.try_into().unwrap()
}

/// A use of that day, put on record now.
pub fn used(world: &World, service: i32, function: Function, outcome: Outcome, on: Day) -> UseRow {
    UseRow {
        service,
        function: function.code(),
        tier: Tier::IamSmart.code(),
        channel: UsageChannel::App.code(),
        outcome: outcome.code(),
        event_day: on.number(),
        at: noon(on).micros(),
        recorded_at: world.clock.now().micros(),
        pseudonym: 0,
        source_key: None,
        count: 1,
        ordinal: NOBODY,
    }
}

/// Uses that come with their counters, as from a file.
pub async fn loads(world: &World, rows: Vec<UseRow>) {
    let mut tx = world.app.store.write().await.unwrap();
    tx.insert_uses_folded(rows.into_iter().map(Ok)).await.unwrap();
    tx.commit_housekeeping(Housekeeping::Fold).await.unwrap();
}

/// Uses as they happen: no counter holds them yet.
pub async fn happen(world: &World, rows: Vec<UseRow>) {
    let mut tx = world.app.store.write().await.unwrap();
    for row in &rows {
        tx.insert_use(row).await.unwrap();
    }
    tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
}

pub fn account(world: &World, kind: AccountEventKind, tier: Tier, on: Day) -> AccountEvent {
    AccountEvent {
        suspension: None,
        kind,
        tier,
        channel: Channel::Remote,
        location: None,
        birth_year: 1990,
        sex: None,
        at: noon(on),
        recorded_at: world.clock.now(),
    }
}

pub async fn account_events(world: &World, events: Vec<AccountEvent>) {
    let mut tx = world.app.store.write().await.unwrap();
    tx.account_events_folded(&events).await.unwrap();
    tx.commit_housekeeping(Housekeeping::Fold).await.unwrap();
}

pub async fn folds(world: &World) {
    while fold(&world.app).await.unwrap() > 0 {}
}

/// A small office: 13 accounts, five parties, some months of use.
pub async fn small_office(world: &World) {
    use AccountEventKind::{Closed, Registered, Suspended, Upgraded};
    use Outcome::{Cancelled, Completed, Refused};
    brings_on_board(world, PARTIES.map(party).to_vec()).await;
    let mut accounts = Vec::new();
    for number in 0..12 {
        accounts.push(account(world, Registered, Tier::IamSmart, day("2021-01-04").plus_days(number * 31)));
    }
    accounts.push(account(world, Registered, Tier::IamSmartPlus, day("2022-05-31")));
    accounts.push(account(world, Registered, Tier::IamSmartPlus, day("2022-06-01")));
    accounts.push(account(world, Upgraded, Tier::IamSmartPlus, day("2022-03-01")));
    accounts.push(account(world, Upgraded, Tier::IamSmartPlus, day("2022-04-01")));
    accounts.push(account(world, Suspended, Tier::IamSmart, day("2022-05-02")));
    accounts.push(account(world, Closed, Tier::IamSmartPlus, day("2022-05-03")));
    account_events(world, accounts).await;

    let mut uses = Vec::new();
    for (service, function, outcome, from, days) in [
        ("department-of-health.covid-19-vaccination-and-testing-records", Function::Authentication, Completed, "2022-01-01", 151),
        ("department-of-health.cervical-screening-programme", Function::FormFilling, Completed, "2022-05-01", 7),
        ("department-of-health.cervical-screening-programme", Function::FormFilling, Refused, "2022-05-01", 3),
        ("inland-revenue-department.etax", Function::Signing, Completed, "2022-05-20", 20),
        ("inland-revenue-department.etax", Function::Authentication, Cancelled, "2022-05-20", 2),
        ("sandbox-electricity-company.electricity-bills", Function::Authentication, Completed, "2022-05-25", 7),
        ("sandbox-gas-company.gas-bills", Function::Authentication, Completed, "2022-05-30", 5),
    ] {
        let service = code(world, service).await;
        uses.extend((0..days).map(|number| used(world, service, function, outcome, day(from).plus_days(number))));
    }
    loads(world, uses).await;
}

pub async fn legco(world: &World, as_at: &str, known_at: Option<&str>) -> Result<LegcoReply, Problem> {
    // To the unit: the office is so small that nothing of it could be published.
    let op = LegcoReport { known_at: known_at.map(day), view: Some(View::Auditor), ..LegcoReport::as_at(day(as_at)) };
    world.first().call(&op).await
}

async fn legco_bytes(world: &World, as_at: &str, known_at: Option<&str>) -> String {
    serde_json::to_string_pretty(&legco(world, as_at, known_at).await.unwrap()).unwrap()
}

fn values(reply: &LegcoReply) -> Vec<u64> {
    reply.figures.iter().map(|figure| figure.value).collect()
}

fn table<'r>(reply: &'r LegcoReply, id: &str) -> Vec<(&'r str, Vec<u64>)> {
    let table = reply.tables.iter().find(|table| table.id == id).unwrap();
    table.rows.iter().map(|row| (row.id.as_str(), row.values.iter().flatten().copied().collect())).collect()
}

async fn usage(world: &World, by: UsageBy, from: &str, to: &str) -> Vec<(String, u64, u64)> {
    let op = UsageReport { by, from: Some(from.parse().unwrap()), to: Some(to.parse().unwrap()), known_at: None, view: None };
    let told = |row: UsageRow| (row.id, row.uses.unwrap(), row.not_completed.unwrap());
    world.first().call(&op).await.unwrap().into_iter().map(told).collect()
}

fn row(id: &str, uses: u64, not_completed: u64) -> (String, u64, u64) {
    (id.to_owned(), uses, not_completed)
}

fn refused<R: std::fmt::Debug>(answer: Result<R, Problem>) -> (u16, String, String) {
    let problem = answer.unwrap_err();
    (problem.status, problem.code, problem.fields.into_iter().map(|field| field.path).collect())
}

both_engines! {
    // The whole reply, byte for byte the same on both engines, years after.
    async fn the_month_end_reply_in_both_languages(world: &World) {
        small_office(world).await;
        world.clock.advance(Duration::from_hours(24));
        insta::assert_snapshot!("legco_as_at_end_may_2022", legco_bytes(world, "2022-05-31", None).await);
        insta::assert_snapshot!("legco_as_at_30_may_2022", legco_bytes(world, "2022-05-30", Some("2026-01-05")).await);
    }

    async fn an_instance_without_a_past_says_so_with_zeros(world: &World) {
        let reply = legco(world, "2022-05-31", None).await.unwrap();
        assert_eq!(values(&reply), [0, 0, 0, 0, 0]);
        assert_eq!(reply.known_at, day("2022-05-31"), "nothing was ever counted");
        assert_eq!(table(&reply, "frequently-used"), []);
        assert!(world.first().call(&TopServices { as_at: None, known_at: None, limit: None, view: None }).await.unwrap().is_empty());
        assert_eq!(usage(world, UsageBy::Month, "2022-05", "2022-06").await, [row("2022-05", 0, 0), row("2022-06", 0, 0)]);
        let open = UsageReport { by: UsageBy::Sector, from: None, to: None, known_at: None, view: None };
        assert_eq!(world.first().call(&open).await.unwrap(), []);
    }

    async fn the_figures_are_those_of_the_day(world: &World) {
        small_office(world).await;
        let reply = legco(world, "2022-05-31", None).await.unwrap();
        // 13 registered, one closed; two upgraded and one registered as plus, less the closed one. 151 + 7 + 12 + 7 + 2 uses.
        assert_eq!(values(&reply), [12, 2, reply.figures[2].value, 179, 9]);
        assert_eq!(
            table(&reply, "frequently-used"),
            [
                ("department-of-health.covid-19-vaccination-and-testing-records", vec![1, 151]),
                ("inland-revenue-department.etax", vec![2, 12]),
                ("department-of-health.cervical-screening-programme", vec![3, 7]),
                ("sandbox-electricity-company.electricity-bills", vec![3, 7]),
                ("sandbox-gas-company.gas-bills", vec![5, 2]),
            ]
        );
        assert_eq!(values(&legco(world, "2022-05-30", None).await.unwrap())[..2], [11, 1], "the day before");
        assert_eq!(values(&legco(world, "2022-06-01", None).await.unwrap())[..2], [13, 3], "the day after");
        let uses = |reply: &LegcoReply| values(reply)[3];
        for (as_at, expected) in [("2022-04-30", 120), ("2022-05-03", 126), ("2022-05-24", 156), ("2022-06-08", 190), ("2022-06-30", 190)] {
            assert_eq!(uses(&legco(world, as_at, None).await.unwrap()), expected, "{as_at}");
        }
    }

    async fn a_use_that_is_not_counted_yet_is_in_the_report(world: &World) {
        small_office(world).await;
        let etax = code(world, "inland-revenue-department.etax").await;
        let before = legco(world, "2022-05-31", None).await.unwrap();
        happen(world, vec![
            used(world, etax, Function::Signing, Outcome::Completed, day("2022-05-31")),
            used(world, etax, Function::Signing, Outcome::Failed, day("2022-05-31")),
        ]).await;
        let with_tail = legco(world, "2022-05-31", None).await.unwrap();
        assert_eq!(values(&with_tail)[3], values(&before)[3] + 1, "the failed one is no use");
        folds(world).await;
        assert_eq!(legco(world, "2022-05-31", None).await.unwrap(), with_tail, "counting changes nothing");
    }

    async fn what_is_recorded_late_moves_no_published_figure(world: &World) {
        small_office(world).await;
        let today = legco(world, "2022-05-31", None).await.unwrap();
        let monday = today.known_at.to_string();
        assert_eq!(monday, "2026-01-05", "the last day counted");
        world.clock.advance(Duration::from_hours(24));
        let published = legco(world, "2022-05-31", None).await.unwrap();
        assert_eq!(published, today, "the same database, the same question: the time it is asked changes nothing");

        let gas = code(world, "sandbox-gas-company.gas-bills").await;
        for days in [1, 3, 40] {
            world.clock.advance(Duration::from_hours(24 * days));
            loads(world, vec![used(world, gas, Function::Authentication, Outcome::Completed, day("2022-05-31"))]).await;
            account_events(world, vec![account(world, AccountEventKind::Registered, Tier::IamSmart, day("2022-05-31"))]).await;
            assert_eq!(legco(world, "2022-05-31", Some(&monday)).await.unwrap(), published, "after {days} days more");
        }
        let restated = legco(world, "2022-05-31", None).await.unwrap();
        assert_eq!(restated.known_at, day("2026-02-19"));
        assert_eq!((values(&restated)[0], values(&restated)[4]), (values(&published)[0] + 3, values(&published)[4] + 3));
        assert_eq!(values(&legco(world, "2022-05-31", Some("2026-01-08")).await.unwrap())[4], values(&published)[4] + 1, "within a month");
        assert_eq!(values(&legco(world, "2022-05-31", Some("2026-01-31")).await.unwrap())[4], values(&published)[4] + 2, "at its end");
        let before = legco(world, "2022-05-31", Some("2026-01-04")).await.unwrap();
        assert_eq!(values(&before), [0; 5], "before anything was recorded");
    }

    async fn another_node_gives_the_same_bytes_and_anybody_can_check_the_digest(world: &World) {
        small_office(world).await;
        let reply = legco(world, "2022-05-17", None).await.unwrap();
        let other = world.another_node().await;
        let mut read = other.store.read().await.unwrap();
        let asked = LegcoReport { view: Some(View::Auditor), ..LegcoReport::as_at(day("2022-05-17")) };
        let again = server::stats::legco::draw_up(&other, &mut read, &asked).await.unwrap();
        drop(read);
        other.store.engine().close().await;
        assert_eq!(serde_json::to_vec(&again).unwrap(), serde_json::to_vec(&reply).unwrap());

        // Members sorted by name, no spaces, the digest left out: what `jq -cSj 'del(.digest)'` prints.
        let mut value = serde_json::to_value(&reply).unwrap();
        value.as_object_mut().unwrap().remove("digest");
        value.sort_all_objects();
        let canonical = serde_json::to_string(&value).unwrap();
        let digest: String = sha256(canonical.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, reply.digest);
    }

    async fn a_service_that_moves_keeps_its_past(world: &World) {
        let etax = party("inland-revenue-department");
        brings_on_board(world, vec![etax.clone()]).await;
        let service = code(world, "inland-revenue-department.etax").await;
        let uses = |days: std::ops::Range<i32>| -> Vec<UseRow> {
            days.map(|number| used(world, service, Function::Authentication, Outcome::Completed, day("2026-01-01").plus_days(number))).collect()
        };
        world.clock.advance(Duration::from_hours(24 * 18));
        loads(world, uses(0..23)).await;
        // On Friday 23 January it becomes a public body's.
        brings_on_board(world, vec![Manifest { sector: Sector::Public, ..etax }]).await;
        world.clock.advance(Duration::from_hours(24 * 30));
        loads(world, uses(23..45)).await;

        let sector = |id: &str, uses| row(id, uses, 0);
        assert_eq!(usage(world, UsageBy::Sector, "2026-01", "2026-01").await, [sector("government", 22), sector("public", 9), sector("private", 0)]);
        assert_eq!(usage(world, UsageBy::Sector, "2026-02", "2026-02").await, [sector("government", 0), sector("public", 14), sector("private", 0)]);
        for (as_at, government, public) in
            [("2026-01-14", 14, 0), ("2026-01-20", 20, 0), ("2026-01-22", 22, 0), ("2026-01-23", 22, 1), ("2026-01-31", 22, 9), ("2026-02-14", 22, 23)]
        {
            let reply = legco(world, as_at, None).await.unwrap();
            let uses: Vec<u64> = table(&reply, "by-sector").iter().map(|(_, values)| values[1]).collect();
            assert_eq!(uses, [government, public, 0, government + public], "{as_at}");
        }
        let before = legco(world, "2026-01-22", None).await.unwrap();
        assert_eq!(table(&before, "by-sector")[0].1, [1, 22], "the service was the government's");
    }

    async fn a_suspended_party_is_not_accessible_from_that_day_on(world: &World) {
        small_office(world).await;
        let accessible = async |as_at: &str| values(&legco(world, as_at, None).await.unwrap())[2];
        world.clock.advance(Duration::from_hours(24));
        let all = accessible("2026-01-06").await;
        let suspend = SuspendParty { rp: "sandbox-gas-company".parse().unwrap(), reason: "leaked key".to_owned() };
        world.first().call(&suspend).await.unwrap();
        assert_eq!(accessible("2026-01-06").await, all - party("sandbox-gas-company").services.len() as u64);
        assert_eq!(accessible("2026-01-05").await, all, "the day before it was");
        assert_eq!(accessible("2022-05-31").await, values(&legco(world, "2022-05-31", Some("2026-01-05")).await.unwrap())[2]);
    }

    async fn uses_broken_down(world: &World) {
        small_office(world).await;
        let may = async |by| usage(world, by, "2022-05", "2022-05").await;
        assert_eq!(may(UsageBy::Service).await, [
            row("department-of-health.covid-19-vaccination-and-testing-records", 31, 0),
            row("inland-revenue-department.etax", 12, 2),
            row("department-of-health.cervical-screening-programme", 7, 3),
            row("sandbox-electricity-company.electricity-bills", 7, 0),
            row("sandbox-gas-company.gas-bills", 2, 0),
        ]);
        assert_eq!(may(UsageBy::Sector).await, [row("government", 50, 5), row("public", 0, 0), row("private", 9, 0)]);
        assert_eq!(may(UsageBy::Function).await, [
            row("authentication", 40, 2), row("form-filling", 7, 3), row("signing", 12, 0), row("notification", 0, 0), row("step-up", 0, 0),
        ]);
        let categories = may(UsageBy::Category).await;
        assert_eq!(categories.len(), 13);
        assert_eq!((&categories[6], &categories[11], &categories[12]), (&row("medical-and-health", 38, 3), &row("other-public-services", 12, 2), &row("none", 9, 0)));
        let days = may(UsageBy::Day).await;
        assert_eq!((days.len(), &days[0], &days[19], &days[30]), (31, &row("2022-05-01", 2, 1), &row("2022-05-20", 2, 1), &row("2022-05-31", 4, 0)));
        let months = usage(world, UsageBy::Month, "2021-12", "2022-06").await;
        let counts: Vec<u64> = months.iter().map(|(_, uses, _)| *uses).collect();
        assert_eq!(counts, [0, 31, 28, 31, 30, 59, 11], "no month is left out");
        // Without months: from the first use on record to the last.
        let open = UsageReport { by: UsageBy::Month, from: None, to: None, known_at: None, view: None };
        let open: Vec<String> = world.first().call(&open).await.unwrap().into_iter().map(|row| row.id).collect();
        assert_eq!(open, ["2022-01", "2022-02", "2022-03", "2022-04", "2022-05", "2022-06"]);
    }

    async fn frequently_used_services_with_their_ties(world: &World) {
        small_office(world).await;
        let top = async |as_at: Option<&str>, limit| {
            let op = TopServices { as_at: as_at.map(day), known_at: None, limit, view: None };
            let rows = world.first().call(&op).await.unwrap();
            rows.into_iter().map(|row| (row.rank, row.service, row.uses.unwrap())).collect::<Vec<_>>()
        };
        let third = top(Some("2022-05-31"), Some(3)).await;
        assert_eq!(third.iter().map(|(rank, _, uses)| (*rank, *uses)).collect::<Vec<_>>(), [(1, 151), (2, 12), (3, 7), (3, 7)]);
        assert_eq!(top(None, Some(1)).await, [(1, "department-of-health.covid-19-vaccination-and-testing-records".to_owned(), 151)]);
        assert_eq!(top(None, None).await[1].2, 20, "up to the last day counted");
        for limit in [0, 1_001] {
            let op = TopServices { as_at: None, known_at: None, limit: Some(limit), view: None };
            assert_eq!(refused(world.first().call(&op).await), (422, "stats.limit".to_owned(), "limit".to_owned()));
        }
    }

    async fn days_that_no_figure_is_given_for(world: &World) {
        let told = |status: u16, code: &str, path: &str| (status, code.to_owned(), path.to_owned());
        assert_eq!(refused(legco(world, "2020-12-28", None).await), told(422, "stats.as-at-before-launch", "as_at"));
        assert_eq!(refused(legco(world, "2026-01-06", None).await), told(422, "stats.as-at-future", "as_at"));
        assert_eq!(refused(legco(world, "2022-05-31", Some("2026-01-06")).await), told(422, "stats.known-at-future", "known_at"));
        // Half past eleven at night in London is the next morning in Hong Kong.
        world.clock.advance(Duration::from_hours(15) + Duration::from_mins(30));
        assert!(legco(world, "2026-01-06", None).await.is_ok());
        let months = async |from: &str, to: &str| {
            let op = UsageReport { by: UsageBy::Month, from: Some(from.parse().unwrap()), to: Some(to.parse().unwrap()), known_at: None, view: None };
            refused(world.first().call(&op).await)
        };
        assert_eq!(months("2022-06", "2022-05").await, told(422, "stats.months-order", "from"));
        assert_eq!(months("2020-11", "2022-05").await, told(422, "stats.month-before-launch", "from"));
        assert_eq!(months("2022-05", "2026-02").await, told(422, "stats.month-future", "to"));
        let statistician = world.operator("statistician-1", &[Role::Statistician]).await;
        let answer = statistician.post("stats.legco", r#"{"as_at":"2022-02-30"}"#).await;
        assert_eq!(refused(answer.reply), told(422, "request.invalid", "as_at"));
    }

    async fn figures_leave_no_audit_entry(world: &World) {
        small_office(world).await;
        let statistician = world.operator("statistician-1", &[Role::Statistician]).await;
        let before = world.census().await;
        let report = LegcoReport { known_at: None, ..LegcoReport::as_at(day("2022-05-31")) };
        let reply = statistician.call(&report).await.unwrap();
        assert_eq!(reply.tables.len(), 3);
        assert_eq!(world.census().await, before, "they read no personal data and change nothing");
        assert!(statistician.call(&ApplyParties { manifests: Vec::new() }).await.is_err());
    }
}

both_engines! {
    from Setup::production();

    async fn production_figures_are_not_called_synthetic(world: &World) {
        let reply = world.first().call(&LegcoReport::as_at(day("2022-05-31"))).await.unwrap();
        assert_eq!(reply.environment.as_str(), "production");
        assert!(reply.notes.iter().all(|note| note.id != "synthetic-data"));
        assert_eq!(Sector::ALL.len() + 1, table(&reply, "by-sector").len());
    }
}
