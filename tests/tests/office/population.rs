//! A synthetic population is loaded as a job, comes out as it says, and survives whatever stops the job.

use std::path::PathBuf;
use std::time::Duration;

use api::Role;
use api::account::{ImportAccounts, ImportRow, Registration};
use api::job::{CancelJob, JobState, JobView, ListJobs, ShowJob};
use api::page::PageRequest;
use api::relying_party::ApplyParties;
use api::sandbox::Populate;
use api::stats::{FreezeMonth, LegcoReport};
use domain::population::{Plan, Scale};
use domain::{Channel, Clock, Hkic, JobId, Manifest, Population, Tier};
use server::job::run::run_next;
use server::usage::recount;
use tests::{Setup, World, both_engines};
use tokio_util::sync::CancellationToken;

/// 656 accounts and 8 750 requests.
const SMALL: f64 = 0.000_5;
/// Two batches of uses besides the parties and the accounts.
const LARGER: f64 = 0.008;

fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(path)
}

fn lcq5() -> Population {
    serde_yaml::from_str(&std::fs::read_to_string(fixture("population/lcq5.yaml")).unwrap()).unwrap()
}

pub fn lcq5_at(scale: f64) -> Populate {
    let population = lcq5();
    Populate { seed: population.seed, population, scale }
}

