//! How long the reports take at the size of the 2022 reply, beside the bars: 220 services, 18 months, 17 million uses, 1.3
//! million accounts, all of it as counters; then with a thousand million uses in the same cells. Run by `scripts/bench`, or:
//!
//!     scripts/with-postgres cargo bench -p tests --bench statistics
//!
//! Times are those of the admin listener's router in process: who asks is authenticated, the reply is written and read back. The
//! median of the runs stands first; ratios are of the best one, which a busy machine disturbs less.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and stops where it cannot go on")]
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use api::Operation;
use api::instance::ShowOverview;
use api::stats::{ImportUses, ImportedUse, LegcoReply, LegcoReport, Question, TopServices, UsageBy, UsageReport};
use domain::{Clock, Function, Outcome, Tier, UsageChannel};
use server::store::Housekeeping;
use server::usage::{Use, record};
use tests::{Engine, Setup, World};

const RUNS: usize = 31;
const DAYS: &str =
    "WITH RECURSIVE days (day) AS (SELECT CAST(18625 AS INTEGER) UNION ALL SELECT day + 1 FROM days WHERE day < 19143)";
const SERVICES: &str =
    "WITH RECURSIVE services (code) AS (SELECT CAST(1 AS INTEGER) UNION ALL SELECT code + 1 FROM services WHERE code < 220)";

/// Milliseconds that a report may take in the server.
const BAR: f64 = 50.0;
/// How much longer it may take when the counters stand at a thousand million.
const GROWTH: f64 = 1.2;
/// How many times faster it is than PostgreSQL's own grouping of the raw events.
const FASTER: f64 = 100.0;

#[tokio::main]
async fn main() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let world = World::new(engine, Setup::default()).await;
        fill(&world).await;
        measure(&world).await;
        beside_logins(&world).await;
        // Not closed as tests close theirs: the counters here have no events below them.
        world.app.store.engine().close().await;
    }
}

async fn measure(world: &World) {
    let engine = world.app.store.engine().name();
    let daily = world.number("SELECT COUNT(*) FROM usage_daily").await;
    let monthly = world.number("SELECT COUNT(*) FROM usage_monthly").await;
    let uses = world.number("SELECT CAST(SUM(count) AS BIGINT) FROM usage_monthly WHERE outcome = 1").await;
    println!("{engine:<11} {daily} daily and {monthly} monthly counters, {uses} uses");
    let base = legco(world, "2022-05-31", None).await;
    row(engine, "legco as at end-May 2022", base, Some(BAR));
    let lcq5 = LegcoReport { question: Some(question("lcq5-2022.yaml")), ..LegcoReport::as_at("2022-05-31".parse().unwrap()) };
    let asked = time(world, &lcq5).await;
    row(engine, "lcq5-2022.yaml, whole", asked, Some(BAR));
    let lcq13 = LegcoReport { question: Some(question("lcq13-2021.yaml")), ..LegcoReport::as_at("2022-05-31".parse().unwrap()) };
    row(engine, "lcq13-2021.yaml, whole", time(world, &lcq13).await, None);
    documents(engine, &world.first().call(&lcq5).await.unwrap());
    for (as_at, known_at) in [
        ("2022-05-15", None),
        ("2022-05-16", None),
        ("2022-05-31", Some("2022-04-15")),
        ("2022-05-31", Some("2022-04-16")),
        ("2022-04-16", Some("2022-04-16")),
    ] {
        let took = legco(world, as_at, known_at).await;
        row(engine, &format!("legco {as_at}, known {}", known_at.unwrap_or("last")), took, Some(BAR));
    }
    for by in [UsageBy::Service, UsageBy::Category, UsageBy::Sector, UsageBy::Function, UsageBy::Month, UsageBy::Day] {
        let took = time(world, &UsageReport { by, from: None, to: None, known_at: None, view: None }).await;
        row(engine, &format!("usage of 18 months by {by:?}"), took, None);
    }
    let took = time(world, &TopServices { as_at: None, known_at: None, limit: None, view: None }).await;
    row(engine, "top", took, None);
    for days in [60, 400] {
        let took = time(world, &ShowOverview { days: Some(days) }).await;
        row(engine, &format!("overview of {days} days"), took, None);
    }
    if world.engine == Engine::Postgres {
        raw_group_by(world, asked).await;
    }
    world.execute("UPDATE usage_monthly SET count = count * 59").await;
    world.execute("UPDATE usage_daily SET count = count * 59").await;
    settle(world).await;
    let large = legco(world, "2022-05-31", None).await;
    let growth = large.best.as_secs_f64() / base.best.as_secs_f64();
    row(engine, "legco at 1 000 million uses", large, None);
    println!("{engine:<11} {:<30} {:>27} bar {GROWTH:>4.1} x    {growth:.2}x", "which is", "");
    let large = time(world, &lcq5).await;
    let growth = large.best.as_secs_f64() / asked.best.as_secs_f64();
    row(engine, "lcq5-2022.yaml at 1 000 million", large, None);
    println!("{engine:<11} {:<30} {:>27} bar {GROWTH:>4.1} x    {growth:.2}x", "which is", "");
}

