//! Readiness tells database, audit, keys, clock and disk apart.

use std::collections::BTreeMap;
use std::time::Duration;

use api::instance::CheckInstance;
use domain::{Clock, Timestamp};
use server::settings::Settings;
use server::store::Location;
use tests::World;
use tests::both_engines;

/// Each part and whether it is as it should be.
async fn parts(world: &World) -> BTreeMap<String, bool> {
    let checks = server::instance::health::look(&world.app).await;
    for check in &checks {
        assert!(!check.detail.is_empty(), "{} says nothing", check.id);
        assert_eq!(check.ok, check.mend.is_none(), "{} has its mend exactly when it fails", check.id);
    }
    checks.into_iter().map(|check| (check.id, check.ok)).collect()
}

async fn failing(world: &World) -> Vec<String> {
    parts(world).await.into_iter().filter(|(_, ok)| !ok).map(|(id, _)| id).collect()
}

both_engines! {
    async fn all_is_well(world: &World) {
        let ids: Vec<String> = parts(world).await.into_keys().collect();
        assert_eq!(ids, ["audit", "clock", "database", "disk", "keys"]);
        assert_eq!(failing(world).await, Vec::<String>::new());
        let checks = world.first().call(&CheckInstance {}).await.unwrap();
        assert!(checks.iter().all(|check| check.ok));
        // What people read has Hong Kong's time, as tables have.
        let of = |id: &str| checks.iter().find(|check| check.id == id).unwrap().detail.clone();
        assert_eq!(of("clock"), world.clock.now().people());
        let for_programs = |word: &str| word.trim_matches([',', ';']).parse::<Timestamp>().is_ok();
        assert!(!checks.iter().any(|check| check.detail.split_whitespace().any(for_programs)), "{checks:?}");
        assert!(of("keys").ends_with(" HKT") && of("expiry").ends_with(" HKT"), "{checks:?}");
    }

    async fn no_signing_key_is_a_fault_of_keys_alone(world: &World) {
        world.execute("UPDATE key_generation SET state = 'retired' WHERE purpose = 'token-signing'").await;
        assert_eq!(failing(world).await, ["keys"]);
    }

    async fn a_listener_certificate_that_has_ended_is_said_and_renewed_by_a_restart(world: &World) {
        world.seal().await;
        world.clock.advance(Duration::from_hours(24 * 800));
        assert_eq!(failing(world).await, ["listeners", "root-lists", "signing"], "and who would believe that clock");
        let another = super::ended::starts(world, false).await;
        let mut checks = server::instance::health::look(&another).await.into_iter();
        assert!(checks.all(|check| check.ok || check.id == "root-lists"), "the root's lists wait for whoever has its key");
        assert_eq!(world.audited("cert.issue").await.len(), 1);
    }

    async fn a_listener_certificate_is_kept_by_a_clock_that_nobody_believes(world: &World) {
        world.seal().await;
        world.clock.advance(Duration::from_hours(24 * 340));
        server::http::listeners::prepare(&world.app).await.unwrap();
        assert_eq!(world.audited("cert.issue").await.len(), 0);
        world.clock.turn_back(Duration::from_hours(24 * 340));
        assert_eq!(failing(world).await, Vec::<String>::new());
    }

    async fn a_clock_that_went_back_is_a_fault_of_the_clock_alone(world: &World) {
        world.seal().await;
        world.clock.turn_back(Duration::from_secs(60));
        assert_eq!(failing(world).await, Vec::<String>::new(), "a minute is forgiven");
        world.clock.turn_back(Duration::from_micros(1));
        assert_eq!(failing(world).await, ["clock", "signing"]);
    }

    async fn entries_that_nobody_seals_are_a_fault_of_the_audit_log_alone(world: &World) {
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(failing(world).await, Vec::<String>::new());
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(failing(world).await, ["audit"]);
        world.seal().await;
        assert_eq!(failing(world).await, Vec::<String>::new());
    }
}

both_engines! {
    from Setup::default().with("disk-reserve-mib", "17000000000");

    async fn a_disk_without_its_reserve_is_a_fault_of_the_disk_alone(world: &World) {
        assert_eq!(failing(world).await, ["disk"]);
    }
}

#[test]
fn a_database_that_is_away_is_said_and_the_disk_is_still_looked_at() {
    tests::world::run(tests::Engine::Postgres, tests::Setup::default(), async |world| {
        let database = world.database.as_ref().unwrap();
        database.goes_away().await;
        let parts = parts(world).await;
        assert_eq!((parts["database"], parts["disk"]), (false, true));
        database.comes_back().await;
        assert_eq!(failing(world).await, Vec::<String>::new());
    });
}

#[test]
fn a_postgresql_that_takes_no_writes_is_a_fault_of_the_database() {
    tests::world::run(tests::Engine::Postgres, tests::Setup::default(), async |world| {
        let url = format!("{}&options=-c%20default_transaction_read_only%3Don", world.database.as_ref().unwrap().url());
        let settings = Settings { database: Location::Url(url), ..world.settings.clone() };
        let node = server::instance::open::open(&world.data_dir, settings, world.ports()).await.unwrap();
        let checks = server::instance::health::look(&node).await;
        let failing: Vec<_> = checks.into_iter().filter(|check| !check.ok).collect();
        assert_eq!(failing.len(), 1, "{failing:?}");
        assert!(failing[0].id == "database" && failing[0].detail.contains("takes no writes"), "{failing:?}");
        node.store.engine().close().await;
    });
}