/// The parties of the fixtures, without their keys: nobody logs in here.
fn parties() -> ApplyParties {
    let files = std::fs::read_dir(fixture("relying-parties")).unwrap().map(|entry| entry.unwrap().path());
    let manifests = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .map(|path| serde_yaml::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
        .map(|manifest: Manifest| Manifest { credentials: Vec::new(), ..manifest });
    ApplyParties { manifests: manifests.collect() }
}

pub async fn with_parties(world: &World) {
    world.first().call(&parties()).await.unwrap();
}

async fn asked(world: &World, scale: f64) -> JobId {
    // Two jobs of one moment would stand in no order.
    world.clock.advance(Duration::from_secs(1));
    world.first().call(&lcq5_at(scale)).await.unwrap().job
}

/// As housekeeping does, until no job is open: a node that was killed keeps the lead until its connection is found dead.
async fn works(world: &World) {
    while world.number("SELECT COUNT(*) FROM job WHERE finished_at IS NULL").await > 0 {
        run_next(&world.app, &CancellationToken::new()).await.unwrap();
        tokio::task::yield_now().await;
    }
}

async fn job(world: &World, job: JobId) -> JobView {
    world.first().call(&ShowJob { job }).await.unwrap()
}

/// The node dies when it has loaded the accounts, and an operator stops the job.
async fn stops_half_way(world: &World, asked: JobId) {
    let stop = CancellationToken::new();
    let accounts_are_there = async {
        while job(world, asked).await.done == 0 {
            tokio::task::yield_now().await;
        }
    };
    let faster = tokio::select! {
        ended = run_next(&world.app, &stop) => Some(ended),
        () = accounts_are_there => None,
    };
    assert!(faster.is_none(), "the job was faster: {faster:?}");
    assert_eq!(world.first().call(&CancelJob { job: asked }).await.unwrap().state, JobState::Running);
    works(world).await;
    let cancelled = job(world, asked).await;
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert!(cancelled.done > 0 && cancelled.done < cancelled.total, "{cancelled:?}");
}

/// What a load comes to: counts of everything, and the counters.
async fn outcome(world: &World) -> Vec<i64> {
    let mut outcome = Vec::new();
    for sql in [
        "SELECT COUNT(*) FROM account WHERE state <> 'closed'",
        "SELECT COUNT(*) FROM account WHERE state = 'suspended'",
        "SELECT COUNT(*) FROM account WHERE state = 'closed'",
        "SELECT COUNT(*) FROM account WHERE state <> 'closed' AND tier = 'iam-smart-plus'",
        "SELECT COUNT(DISTINCT hkic_index) FROM account",
        "SELECT CAST(COALESCE(SUM(registered_at / 1000000), 0) AS BIGINT) FROM account",
        "SELECT COUNT(*) FROM usage_event",
        "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM usage_daily WHERE outcome = 1",
        "SELECT CAST(COALESCE(SUM(at / 1000000), 0) AS BIGINT) FROM usage_event",
        "SELECT COUNT(DISTINCT pseudonym) FROM usage_event",
        "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM account_daily",
        "SELECT COUNT(*) FROM service",
    ] {
        outcome.push(world.number(sql).await);
    }
    outcome
}

async fn plan(world: &World, scale: f64) -> Plan {
    let population = lcq5();
    let locations = serde_yaml::from_str::<domain::Locations>(domain::LOCATIONS_YAML).unwrap().into();
    let mut surroundings = domain::population::Surroundings { locations, ..Default::default() };
    for service in world.app.store.read().await.unwrap().services(&Default::default(), None, 1_000).await.unwrap() {
        let since = domain::Day::from_number(service.service.since.unwrap());
        let functions = service.service.functions().unwrap();
        surroundings.services.insert(service.service.client().unwrap(), domain::population::KnownService { since, functions });
    }
    Plan::new(&population, Scale::new(scale).unwrap(), population.seed, &surroundings).unwrap()
}

both_engines! {
    async fn a_population_comes_out_as_it_says(world: &World) {
        with_parties(world).await;
        let asked = asked(world, SMALL).await;
        let waits = job(world, asked).await;
        assert_eq!((waits.state, waits.done, waits.kind.as_str()), (JobState::Queued, 0, "sandbox.populate"));
        works(world).await;

        let done = job(world, asked).await;
        assert_eq!(done.state, JobState::Done, "{done:?}");
        assert_eq!(done.done, done.total);
        assert!(done.started_at.is_some() && done.finished_at.is_some());
        assert!(done.message.starts_with("656 accounts (of which 206 plus, 2 suspended), 1 closed ones"), "{}", done.message);

        let plan = plan(world, SMALL).await;
        let outcome = outcome(world).await;
        let totals = plan.totals;
        let count = |count: u64| i64::try_from(count).unwrap();
        assert_eq!(outcome[..5], [totals.registered, totals.suspended, totals.closed, totals.plus, totals.registered].map(count));
        assert_eq!(outcome[6..8], [plan.events(), plan.completed_uses()].map(count));
        assert_eq!(outcome[11], 214, "every service that the reply of 2022 counts");
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
        let registered = "SELECT CAST(SUM(count) AS BIGINT) FROM account_monthly WHERE kind = 1";
        assert_eq!(world.number(registered).await, count(totals.made()));
        // The history is its own: recorded on the days on which it happened.
        assert_eq!(world.number("SELECT COUNT(*) FROM usage_daily WHERE event_day <> recorded_day").await, 0);
    }

    async fn a_month_of_it_is_closed_on_the_day_it_is_loaded(world: &World) {
        with_parties(world).await;
        asked(world, SMALL).await;
        works(world).await;
        let freeze = FreezeMonth { month: "2022-05".parse().unwrap(), known_at: None };
        let frozen = world.first().call(&freeze).await.unwrap();
        assert!(frozen.known_at < world.clock.now().hk_day(), "today is not final");
        let reply = world.first().call(&LegcoReport::as_at("2022-05-31".parse().unwrap())).await.unwrap();
        assert_eq!(reply.known_at, frozen.known_at);
        let accessible = reply.figures.iter().find(|figure| figure.id == "services.accessible").unwrap();
        assert_eq!(accessible.value, 214, "its services were there before their uses");
        let then = LegcoReport { known_at: Some("2021-06-30".parse().unwrap()), ..LegcoReport::as_at("2021-06-30".parse().unwrap()) };
        let then = world.first().call(&then).await.unwrap();
        let accessible = then.figures.iter().find(|figure| figure.id == "services.accessible").unwrap();
        assert!((100..214).contains(&accessible.value), "{}", accessible.value);
    }

    async fn a_synthetic_citizen_is_found_like_any_other(world: &World) {
        with_parties(world).await;
        asked(world, SMALL).await;
        works(world).await;
        let plan = plan(world, SMALL).await;
        let life = plan.accounts().find(|life| life.ended.is_none()).unwrap();
        let profile = plan.profile(&life).unwrap();
        let index = world.app.keys.hkic_index(&profile.hkic).unwrap();
        let mut read = world.app.store.read().await.unwrap();
        let stored = read.account_by_hkic(&index).await.unwrap().unwrap();
        assert_eq!(stored.account.registered_at, life.registered_at);
        assert_eq!(stored.account.tier, life.final_tier());
        let opened = server::account::seal::open_profile(&world.app.keys, &stored).unwrap().unwrap();
        assert_eq!(opened, profile);
        assert!(opened.hkic.is_synthetic() && Hkic::synthetic(0).unwrap() != opened.hkic);
    }

    async fn each_batch_has_one_audit_entry_with_count_and_digest(world: &World) {
        with_parties(world).await;
        let job = asked(world, SMALL).await;
        works(world).await;
        let entries = world.audited("sandbox.populate").await;
        let by = |who: &str| entries.iter().filter(|(operator, ..)| operator == who).count();
        assert_eq!((by("first-operator"), by("system")), (1, 3), "asked for, then parties, accounts, uses: {entries:?}");
        assert!(entries.iter().all(|(_, subject, _)| *subject == job.to_string()), "{entries:?}");
        let leaves = world.leaves().await;
        let part = |part: &str| &leaves.iter().find(|leaf| leaf["facts"]["part"] == part).unwrap()["facts"];
        assert_eq!(leaves.iter().filter(|leaf| leaf["facts"]["seed"] == 20_220_531).count(), 1);
        assert_eq!(part("accounts")["rows"], 657);
        assert_eq!(part("accounts")["digest"].as_str().unwrap().len(), 64);
        assert_eq!(part("uses")["digest"].as_str().unwrap().len(), 64);
        assert_eq!(part("parties")["rows"], lcq5().synthetic_parties.len());
    }

    async fn a_load_that_is_killed_again_and_again_comes_out_the_same(world: &World) {
        with_parties(world).await;
        let asked = asked(world, LARGER).await;
        let mut kills = 0;
        for patience in [1, 30, 200, 500, 900, 1_500, 2_500] {
            // The future is dropped where it stands: in a batch, or between two.
            let stop = CancellationToken::new();
            let run = run_next(&world.app, &stop);
            if tokio::time::timeout(Duration::from_millis(patience), run).await.is_err() {
                kills += 1;
            }
        }
        assert!(kills > 0);
        works(world).await;
        let done = job(world, asked).await;
        assert_eq!((done.state, done.done), (JobState::Done, done.total), "{done:?}");
        let plan = plan(world, LARGER).await;
        let outcome = outcome(world).await;
        let uses = [plan.events(), plan.completed_uses()].map(|count| i64::try_from(count).unwrap());
        assert_eq!(outcome[0], i64::try_from(plan.totals.registered).unwrap());
        assert_eq!(outcome[6..8], uses);
        let seconds = plan.uses_from(Default::default()).map(|made| made.at.micros() / 1_000_000).sum::<i64>();
        assert_eq!(outcome[8], seconds, "the very same uses");
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
    }

    async fn a_node_that_stops_leaves_the_job_to_the_next(world: &World) {
        with_parties(world).await;
        let asked = asked(world, SMALL).await;
        let stop = CancellationToken::new();
        stop.cancel();
        assert!(!run_next(&world.app, &stop).await.unwrap());
        assert_eq!(job(world, asked).await.state, JobState::Running);
        let next = world.another_node().await;
        assert!(run_next(&next, &CancellationToken::new()).await.unwrap());
        assert_eq!(job(world, asked).await.state, JobState::Done);
        next.store.engine().close().await;
    }

    async fn a_cancelled_load_keeps_what_it_has_and_goes_on_when_asked_again(world: &World) {
        with_parties(world).await;
        let first = asked(world, SMALL).await;
        let cancelled = world.first().call(&CancelJob { job: first }).await.unwrap();
        assert_eq!(cancelled.state, JobState::Cancelled);
        let problem = world.first().call(&CancelJob { job: first }).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "job.over"));

        let second = asked(world, SMALL).await;
        let stop = CancellationToken::new();
        // Claimed, then asked to stop before its first batch.
        stop.cancel();
        run_next(&world.app, &stop).await.unwrap();
        let running = world.first().call(&CancelJob { job: second }).await.unwrap();
        assert_eq!(running.state, JobState::Running);
        works(world).await;
        assert_eq!(job(world, second).await.state, JobState::Cancelled);
        assert_eq!(outcome(world).await[0], 0);

        let third = asked(world, SMALL).await;
        works(world).await;
        assert_eq!(job(world, third).await.state, JobState::Done);
        let jobs = world.first().call(&ListJobs::default()).await.unwrap().items;
        assert_eq!(jobs.iter().map(|job| job.job).collect::<Vec<_>>(), [third, second, first], "newest first");
        let page = PageRequest { after: Some(third.to_string()), limit: Some(1) };
        let page = world.first().call(&ListJobs { state: Some(JobState::Cancelled), page }).await.unwrap();
        assert_eq!((page.items[0].job, page.items.len(), page.next), (second, 1, Some(second.to_string())));
    }

    async fn people_who_came_in_while_a_load_was_off_stand_in_its_way(world: &World) {
        with_parties(world).await;
        let first = asked(world, SMALL).await;
        world.first().call(&CancelJob { job: first }).await.unwrap();
        world.citizen("CHAN TAI MAN").registers_remotely().await;
        let problem = world.first().call(&lcq5_at(SMALL)).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "population.accounts"));
    }

    async fn another_population_is_refused_with_what_to_do(world: &World) {
        with_parties(world).await;
        let refused = async |populate: &Populate| {
            let problem = world.first().call(populate).await.unwrap_err();
            assert!(problem.hint.is_some(), "{problem:?}");
            (problem.status, problem.code)
        };
        let first = asked(world, LARGER).await;
        assert_eq!(refused(&lcq5_at(LARGER)).await, (409, "population.under-way".to_owned()));
        stops_half_way(world, first).await;
        assert_eq!(refused(&lcq5_at(SMALL)).await, (409, "population.part".to_owned()));
        assert_eq!(refused(&Populate { seed: 7, ..lcq5_at(LARGER) }).await, (409, "population.part".to_owned()));

        let second = asked(world, LARGER).await;
        assert!(job(world, second).await.done > 0, "it goes on where the first one stopped");
        works(world).await;
        assert_eq!(job(world, second).await.state, JobState::Done);
        assert_eq!(outcome(world).await[6], i64::try_from(plan(world, LARGER).await.events()).unwrap());
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
        assert_eq!(refused(&lcq5_at(LARGER)).await, (409, "population.loaded".to_owned()));
        world.execute("DELETE FROM job").await;
        assert_eq!(refused(&lcq5_at(LARGER)).await, (409, "population.accounts".to_owned()));
    }

    async fn a_population_that_does_not_fit_is_refused_whole(world: &World) {
        let problem = world.first().call(&lcq5_at(SMALL)).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "population.service"));
        assert!(problem.fields.iter().any(|field| field.path == "population.usage.services[0].service"), "{problem:?}");
        with_parties(world).await;
        for (scale, code) in [(0.0, "population.scale"), (1.5, "population.scale")] {
            let problem = world.first().call(&lcq5_at(scale)).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, code));
        }
        let mut wrong = lcq5_at(SMALL);
        wrong.population.accounts.plus += 10_000_000;
        let problem = world.first().call(&wrong).await.unwrap_err();
        assert_eq!(problem.fields[0].path, "population.accounts.plus");
        assert_eq!(world.number("SELECT COUNT(*) FROM job").await, 0);
    }

    async fn somebody_registered_by_hand_meanwhile_stops_a_load_with_what_to_do(world: &World) {
        with_parties(world).await;
        let asked = asked(world, SMALL).await;
        let plan = plan(world, SMALL).await;
        let hers = plan.accounts().find(|life| life.ended.is_none()).unwrap();
        let profile = plan.profile(&hers).unwrap();
        let registration = Registration {
            hkic: profile.hkic,
            name: profile.name,
            sex: None,
            birth_date: profile.birth_date,
            card_issued: None,
            phone: profile.phone,
            tier: Tier::IamSmart,
            channel: Channel::Remote,
            location: None,
            registered_at: hers.registered_at,
        };
        let rows = vec![ImportRow { line: 1, registration }];
        world.first().call(&ImportAccounts { file: "0".repeat(64), chunk: 0, rows }).await.unwrap();
        works(world).await;
        let failed = job(world, asked).await;
        assert_eq!(failed.state, JobState::Failed);
        assert!(failed.error.unwrap().contains("registered by hand meanwhile"));
        assert_eq!(outcome(world).await[0], 1, "nothing of the batch stayed");
    }

    async fn a_dry_run_queues_nothing(world: &World) {
        with_parties(world).await;
        let before = world.census().await;
        let view = world.first().dry_run().call(&lcq5_at(SMALL)).await.unwrap();
        assert_eq!(view.state, JobState::Queued);
        assert!(view.total > 9_000);
        assert_eq!(world.census().await, before);
    }

    async fn a_job_of_an_unknown_kind_fails_and_the_next_one_is_done(world: &World) {
        with_parties(world).await;
        let strange = asked(world, SMALL).await;
        world.execute("UPDATE job SET kind = 'moon.populate'").await;
        let asked = asked(world, SMALL).await;
        works(world).await;
        let failed = job(world, strange).await;
        assert_eq!(failed.state, JobState::Failed);
        assert!(failed.error.unwrap().contains("moon.populate"));
        assert_eq!(job(world, asked).await.state, JobState::Done);
    }

    async fn only_an_administrator_fills_a_sandbox(world: &World) {
        let statistician = world.operator("statistician-1", &[Role::Statistician]).await;
        assert_eq!(statistician.call(&lcq5_at(SMALL)).await.unwrap_err().code, "auth.role");
        let missing = ShowJob { job: "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap() };
        let problem = statistician.call(&missing).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (404, "job.not-found"));
    }
}

