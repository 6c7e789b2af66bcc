//! Uses and what happens to accounts: recorded with what makes them, counted once, and a recount always agrees.

use std::time::Duration;

use domain::{AccountEventKind, Channel, Clock, Day, Function, Outcome, Sex, Tier, UsageChannel};
use futures_util::future::join_all;
use server::store::{AccountEvent, Housekeeping, UsageRow};
use server::usage::fold::fold;
use server::usage::{Pseudonyms, Use, record, recount};
use tests::{World, both_engines};

const ETAX: i32 = 3;
const LIBRARY: i32 = 9;

fn login(world: &World, service: i32, ordinal: i64, outcome: Outcome) -> Use {
    Use {
        service,
        function: Function::Authentication,
        tier: Tier::IamSmart,
        channel: UsageChannel::App,
        outcome,
        at: world.clock.now(),
        ordinal,
    }
}

/// A citizen logs in somewhere; the caller's transaction is the login's.
async fn logs_in(world: &World, service: i32, ordinal: i64) {
    let mut tx = world.app.store.write().await.unwrap();
    record(&world.app, &mut tx, &login(world, service, ordinal, Outcome::Completed)).await.unwrap();
    tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
}

async fn registers(world: &World, place: &str) {
    let mut tx = world.app.store.write().await.unwrap();
    tx.account_event(&event(world, AccountEventKind::Registered, place)).await.unwrap();
    tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
}

fn event(world: &World, kind: AccountEventKind, place: &str) -> AccountEvent {
    AccountEvent {
        suspension: None,
        kind,
        tier: Tier::IamSmartPlus,
        channel: Channel::Kiosk,
        location: Some(place.parse().unwrap()),
        birth_year: 1990,
        sex: Some(Sex::F),
        at: world.clock.now(),
        recorded_at: world.clock.now(),
    }
}

async fn folded(world: &World) -> usize {
    let mut moved = 0;
    loop {
        match fold(&world.app).await.unwrap() {
            0 => return moved,
            some => moved += some,
        }
    }
}

async fn counted(world: &World) -> (i64, i64, i64) {
    let sum = |table: &str| format!("SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM {table}");
    let raw = world.number("SELECT COUNT(*) FROM usage_event").await;
    (raw, world.number(&sum("usage_daily")).await, world.number(&sum("usage_monthly")).await)
}