/// A question of the fixtures, with the numbers to take shares of; without totals of services, which are not those of the bench.
fn question(name: &str) -> Question {
    let read = |name: &str| -> serde_json::Value {
        serde_yaml::from_str(&std::fs::read_to_string(tests::fixtures::path(name)).unwrap()).unwrap()
    };
    let mut question: Question = serde_json::from_value(read(&format!("questions/{name}"))).unwrap();
    question.service_totals.clear();
    question.denominators = serde_json::from_value(read("denominators.yaml")["denominators"].clone()).unwrap();
    question
}

/// How long a reply takes to become a PDF and a workbook, in both languages; the fonts are read each time, as by the program.
fn documents(engine: &str, reply: &LegcoReply) {
    let timed = |what: &str, make: &dyn Fn() -> usize| {
        let mut times: Vec<Duration> = Vec::new();
        let mut bytes = 0;
        for _ in 0..5 {
            let began = Instant::now();
            bytes = make();
            times.push(began.elapsed());
        }
        times.sort();
        row(engine, &format!("{what}, {bytes} bytes"), Times { median: times[2], best: times[0] }, Some(1_000.0));
    };
    let outline = || render::Outline::of(reply, render::Language::Both);
    timed("lcq5 as PDF", &|| render::pdf(&outline(), &render::Fonts::find(None).unwrap()).unwrap().len());
    timed("lcq5 as workbook", &|| render::xlsx(&outline()).unwrap().len());
}

/// How long a use takes to be on record with its login, alone and while a file of late uses is taken in beside it.
async fn beside_logins(world: &World) {
    let engine = world.app.store.engine().name();
    let manifests = vec![tests::fixtures::party("inland-revenue-department")];
    world.first().call(&api::relying_party::ApplyParties { manifests }).await.unwrap();
    let alone = logins(world).await;
    let over = AtomicBool::new(false);
    let late = async {
        let mut taken = 0;
        while !over.load(Ordering::Relaxed) {
            let uses = (taken..taken + LATE).map(|key| late_use(world, key)).collect();
            let began = Instant::now();
            taken += world.first().call(&ImportUses { source: "bench".to_owned(), uses }).await.unwrap().recorded;
            tokio::time::sleep(began.elapsed()).await;
        }
        taken
    };
    let login = async {
        let began = Instant::now();
        let took = logins(world).await;
        over.store(true, Ordering::Relaxed);
        (took, began.elapsed())
    };
    let (taken, (beside, lasted)) = tokio::join!(late, login);
    let of = |took: &[Duration], part: usize| ms(took[took.len() * part / 100]);
    println!(
        "{engine:<11} a login's use alone: median {:.2} ms, p99 {:.2} ms; beside {:.0} late uses a second: median {:.2} ms, p99 {:.2} ms",
        of(&alone, 50),
        of(&alone, 99),
        f64::from(u32::try_from(taken).unwrap()) / lasted.as_secs_f64(),
        of(&beside, 50),
        of(&beside, 99),
    );
}

/// Uses of a request, as `iamctl stats import` sends them; it rests between two for as long as the first took.
const LATE: u64 = 100;

fn late_use(world: &World, key: u64) -> ImportedUse {
    ImportedUse {
        key: key.to_string(),
        service: "inland-revenue-department.etax".parse().unwrap(),
        function: Function::Authentication,
        tier: Tier::IamSmart,
        channel: UsageChannel::Qr,
        outcome: Outcome::Completed,
        at: world.clock.now().minus(Duration::from_hours(key % 2_000)),
        corrects: None,
    }
}

