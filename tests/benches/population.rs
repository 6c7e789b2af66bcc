//! How fast a population is loaded, beside the bars. Run by `scripts/bench`, or:
//!
//!     scripts/with-postgres cargo bench -p tests --bench population [-- SCALE]
//!
//! Each engine loads the fixtures' population by the job itself: accounts with their indexes live, uses with their counters.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement prints, and stops where it cannot go on"
)]
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

use std::time::{Duration, Instant};

use api::job::{JobState, ShowJob};
use api::relying_party::ApplyParties;
use api::sandbox::Populate;
use domain::{JobId, Population};
use server::job::run::run_next;
use tests::{Engine, Setup, World, fixtures};
use tokio_util::sync::CancellationToken;

/// Rows a second that the engine must at least take in: accounts, uses.
const BARS: [(Engine, f64, Option<f64>); 2] = [(Engine::Sqlite, 60_000.0, Some(300_000.0)), (Engine::Postgres, 120_000.0, None)];
/// Resident memory of a node, MiB.
const RESIDENT: f64 = 64.0;

fn main() {
    let scale = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(1.0);
    for (engine, accounts, uses) in BARS {
        tests::world::run(engine, Setup::default(), async |world: &World| load(world, scale, accounts, uses).await);
    }
}

async fn load(world: &World, scale: f64, accounts_bar: f64, uses_bar: Option<f64>) {
    let population: Population =
        serde_yaml::from_str(&std::fs::read_to_string(fixtures::path("population/lcq5.yaml")).unwrap()).unwrap();
    world.first().call(&ApplyParties { manifests: fixtures::parties() }).await.unwrap();
    let populate = Populate { seed: population.seed, population, scale };
    let job = world.first().call(&populate).await.unwrap().job;

    let stop = CancellationToken::new();
    let work = async { while run_next(&world.app, &stop).await.unwrap() {} };
    let (timed, ()) = tokio::join!(watch(world, job), work);
    let Timed { accounts, registering, uses, using } = timed;
    let engine = world.app.store.engine().name();
    row(engine, "accounts", accounts, registering, Some(accounts_bar));
    row(engine, "uses, raw and counted", uses, using, uses_bar);
    if let Engine::Sqlite = world.engine {
        let size = |name: &str| std::fs::metadata(world.data_dir.join(name)).map_or(0, |file| file.len());
        println!("{engine:<11} {:<24} {:>9.0} MiB", "database", size("iam.db") as f64 / 1_048_576.0);
    }
    let peak = peak();
    println!(
        "{engine:<11} {:<24} {peak:>9.0} MiB   bar {RESIDENT:>7.0} MiB   {:.2}x, this program whole",
        "resident at most",
        peak / RESIDENT
    );
}

struct Timed {
    accounts: u64,
    registering: Duration,
    uses: u64,
    using: Duration,
}

/// When the accounts are there, and when the uses.
async fn watch(world: &World, job: JobId) -> Timed {
    let (mut began, mut registered) = (None, None);
    loop {
        let view = world.first().call(&ShowJob { job }).await.unwrap();
        let made = view.message.contains(" uses");
        match view.state {
            JobState::Running if began.is_none() => began = Some(Instant::now()),
            JobState::Running if made && registered.is_none() && view.message.contains("accounts,") => {
                registered = Some((view.done, Instant::now()));
            }
            JobState::Done => {
                let (accounts, at) = registered.unwrap();
                return Timed { accounts, registering: at - began.unwrap(), uses: view.done - accounts, using: at.elapsed() };
            }
            JobState::Queued | JobState::Running => {}
            JobState::Failed | JobState::Cancelled => panic!("{view:?}"),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn row(engine: &str, what: &str, rows: u64, took: Duration, bar: Option<f64>) {
    let rate = rows as f64 / took.as_secs_f64();
    let beside = bar.map_or_else(String::new, |bar| format!("   bar {:>7.0} k/s   {:.2}x", bar / 1_000.0, rate / bar));
    println!("{engine:<11} {what:<24} {:>9.0} k/s{beside}   {rows} in {:.1} s", rate / 1_000.0, took.as_secs_f64());
}

/// The most memory that was ever resident, MiB.
fn peak() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).unwrap_or(0.0) / 1_024.0
}