mod production {
    use super::*;

    both_engines! {
        from Setup::production();

        async fn nobody_synthetic_comes_to_production(world: &World) {
            let problem = world.first().call(&lcq5_at(SMALL)).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (409, "population.production"));
            assert!(problem.hint.is_some());
        }
    }
}

mod outage {
    use super::*;

    #[test]
    fn a_load_waits_for_a_database_that_is_away() {
        tests::world::run(tests::Engine::Postgres, Setup::default(), async |world: &World| {
            with_parties(world).await;
            let asked = asked(world, SMALL).await;
            let database = world.database.as_ref().unwrap();
            database.goes_away().await;
            assert!(run_next(&world.app, &CancellationToken::new()).await.is_err());
            database.comes_back().await;
            assert_eq!(job(world, asked).await.state, JobState::Queued);
            works(world).await;
            assert_eq!(job(world, asked).await.state, JobState::Done);
            assert_eq!(recount(&world.app.store).await.unwrap(), []);
        });
    }
}

mod full_disk {
    use super::*;

    #[test]
    fn a_disk_without_room_is_said_before_anything_is_begun() {
        let setup = Setup::default().with("disk-reserve-mib", "10000000000");
        tests::world::run(tests::Engine::Sqlite, setup, async |world: &World| {
            with_parties(world).await;
            let problem = world.first().call(&lcq5_at(SMALL)).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (409, "population.space"));
            assert!(problem.message.contains("MiB are needed at"), "{}", problem.message);
            assert_eq!(world.number("SELECT COUNT(*) FROM job").await, 0);
        });
    }
}
