//! What a service counted itself: late, sent twice, corrected. It counts once, and moves no figure that was published.

use std::time::Duration;

use api::Role;
use api::relying_party::ApplyParties;
use api::stats::{ImportUses, ImportedUse, MAX_USES, UsesImported};
use domain::{Clock, Day, Function, Manifest, Outcome, Tier, Timestamp, UsageChannel};
use futures_util::future::join_all;
use server::usage::recount;
use tests::fixtures::party;
use tests::world::FIRST;
use tests::{World, both_engines};

use crate::statistics::{brings_on_board, legco, small_office};

const ETAX: &str = "inland-revenue-department.etax";
const SOURCE: &str = "etax-2022-05";

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

/// A login to eTAX at ten in the morning of that day.
fn login(key: &str, on: &str) -> ImportedUse {
    ImportedUse {
        key: key.to_owned(),
        service: ETAX.parse().unwrap(),
        function: Function::Authentication,
        tier: Tier::IamSmart,
        channel: UsageChannel::Qr,
        outcome: Outcome::Completed,
        at: day(on).start().plus(Duration::from_hours(10)),
        corrects: None,
    }
}

fn of(source: &str, uses: Vec<ImportedUse>) -> ImportUses {
    ImportUses { source: source.to_owned(), uses }
}

async fn sends(world: &World, uses: Vec<ImportedUse>) -> UsesImported {
    world.first().call(&of(SOURCE, uses)).await.unwrap()
}

fn told(reply: &UsesImported) -> (u64, u64, u64, Vec<(&str, &str)>) {
    let refused = reply.refused.iter().map(|field| (field.path.as_str(), field.code.as_deref().unwrap())).collect();
    (reply.recorded, reply.duplicates, reply.corrections, refused)
}

/// Uses in all, as a reply to the Legislative Council has them.
async fn uses(world: &World, as_at: &str, known_at: Option<&str>) -> u64 {
    legco(world, as_at, known_at).await.unwrap().figures[3].value
}

/// The daily counters: day of the use, day of recording, outcome, count.
async fn cells(world: &World) -> Vec<String> {
    let sql = "SELECT CAST(event_day AS TEXT) || ' ' || CAST(recorded_day AS TEXT) || ' ' || CAST(outcome AS TEXT) || ' '
        || CAST(count AS TEXT) FROM usage_daily ORDER BY event_day, recorded_day, outcome";
    world.texts(sql).await
}