both_engines! {
    async fn a_use_is_on_record_with_the_login_and_counted_soon_after(world: &World) {
        logs_in(world, ETAX, 1).await;
        logs_in(world, ETAX, 2).await;
        logs_in(world, LIBRARY, 1).await;
        registers(world, "kowloon-park-sports-centre").await;
        assert_eq!(counted(world).await, (0, 0, 0), "no counter is touched by the login itself");

        assert_eq!(folded(world).await, 4);
        assert_eq!(counted(world).await, (3, 3, 3));
        let etax = "SELECT count FROM usage_daily WHERE service = 3 AND outcome = 1 AND function = 1 AND tier = 1 AND channel = 1";
        assert_eq!(world.numbers(etax).await, [2]);
        let day = world.clock.now().hk_day();
        assert_eq!(world.numbers("SELECT CAST(event_day AS BIGINT) FROM usage_daily ORDER BY service").await, [i64::from(day.number()); 2]);
        let months = world.numbers("SELECT CAST(event_month AS BIGINT) FROM usage_monthly ORDER BY service").await;
        assert_eq!(months, [i64::from(day.month().number()); 2]);
        assert_eq!(world.numbers("SELECT count FROM account_daily WHERE location = 'kowloon-park-sports-centre'").await, [1]);
        assert_eq!(folded(world).await, 0, "and once only");
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
    }

    async fn a_login_that_is_undone_leaves_no_use(world: &World) {
        let mut tx = world.app.store.write().await.unwrap();
        record(&world.app, &mut tx, &login(world, ETAX, 1, Outcome::Completed)).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(folded(world).await, 0);
        assert_eq!(counted(world).await, (0, 0, 0));
    }

    async fn what_was_no_use_is_recorded_apart(world: &World) {
        let mut tx = world.app.store.write().await.unwrap();
        for outcome in Outcome::ALL {
            record(&world.app, &mut tx, &login(world, ETAX, 1, *outcome)).await.unwrap();
        }
        tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
        folded(world).await;
        assert_eq!(world.numbers("SELECT CAST(outcome AS BIGINT) FROM usage_daily WHERE count = 1 ORDER BY outcome").await, [1, 2, 3, 4, 5]);
    }

    async fn a_day_ends_at_midnight_in_hong_kong(world: &World) {
        // 15:59:59 UTC on the last day of January, then a second later.
        let last = "2026-01-31T15:59:59Z".parse::<domain::Timestamp>().unwrap();
        world.clock.advance(last.saturating_since(world.clock.now()));
        logs_in(world, ETAX, 1).await;
        world.clock.advance(Duration::from_secs(1));
        logs_in(world, ETAX, 1).await;
        folded(world).await;
        let days: Vec<i64> = ["2026-01-31", "2026-02-01"].iter().map(|day| i64::from(day.parse::<Day>().unwrap().number())).collect();
        assert_eq!(world.numbers("SELECT CAST(event_day AS BIGINT) FROM usage_daily ORDER BY event_day").await, days);
        assert_eq!(world.numbers("SELECT count FROM usage_monthly ORDER BY event_month").await, [1, 1]);
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
    }

    async fn folding_stopped_half_way_is_done_again_and_counts_once(world: &World) {
        for ordinal in 0..30 {
            logs_in(world, ETAX, ordinal).await;
        }
        // The node dies between moving the rows and committing.
        let mut tx = world.app.store.write().await.unwrap();
        let taken = tx.take_uses(20).await.unwrap();
        assert_eq!(taken.len(), 20);
        tx.insert_uses_folded(taken.into_iter().map(Ok)).await.unwrap();
        drop(tx);
        assert_eq!(folded(world).await, 30);
        assert_eq!(counted(world).await, (30, 30, 30));
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
    }

    async fn two_nodes_fold_at_once_and_nothing_counts_twice(world: &World) {
        let other = world.another_node().await;
        for round in 0..4 {
            join_all((0..8).map(|ordinal| logs_in(world, ETAX + round, i64::from(ordinal)))).await;
            let both = [fold(&world.app), fold(&other)];
            for moved in join_all(both).await {
                // Contended is no harm: the folder tries again.
                let _ = moved;
            }
        }
        folded(world).await;
        assert_eq!(counted(world).await, (32, 32, 32));
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
        other.store.engine().close().await;
    }

    async fn uses_that_come_in_bulk_are_counted_as_they_come(world: &World) {
        let start = world.clock.now();
        let mut pseudonyms = Pseudonyms::new(&world.app.keys);
        // Enough for the largest statement, smaller ones and single rows.
        let rows: Vec<UsageRow> = (0..1_000_i64)
            .map(|number| {
                let hours = u64::try_from(number % 100).unwrap();
                let at = start.plus(Duration::from_hours(hours));
                let service = i32::try_from(number % 7).unwrap();
                Use { at, ..login(world, service, number, Outcome::Completed) }.row(&mut pseudonyms, at).unwrap()
            })
            .collect();
        let mut tx = world.app.store.write().await.unwrap();
        assert_eq!(tx.insert_uses_folded(rows[..527].iter().cloned().map(Ok)).await.unwrap(), 527);
        tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
        let mut tx = world.app.store.write().await.unwrap();
        assert_eq!(tx.insert_uses_folded(rows[527..].iter().cloned().map(Ok)).await.unwrap(), 473);
        assert_eq!(tx.insert_uses_folded(std::iter::empty()).await.unwrap(), 0);
        tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
        assert_eq!(counted(world).await, (1_000, 1_000, 1_000));
        assert_eq!(world.number("SELECT COUNT(DISTINCT pseudonym) FROM usage_event").await, 1_000);
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
    }

    async fn a_row_that_cannot_be_made_leaves_nothing(world: &World) {
        let row = login(world, ETAX, 1, Outcome::Completed).row(&mut Pseudonyms::new(&world.app.keys), world.clock.now()).unwrap();
        let rows = (0..600).map(|number| {
            if number == 590 { Err(server::store::StoreError::Contended) } else { Ok(row.clone()) }
        });
        let mut tx = world.app.store.write().await.unwrap();
        assert!(tx.insert_uses_folded(rows).await.is_err());
        drop(tx);
        assert_eq!(counted(world).await, (0, 0, 0));
    }

    async fn account_events_of_a_batch_and_of_a_moment_count_alike(world: &World) {
        let events: Vec<AccountEvent> = (0..300)
            .map(|number| event(world, AccountEventKind::Registered, if number % 3 == 0 { "roving" } else { "lok-fu-place" }))
            .chain([AccountEvent { location: None, sex: None, channel: Channel::Remote, ..event(world, AccountEventKind::Closed, "roving") }])
            .collect();
        let mut tx = world.app.store.write().await.unwrap();
        tx.account_events_folded(&events).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
        registers(world, "roving").await;
        folded(world).await;
        assert_eq!(world.numbers("SELECT count FROM account_daily ORDER BY location").await, [1, 200, 101]);
        assert_eq!(world.numbers("SELECT count FROM account_monthly ORDER BY location").await, [1, 200, 101]);
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
    }

    async fn a_counter_that_lies_is_found(world: &World) {
        logs_in(world, ETAX, 1).await;
        folded(world).await;
        world.execute("UPDATE usage_daily SET count = 2").await;
        world.execute("DELETE FROM usage_monthly").await;
        let found = recount(&world.app.store).await.unwrap();
        let told: Vec<_> = found.iter().map(|difference| (difference.table, difference.counted, difference.recounted)).collect();
        assert_eq!(told, [("usage_daily", Some(2), Some(1)), ("usage_monthly", None, Some(1))]);
        world.execute("DELETE FROM usage_daily").await;
        world.execute("DELETE FROM usage_event").await;
    }

    async fn a_person_who_comes_again_is_one_user_of_the_month(world: &World) {
        let users = || async { world.numbers("SELECT CAST(SUM(count) AS BIGINT) FROM usage_users_daily GROUP BY event_month").await };
        logs_in(world, ETAX, 1).await;
        logs_in(world, ETAX, 9_000).await;
        // Nobody has folded them: a report looks at the inbox as well.
        let month: domain::Month = "2026-01".parse().unwrap();
        let told = || async {
            let mut read = world.app.store.read().await.unwrap();
            let today = world.clock.now().hk_day();
            server::usage::users::users(&mut read, &world.app.keys, month, month, today).await.unwrap().get(&month).copied()
        };
        assert_eq!(told().await, Some(2));
        folded(world).await;
        assert_eq!((users().await, told().await), (vec![2], Some(2)));
        world.clock.advance(Duration::from_hours(24));
        logs_in(world, ETAX + 1, 1).await;
        logs_in(world, ETAX, 2).await;
        assert_eq!(told().await, Some(3));
        folded(world).await;
        assert_eq!(users().await, [3]);
        let mut read = world.app.store.read().await.unwrap();
        assert_eq!(read.recount_users(month).await.unwrap(), read.users_by_recorded_day(month).await.unwrap());
        assert_eq!(world.number("SELECT COUNT(*) FROM usage_inbox").await, 0, "no ordinal stays behind");
    }

    async fn an_instance_from_before_has_its_people_counted_by_the_migration(world: &World) {
        for (place, month) in ["2020-12", "2021-02", "2024-02", "2026-01", "1999-12", "2100-03"].iter().enumerate() {
            let month: domain::Month = month.parse().unwrap();
            for day in [month.first_day(), month.last_day()] {
                let at = day.start().plus(Duration::from_hours(23));
                let birth_year = 1_950 + i16::try_from(place).unwrap();
                let born = AccountEvent { birth_year, at, recorded_at: at, ..event(world, AccountEventKind::Registered, "roving") };
                let mut tx = world.app.store.write().await.unwrap();
                tx.account_events_folded(&[born]).await.unwrap();
                tx.commit_housekeeping(Housekeeping::Progress).await.unwrap();
            }
        }
        world.execute("DELETE FROM account_person_daily").await;
        world.execute("DELETE FROM account_person_monthly").await;
        assert!(!recount(&world.app.store).await.unwrap().is_empty());
        let migration = include_str!("../../../server/migrations/0012_statistics.sql");
        for table in ["INSERT INTO account_person_daily", "INSERT INTO account_person_monthly"] {
            let statement = &migration[migration.find(table).unwrap()..];
            world.execute(&statement[..statement.find(';').unwrap()]).await;
        }
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
    }

    async fn a_person_has_one_pseudonym_a_month_and_another_the_next(world: &World) {
        let day = |text: &str| text.parse::<Day>().unwrap();
        let mut pseudonyms = Pseudonyms::new(&world.app.keys);
        let january = pseudonyms.of(day("2026-01-05"), 42).unwrap();
        assert_eq!(january, pseudonyms.of(day("2026-01-31"), 42).unwrap());
        assert_ne!(january, pseudonyms.of(day("2026-02-01"), 42).unwrap());
        assert_ne!(january, pseudonyms.of(day("2026-01-05"), 43).unwrap());
        assert_eq!(january, Pseudonyms::new(&world.app.keys).of(day("2026-01-05"), 42).unwrap());
    }
}
