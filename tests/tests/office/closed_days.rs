//! A published figure names the day it is known at. Whatever is recorded later, and whatever a clock says, that day gains nothing.

use std::time::Duration;

use api::account::{ImportAccounts, ImportRow, SuspendAccount};
use api::relying_party::{ApplyParties, SuspendParty};
use api::stats::{TopServices, UsageBy, UsageReport};
use domain::{AccountEventKind, Channel, Clock, Day, Function, Manifest, Outcome, SuspensionReason, Tier, UsageChannel};
use server::store::Housekeeping;
use server::usage::{Use, record};
use tests::fixtures::{made_up, party};
use tests::{World, both_engines};

use crate::statistics::{account, account_events, brings_on_board, code, folds, happen, legco, loads, small_office, used};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// Every question that leaves open what it can, as known on that day.
async fn answers(world: &World, known_at: &str) -> Vec<String> {
    let mut answers = Vec::new();
    for as_at in ["2022-05-31", "2026-01-05"] {
        answers.push(serde_json::to_string_pretty(&legco(world, as_at, Some(known_at)).await.unwrap()).unwrap());
    }
    let known_at = Some(day(known_at));
    for by in [UsageBy::Service, UsageBy::Category, UsageBy::Sector, UsageBy::Function, UsageBy::Month, UsageBy::Day] {
        let rows = world.first().call(&UsageReport { by, from: None, to: None, known_at, view: None }).await.unwrap();
        answers.push(serde_json::to_string(&rows).unwrap());
    }
    let rows = world.first().call(&TopServices { as_at: None, known_at, limit: None, view: None }).await.unwrap();
    answers.push(serde_json::to_string(&rows).unwrap());
    answers
}

/// Days of recording of everything that figures are made of, the newest of each kind.
async fn newest_days(world: &World) -> [i64; 3] {
    let day = "(recorded_at + 28800000000) / 86400000000";
    let uses = world.number(&format!("SELECT {day} FROM usage_inbox ORDER BY id DESC LIMIT 1")).await;
    let accounts = world.number(&format!("SELECT {day} FROM account_event_inbox ORDER BY id DESC LIMIT 1")).await;
    let services = "SELECT (valid_from + 28800000000) / 86400000000 FROM service_version ORDER BY valid_from DESC LIMIT 1";
    [uses, accounts, world.number(services).await]
}

both_engines! {
    async fn nothing_that_is_recorded_later_changes_an_answer(world: &World) {
        small_office(world).await;
        world.clock.set(day("2026-01-06").end());
        let before = [answers(world, "2026-01-05").await, answers(world, "2026-01-04").await];

        // A service that was there all along, one whose first day is corrected, uses of years before and of today, accounts.
        let mut etax = party("inland-revenue-department");
        etax.services[0].since = day("2020-12-30");
        brings_on_board(world, vec![made_up("new-office", "New Office", "新辦事處"), etax]).await;
        let service = code(world, "new-office.enquiry").await;
        let on = |date| used(world, service, Function::Authentication, Outcome::Completed, day(date));
        loads(world, vec![on("2020-12-29"), on("2022-05-31"), on("2026-01-07")]).await;
        happen(world, vec![on("2021-01-01"), on("2026-01-07")]).await;
        account_events(world, vec![account(world, AccountEventKind::Registered, Tier::IamSmartPlus, day("2022-05-31"))]).await;
        let after = [answers(world, "2026-01-05").await, answers(world, "2026-01-04").await];
        assert_eq!(before, after);
        folds(world).await;
        assert_eq!(before[0], answers(world, "2026-01-05").await, "counting changes nothing");
        assert_ne!(before[0], answers(world, "2026-01-07").await, "what is known since is in what is known since");
    }

    async fn a_clock_that_goes_back_adds_nothing_to_a_day_that_is_over(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let gas = party("sandbox-gas-company");
        brings_on_board(world, vec![gas.clone()]).await;
        let service = code(world, "sandbox-gas-company.gas-bills").await;
        // Just after midnight somebody registers; then the clock is put back by an hour.
        world.clock.set(day("2026-01-05").end().plus(Duration::from_mins(5)));
        world.citizen("WONG SIU MING").registers_remotely().await;
        let tuesday = i64::from(day("2026-01-06").number());
        world.clock.turn_back(Duration::from_hours(1));

        let suspend = SuspendAccount { account: citizen.account, reason: SuspensionReason::LostDevice, call: None, note: None };
        world.first().call(&suspend).await.unwrap();
        let mut tx = world.app.store.write().await.unwrap();
        let login = Use {
            service,
            function: Function::Authentication,
            tier: Tier::IamSmart,
            channel: UsageChannel::App,
            outcome: Outcome::Completed,
            at: world.clock.now(),
            ordinal: 1,
        };
        record(&world.app, &mut tx, &login).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
        let reason = "leaked key".to_owned();
        world.first().call(&SuspendParty { rp: gas.id.clone(), reason }).await.unwrap();
        assert_eq!(newest_days(world).await, [tuesday; 3]);
        let again = Manifest { organisation: made_up("gas", "Gas Company of Today", "今日煤氣").organisation, ..gas };
        world.first().call(&ApplyParties { manifests: vec![again] }).await.unwrap();
        world.citizen("LEE KA YAN").registers_remotely().await;
        let monday = tuesday - 1;
        let registered = "SELECT CAST(count AS BIGINT) FROM account_daily WHERE recorded_day =";
        assert_eq!(world.numbers(&format!("{registered} {monday}")).await, [1], "as it was counted");
        assert_eq!(world.number(&format!("SELECT COUNT(*) FROM account_daily WHERE recorded_day = {tuesday}")).await, 2);
        let parties = world.numbers("SELECT (valid_from + 28800000000) / 86400000000 FROM relying_party_version ORDER BY version").await;
        assert_eq!(parties, [monday, tuesday, tuesday]);
        // The day of the event is what the clock said.
        assert_eq!(world.numbers("SELECT CAST(event_day AS BIGINT) FROM account_event_inbox").await, [monday]);
    }

    async fn what_waits_for_its_turn_over_midnight_is_recorded_after_it(world: &World) {
        world.clock.set(day("2026-01-05").end().minus(Duration::from_secs(1)));
        let mut held = world.app.store.write().await.unwrap();
        held.begin_registering().await.unwrap();
        let registration = world.citizen("CHAN TAI MAN").registration(Channel::Remote, None);
        let file = "0".repeat(64);
        let batch = ImportAccounts { file, chunk: 0, rows: vec![ImportRow { line: 1, registration }] };
        let first = world.first();
        let midnight = async {
            for _ in 0..1_000 {
                tokio::task::yield_now().await;
            }
            world.clock.set(day("2026-01-05").end());
            held.rollback().await.unwrap();
        };
        let (imported, ()) = tokio::join!(first.call(&batch), midnight);
        assert_eq!(imported.unwrap().registered, 1);
        let recorded = world.numbers("SELECT CAST(recorded_day AS BIGINT) FROM account_daily").await;
        assert_eq!(recorded, [i64::from(day("2026-01-06").number())]);
    }
}