both_engines! {
    async fn late_uses_count_from_today_on_and_move_nothing_before(world: &World) {
        small_office(world).await;
        let today = world.clock.now().hk_day();
        world.clock.advance(Duration::from_hours(24));
        let (yesterday, tomorrow) = (today.to_string(), today.plus_days(1).to_string());
        let published = serde_json::to_string(&legco(world, "2022-05-31", Some(&yesterday)).await.unwrap()).unwrap();
        let before = uses(world, "2022-05-31", None).await;

        let file = vec![login("1", "2022-05-30"), login("2", "2022-05-31"), login("3", "2022-06-01")];
        assert_eq!(told(&sends(world, file.clone()).await), (3, 0, 0, vec![]));
        assert_eq!(world.number("SELECT COUNT(*) FROM usage_inbox").await, 0, "they wait for no folder");
        assert_eq!(uses(world, "2022-05-31", Some(&tomorrow)).await, before + 2);
        let again = serde_json::to_string(&legco(world, "2022-05-31", Some(&yesterday)).await.unwrap()).unwrap();
        assert_eq!(again, published, "to the byte");

        // The same file with another line behind it, the line twice; and the same keys of another source.
        let more = [file.clone(), vec![login("4", "2022-05-29"), login("4", "2022-05-29")]].concat();
        assert_eq!(told(&sends(world, more).await), (1, 4, 0, vec![]));
        assert_eq!(told(&world.first().call(&of("etax-2022-06", file)).await.unwrap()), (3, 0, 0, vec![]));
        assert_eq!(uses(world, "2022-05-31", None).await, before + 5);
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
        let month = "SELECT CAST(SUM(count) AS BIGINT) FROM usage_users_daily";
        assert_eq!(world.number(&format!("SELECT COALESCE(({month}), 0)")).await, 0, "nobody is known of them");
        let entries = world.audited("stats.import").await;
        assert_eq!(entries.len(), 3, "one a request");
    }

    async fn a_correction_takes_an_event_off_on_the_day_it_comes(world: &World) {
        brings_on_board(world, vec![party("inland-revenue-department")]).await;
        let first = world.clock.now().hk_day();
        sends(world, vec![login("1", "2022-05-30"), login("2", "2022-05-30"), login("3", "2022-05-31")]).await;
        world.clock.advance(Duration::from_hours(24));
        let moved = ImportedUse { corrects: Some("1".to_owned()), ..login("1b", "2022-06-01") };
        let never = ImportedUse { corrects: Some("2".to_owned()), outcome: Outcome::Cancelled, ..login("2b", "2022-05-30") };
        assert_eq!(told(&sends(world, vec![moved.clone(), never.clone()]).await), (2, 0, 2, vec![]));

        let (may, june) = (day("2022-05-30").number(), day("2022-06-01").number());
        let (then, today) = (first.number(), first.number() + 1);
        assert_eq!(cells(world).await, [
            format!("{may} {then} 1 2"),
            format!("{may} {today} 1 -2"),
            format!("{may} {today} 5 1"),
            format!("{} {then} 1 1", may + 1),
            format!("{june} {today} 1 1"),
        ]);
        assert_eq!(uses(world, "2022-05-31", Some(&first.to_string())).await, 3, "as it was known then");
        assert_eq!(uses(world, "2022-05-31", None).await, 1);
        assert_eq!(uses(world, "2022-06-01", None).await, 2);
        assert_eq!(recount(&world.app.store).await.unwrap(), []);

        // Again, and once more otherwise; what took its place can be corrected, in the same file as well.
        let once_more = ImportedUse { corrects: Some("1".to_owned()), ..login("1c", "2022-06-02") };
        let reply = sends(world, vec![moved, never, once_more]).await;
        assert_eq!(told(&reply), (0, 2, 0, vec![("uses[2].corrects", "stats.use-corrected")]));
        let chain = ["1b", "1c", "1d"].windows(2).map(|keys| {
            ImportedUse { corrects: Some(keys[0].to_owned()), ..login(keys[1], "2022-05-28") }
        });
        assert_eq!(told(&sends(world, chain.collect()).await), (2, 0, 2, vec![]));
        assert_eq!(uses(world, "2022-05-28", None).await, 1);
        assert_eq!(uses(world, "2022-06-01", None).await, 2);
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
    }

    async fn what_cannot_have_happened_is_refused_line_by_line(world: &World) {
        brings_on_board(world, vec![party("inland-revenue-department")]).await;
        let since = day("2020-12-29");
        sends(world, vec![login("1", "2022-05-30")]).await;
        let now = world.clock.now();
        let at = |at: Timestamp| ImportedUse { at, ..login("x", "2022-05-30") };
        let reply = sends(world, vec![
            ImportedUse { at: since.start().minus(Duration::from_micros(1)), ..login("a", "2022-05-30") },
            ImportedUse { at: since.start(), ..login("good", "2022-05-30") },
            at(now.plus(Duration::from_micros(1))),
            at(now.plus(Duration::from_hours(24))),
            ImportedUse { service: "inland-revenue-department.etacks".parse().unwrap(), ..login("b", "2022-05-30") },
            ImportedUse { function: Function::StepUp, ..login("c", "2022-05-30") },
            ImportedUse { function: Function::Signing, ..login("d", "2022-05-30") },
            ImportedUse { function: Function::Signing, outcome: Outcome::Refused, ..login("signed", "2022-05-30") },
            login("1", "2022-05-29"),
            ImportedUse { corrects: Some("17".to_owned()), ..login("e", "2022-05-30") },
            login("", "2022-05-30"),
            login("快", "2022-05-30"),
            login(&"k".repeat(65), "2022-05-30"),
            ImportedUse { corrects: Some("1\n".to_owned()), ..login("f", "2022-05-30") },
            ImportedUse { at: now, ..login("now", "2022-05-30") },
        ])
        .await;
        assert_eq!(told(&reply), (3, 0, 0, vec![
            ("uses[0].at", "stats.use-before-service"),
            ("uses[2].at", "stats.use-future"),
            ("uses[3].at", "stats.use-future"),
            ("uses[4].service", "stats.use-service"),
            ("uses[5].function", "stats.use-function"),
            ("uses[6].tier", "stats.use-tier"),
            ("uses[8].key", "stats.use-differs"),
            ("uses[9].corrects", "stats.use-corrects"),
            ("uses[10].key", "stats.use-key"),
            ("uses[11].key", "stats.use-key"),
            ("uses[12].key", "stats.use-key"),
            ("uses[13].corrects", "stats.use-key"),
        ]));
        assert_eq!(world.number("SELECT COUNT(*) FROM usage_event").await, 4);
        assert_eq!(recount(&world.app.store).await.unwrap(), []);

        let many = (0..=MAX_USES).map(|key| login(&key.to_string(), "2022-05-30")).collect();
        for (op, code) in [
            (of(SOURCE, vec![]), "stats.chunk"),
            (of(SOURCE, many), "stats.chunk"),
            (of("", vec![login("9", "2022-05-30")]), "stats.source"),
            (of("eTAX", vec![login("9", "2022-05-30")]), "stats.source"),
            (of(&"s".repeat(65), vec![login("9", "2022-05-30")]), "stats.source"),
        ] {
            assert_eq!(world.first().call(&op).await.unwrap_err().code, code);
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM usage_event").await, 4);
        let officer = world.operator("officer-1", &[Role::RpOfficer, Role::Auditor]).await;
        assert_eq!(officer.call(&of(SOURCE, vec![login("9", "2022-05-30")])).await.unwrap_err().code, "auth.role");
    }

    async fn a_service_that_went_took_its_uses_until_that_day(world: &World) {
        brings_on_board(world, vec![party("inland-revenue-department")]).await;
        let gone = world.clock.now().hk_day();
        let mut without: Manifest = party("inland-revenue-department");
        without.services.retain(|service| service.id.as_str() != "etax");
        without.services.extend(party("transport-department").services.into_iter().take(1));
        let first = world.first();
        world.clock.ticks();
        first.call(&ApplyParties { manifests: vec![without] }).await.unwrap();
        assert_eq!(world.texts("SELECT state FROM service WHERE slug = 'etax'").await, ["retired"]);
        world.clock.set(gone.plus_days(9).start().plus(Duration::from_hours(12)));
        let reply = sends(world, vec![login("1", "2022-05-30"), login("2", &gone.to_string()), login("3", &gone.plus_days(1).to_string())]).await;
        assert_eq!(told(&reply), (2, 0, 0, vec![("uses[2].at", "stats.use-after-service")]));
    }

    async fn two_who_send_the_same_file_at_once_count_it_once(world: &World) {
        brings_on_board(world, vec![party("inland-revenue-department")]).await;
        let node = world.another_node().await;
        let file: Vec<ImportedUse> = (0..40).map(|key| login(&key.to_string(), "2022-05-30")).collect();
        let op = of(SOURCE, file);
        let (here, there) = (world.first(), world.at_node(&node, FIRST));
        let replies = join_all([here.call(&op), there.call(&op)]).await;
        let recorded: u64 = replies.iter().flatten().map(|reply| reply.recorded).sum();
        assert_eq!(recorded, 40);
        assert!(replies.iter().flatten().all(|reply| reply.recorded + reply.duplicates == 40));
        assert_eq!(uses(world, "2022-05-31", None).await, 40);
        assert_eq!(recount(&world.app.store).await.unwrap(), []);
        node.store.engine().close().await;
    }

    async fn a_dry_run_says_what_would_become_of_a_file(world: &World) {
        brings_on_board(world, vec![party("inland-revenue-department")]).await;
        let before = world.census().await;
        let file = vec![login("1", "2022-05-30"), ImportedUse { corrects: Some("1".to_owned()), ..login("2", "2022-05-31") }];
        let reply = world.first().dry_run().call(&of(SOURCE, file)).await.unwrap();
        assert_eq!(told(&reply), (2, 0, 1, vec![]));
        assert_eq!(world.census().await, before);
    }
}