/// The times of a thousand, the shortest first.
async fn logins(world: &World) -> Vec<Duration> {
    let mut took = Vec::new();
    for ordinal in 0..1_000 {
        let began = Instant::now();
        let mut tx = world.app.store.write().await.unwrap();
        let login = Use {
            service: 1,
            function: Function::Authentication,
            tier: Tier::IamSmart,
            channel: UsageChannel::App,
            outcome: Outcome::Completed,
            at: world.clock.now(),
            ordinal,
        };
        record(&world.app, &mut tx, &login).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Asked).await.unwrap();
        took.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    took.sort_unstable();
    took
}

/// As many raw events as the counters count, and the grouping that every figure would need without counters: uses by month and
/// service. Five runs; the first one reads what was just written.
async fn raw_group_by(world: &World, report: Times) {
    let engine = world.app.store.engine().name();
    world
        .execute(
            "INSERT INTO usage_event (service, function, tier, channel, outcome, event_day, at, recorded_at, pseudonym)
             SELECT 1 + n % 220, 1 + n % 3, 1 + n % 2, 1 + n % 2, 1, 18625 + n % 518, 0, 0, n % 1312480
             FROM generate_series(1, 17240000) AS numbers (n)",
        )
        .await;
    world.execute("VACUUM ANALYZE usage_event").await;
    let mut times = Vec::new();
    for _ in 0..5 {
        let began = Instant::now();
        let uses = world
            .number(
                "SELECT CAST(SUM(uses) AS BIGINT) FROM
                   (SELECT number, service, COUNT(*) AS uses FROM usage_event JOIN bench_month ON event_day BETWEEN first AND last
                    WHERE outcome = 1 GROUP BY number, service) AS cells",
            )
            .await;
        times.push(began.elapsed());
        assert_eq!(uses, 17_240_000);
    }
    times.sort();
    let raw = Times { median: times[times.len() / 2], best: times[0] };
    row(engine, "raw uses by month and service", raw, None);
    // The least that PostgreSQL could be asked for.
    let began = Instant::now();
    world.number("SELECT COUNT(*) FROM (SELECT service, COUNT(*) AS uses FROM usage_event WHERE outcome = 1 GROUP BY service) AS cells").await;
    let least = Times { median: began.elapsed(), best: began.elapsed() };
    row(engine, "raw uses by service alone", least, None);
    let faster = raw.best.as_secs_f64() / report.best.as_secs_f64();
    println!("{engine:<11} {:<30} {:>27} bar {FASTER:>4.0} x    {faster:.0}x", "the reply is faster by", "");
    world.execute("TRUNCATE usage_event").await;
}

fn row(engine: &str, what: &str, took: Times, bar: Option<f64>) {
    let beside = bar.map(|bar| format!("   bar {bar:>4.0} ms   {:.2}x", ms(took.best) / bar)).unwrap_or_default();
    println!("{engine:<11} {what:<30} {:>8.1} ms, best {:>8.1} ms{beside}", ms(took.median), ms(took.best));
}

/// Of the runs of one question.
#[derive(Clone, Copy)]
struct Times {
    median: Duration,
    best: Duration,
}

async fn legco(world: &World, as_at: &str, known_at: Option<&str>) -> Times {
    let op = LegcoReport { known_at: known_at.map(|day| day.parse().unwrap()), ..LegcoReport::as_at(as_at.parse().unwrap()) };
    time(world, &op).await
}

async fn time<O: Operation>(world: &World, op: &O) -> Times {
    let desk = world.first();
    let mut times = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let began = Instant::now();
        desk.call(op).await.map(drop).unwrap();
        times.push(began.elapsed());
    }
    times.sort();
    Times { median: times[RUNS / 2], best: times[0] }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Counters as a year and a half of service leaves them: every outcome now and then, recorded on the day.
