//! A rotation that cannot go on keeps no other one from going on.

use std::time::Duration;

use api::key::RotateKey;
use domain::{ActivateAt, KeyPurpose};
use server::key::schedule::rotate_due;
use server::key::steps::take_due;
use tests::{World, both_engines};

use super::authorities::{begin, issue};
use super::ended::{ITS_CLOCK_IS_RIGHT, starts};
use super::responders::days_go_by;

const TEN_MINUTES: Duration = Duration::from_mins(10);
const A_DAY: Duration = Duration::from_hours(24);

/// The private part of a key is out of reach, as that of one in a token which is away.
async fn out_of_reach(world: &World, kid: &str) {
    world.execute(&format!("UPDATE key_generation SET private_sealed = NULL WHERE kid = '{kid}'")).await;
}

/// Generations of a purpose in a state.
async fn count(world: &World, purpose: &str, state: &str) -> i64 {
    world.number(&format!("SELECT COUNT(*) FROM key_generation WHERE purpose = '{purpose}' AND state = '{state}'")).await
}

both_engines! {
    async fn a_plan_that_cannot_go_on_stops_no_other_plan(world: &World) {
        let stuck = begin(world, "citizens", ActivateAt::AfterPublish).await;
        issue(world).await;
        out_of_reach(world, "citizens-2").await;
        world.first().call(&RotateKey::of(KeyPurpose::TokenSigning)).await.unwrap();
        world.clock.advance(TEN_MINUTES);
        let node = world.another_node().await;
        let told = format!("{:#}", take_due(&node).await.unwrap_err());
        assert!(told.contains(&format!("no step of {stuck} was taken")), "{told}");
        assert_eq!((count(world, "token-signing", "active").await, count(world, "token-signing", "draining").await), (2, 2));
        assert_eq!(count(world, "issuing-ca", "published").await, 1, "it waits, and has lost nothing");
        // And again, until somebody mends it.
        world.clock.advance(TEN_MINUTES);
        assert!(take_due(&node).await.is_err());
        assert_eq!(count(world, "token-signing", "draining").await, 0);
    }

    async fn a_plan_that_is_damaged_stops_no_other_plan(world: &World) {
        let damaged = world.first().call(&RotateKey::of(KeyPurpose::Audit)).await.unwrap()[0].key.plan.unwrap();
        world.first().call(&RotateKey::of(KeyPurpose::TokenSigning)).await.unwrap();
        world.execute(&format!("UPDATE key_plan SET algorithms = 'none' WHERE id = '{damaged}'")).await;
        world.clock.advance(TEN_MINUTES);
        let told = format!("{:#}", take_due(&world.app).await.unwrap_err());
        assert!(told.contains(&format!("no step of {damaged} was taken")) && told.contains("bad algorithm"), "{told}");
        assert_eq!(count(world, "token-signing", "draining").await, 2);
    }

    async fn a_key_that_cannot_be_followed_stops_no_other_line(world: &World) {
        days_go_by(world, 59).await;
        out_of_reach(world, "citizens-1").await;
        for _ in 0..2 {
            world.clock.advance(A_DAY / 2);
            server::key::clock::watch(&world.app, &[], true).await.unwrap();
        }
        let node = world.another_node().await;
        let told = format!("{:#}", rotate_due(&node).await.unwrap_err());
        assert!(told.contains("citizens-1-ocsp-1 is not followed on schedule"), "{told}");
        assert_eq!(count(world, "ocsp", "published").await, 4, "the other authorities' responders");
    }

    async fn nothing_follows_what_an_authority_that_has_ended_would_have_to_certify(world: &World) {
        world.clock.advance((5 * 365 - 10) * A_DAY);
        let node = starts(world, ITS_CLOCK_IS_RIGHT).await;
        // For the days that are left, once: cut short by the authority, the next one would not live longer.
        assert_eq!(rotate_due(&node).await.unwrap(), 6, "five responders, and the key for stamps");
        for _ in 0..2 {
            world.clock.advance(TEN_MINUTES);
            take_due(&node).await.unwrap();
        }
        assert_eq!(count(world, "ocsp", "published").await, 0);
        for _ in 0..20 {
            world.clock.advance(A_DAY - TEN_MINUTES);
            server::key::clock::watch(&node, &[], true).await.unwrap();
            assert_eq!(rotate_due(&node).await.unwrap(), 0);
        }
    }
}