async fn fill(world: &World) {
    world
        .execute(
            "INSERT INTO relying_party (id, state, version, sector, name_en, name_zh_hant, skeleton_en, skeleton_zh_hant, synthetic,
               manifest, created_at, updated_at)
             VALUES ('office', 'active', 1, 'government', 'Office', '辦事處', 'office', '辦事處', TRUE, '{}', 0, 0)",
        )
        .await;
    let category = "CASE WHEN code % 9 = 0 THEN NULL ELSE 'education' END";
    world
        .execute(&format!(
            "{SERVICES} INSERT INTO service (code, relying_party, slug, name_en, name_zh_hant, category, functions, state, since,
               synthetic, manifest)
             SELECT code, 'office', 'service-' || CAST(code AS TEXT), 'Service ' || CAST(code AS TEXT), '服務', {category},
               'authentication', 'active', 18625, TRUE, '{{}}' FROM services"
        ))
        .await;
    world
        .execute(&format!(
            "{SERVICES} INSERT INTO service_version (service, valid_from, relying_party, sector, category, name_en, name_zh_hant,
               state, since)
             SELECT code, 1609200000000000, 'office', CASE WHEN code % 9 = 0 THEN 'private' ELSE 'government' END, {category},
               'Service ' || CAST(code AS TEXT), '服務', 'active', 18625 FROM services"
        ))
        .await;
    months(world).await;
    world
        .execute(&format!(
            "{DAYS}, functions (f) AS (VALUES (1), (2), (3)), two (n) AS (VALUES (1), (2)), outcomes (o) AS (VALUES (1), (2), (4), (5))
             INSERT INTO usage_daily (event_day, recorded_day, service, function, tier, channel, outcome, count)
             SELECT day, day, code, f, t.n, c.n, o, 1 + (day * 31 + code * 17 + f * 7 + t.n * 3 + c.n) % 36
             FROM days, service, functions, two AS t, two AS c, outcomes
             WHERE f <= 1 + code % 3 AND (o = 1 OR (day * 7 + code * 13 + f * 5 + t.n * 3 + c.n * 11 + o) % 10 < 3)"
        ))
        .await;
    world
        .execute(
            "INSERT INTO usage_monthly (event_month, recorded_month, service, function, tier, channel, outcome, count)
             SELECT number, number, service, function, tier, channel, outcome, CAST(SUM(count) AS BIGINT)
             FROM usage_daily JOIN bench_month ON event_day BETWEEN first AND last
             GROUP BY number, service, function, tier, channel, outcome",
        )
        .await;
    world
        .execute(&format!(
            "{DAYS}, kinds (k) AS (VALUES (1), (2), (3), (6)), tiers (t) AS (VALUES (1), (2)),
             places (p) AS (SELECT 1 UNION ALL SELECT p + 1 FROM places WHERE p < 40)
             INSERT INTO account_daily (event_day, recorded_day, kind, tier, channel, location, count)
             SELECT day, day, k, t, 2, 'place-' || CAST(p AS TEXT), CASE WHEN k = 1 THEN 32 ELSE 1 END
             FROM days, kinds, tiers, places WHERE k = 1 OR (day + p) % 20 = 0"
        ))
        .await;
    world
        .execute(
            "INSERT INTO account_monthly (event_month, recorded_month, kind, tier, channel, location, count)
             SELECT number, number, kind, tier, channel, location, CAST(SUM(count) AS BIGINT)
             FROM account_daily JOIN bench_month ON event_day BETWEEN first AND last GROUP BY number, kind, tier, channel, location",
        )
        .await;
    world
        .execute(
            "WITH RECURSIVE numbers (n) AS (SELECT CAST(1 AS INTEGER) UNION ALL SELECT n + 1 FROM numbers WHERE n < 1312480)
             INSERT INTO account (ordinal, id, reference, version, state, tier, channel, registered_at, kek_id, index_generation)
             SELECT n, CAST(CAST(n AS TEXT) AS BYTEA), n, 1,
               CASE WHEN n % 400 = 0 THEN 'closed' WHEN n % 250 = 0 THEN 'suspended' ELSE 'active' END,
               CASE WHEN n % 3 = 0 THEN 'iam-smart-plus' ELSE 'iam-smart' END, 'remote', 0, 'kek', 1 FROM numbers",
        )
        .await;
    settle(world).await;
}

/// Months as numbers, with their first and last days.
async fn months(world: &World) {
    world.execute("CREATE TABLE bench_month (number INTEGER, first INTEGER, last INTEGER)").await;
    let mut month: domain::Month = "2020-12".parse().unwrap();
    while month.first_day() <= "2022-05-31".parse().unwrap() {
        let (first, last) = (month.first_day().number(), month.last_day().number());
        world.execute(&format!("INSERT INTO bench_month VALUES ({}, {first}, {last})", month.number())).await;
        month = month.next();
    }
}

/// What PostgreSQL does by itself in the hours after so many rows; SQLite plans without it.
async fn settle(world: &World) {
    if world.engine == Engine::Postgres {
        world.execute("VACUUM ANALYZE").await;
    }
}
