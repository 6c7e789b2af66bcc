//! The key-encryption key rotates although nodes die, sleep, or come late.

use std::time::Duration;

use api::account::{ImportAccounts, ImportRow, ShowAccount};
use api::key::RotateKey;
use domain::{ActivateAt, Channel, KeyPurpose, PlanState};
use server::key::material::{BATCH, advance};
use server::key::steps::take_due;
use server::keys::watch::{leave, watch};
use tests::both_engines;
use tests::world::FIRST;

use crate::key_encryption::{TEN_MINUTES, citizens, in_file, instance_kek, plan, rotate, under, work};

both_engines! {
    async fn a_node_may_die_after_any_step_and_another_goes_on(world: &World) {
        let people = citizens(world, 9).await;
        watch(&world.app).await.unwrap();
        leave(&world.app).await.unwrap();
        let old = instance_kek(world).await;
        // Two ask at once; one of them is told that it is being rotated already.
        let (a, b) = (world.another_node().await, world.another_node().await);
        let op = RotateKey { activate: ActivateAt::AfterPublish, ..RotateKey::of(KeyPurpose::Data) };
        let (here, there) = (world.at_node(&a, FIRST), world.at_node(&b, FIRST));
        let (asked, other) = tokio::join!(here.call(&op), there.call(&op));
        let (won, lost): (Vec<_>, Vec<_>) = [asked, other].into_iter().partition(Result::is_ok);
        assert_eq!((won.len(), lost.len()), (1, 1), "exactly one wins");
        let won = won.into_iter().find_map(Result::ok).unwrap();
        let lost = lost.into_iter().find_map(Result::err).unwrap();
        assert_eq!(lost.code, "key.rotation-in-progress");
        let new = won[0].key.kid.to_string();
        // Published; the nodes die before either has the new key in its file.
        drop((here, there, a, b));
        assert_eq!(in_file(&world.app), std::slice::from_ref(&old));
        let node = world.another_node().await;
        watch(&node).await.unwrap();
        assert_eq!(in_file(&node), [old.clone(), new.clone()]);
        // In the file; the node dies before the new key takes over, and stands in the way until it counts as away.
        drop(node);
        let node = world.another_node().await;
        world.clock.advance(Duration::from_mins(16));
        watch(&node).await.unwrap();
        take_due(&node).await.unwrap();
        assert_eq!(instance_kek(world).await, new);
        // A node that had been away through all of it takes the new key by the old one.
        watch(&world.app).await.unwrap();
        leave(&world.app).await.unwrap();
        // Taken over; the node dies before a single data key is brought over.
        drop(node);
        let (one, other) = (world.another_node().await, world.another_node().await);
        let (first, second) = tokio::join!(advance(&one, 2), advance(&other, 2));
        assert!(first.unwrap() || second.unwrap());
        let brought = under(world, &new).await;
        assert!(brought == 2 || brought == 4, "two nodes at once bring each row over once: {brought}");
        // In the middle; both die. The next one finishes the work, and dies before the old key is retired.
        drop((one, other));
        let node = world.another_node().await;
        while advance(&node, 2).await.unwrap() {}
        assert_eq!((under(world, &old).await, under(world, &new).await), (0, 9));
        drop(node);
        let node = world.another_node().await;
        world.clock.advance(TEN_MINUTES);
        take_due(&node).await.unwrap();
        assert_eq!(plan(world).await.state, PlanState::Done);
        // Retired; the node dies before its file lets go of it.
        drop(node);
        let node = world.another_node().await;
        watch(&node).await.unwrap();
        assert_eq!(in_file(&node), std::slice::from_ref(&new));
        for citizen in &people {
            assert!(world.at_node(&node, FIRST).call(&ShowAccount { account: citizen.account }).await.unwrap().name_masked.is_some());
        }
    }

    async fn a_node_that_has_not_looked_for_a_while_registers_under_the_new_key(world: &World) {
        citizens(world, 1).await;
        watch(&world.app).await.unwrap();
        let asleep = world.another_node().await;
        let new = rotate(world, ActivateAt::Now).await.key.kid.to_string();
        watch(&world.app).await.unwrap();
        take_due(&world.app).await.unwrap();
        work(world, BATCH).await;
        let citizen = world.citizen("WONG SIU MING");
        let rows = vec![ImportRow { line: 1, registration: citizen.registration(Channel::Remote, None) }];
        let op = ImportAccounts { file: format!("{:064x}", 99), chunk: 0, rows };
        assert_eq!(world.at_node(&asleep, FIRST).call(&op).await.unwrap().registered, 1);
        assert_eq!(under(world, &new).await, 2);
        let account = world.account_of(&citizen.hkic).await.unwrap();
        assert!(world.first().call(&ShowAccount { account }).await.unwrap().name_masked.is_some());
    }

    async fn a_key_is_not_thrown_away_while_anything_lies_under_it(world: &World) {
        citizens(world, 3).await;
        watch(&world.app).await.unwrap();
        let old = instance_kek(world).await;
        rotate(world, ActivateAt::Now).await;
        watch(&world.app).await.unwrap();
        take_due(&world.app).await.unwrap();
        work(world, BATCH).await;
        // A row comes late, under the old key, by somebody who went around the rule.
        let late = format!("INSERT INTO account (ordinal, id, reference, version, state, tier, channel, registered_at, data_key, kek_id, index_generation)
            SELECT 77, profile, reference + 1, 1, state, tier, channel, registered_at, data_key, '{old}', 1 FROM account WHERE ordinal = 0");
        world.execute(&late).await;
        world.clock.advance(TEN_MINUTES);
        assert!(take_due(&world.app).await.is_err(), "the count in the same transaction says no");
        assert_eq!(plan(world).await.state, PlanState::Running);
        assert_eq!(world.number(&format!("SELECT COUNT(*) FROM key_generation WHERE kid = '{old}' AND state = 'draining'")).await, 1);
        world.execute("DELETE FROM account WHERE ordinal = 77").await;
        take_due(&world.app).await.unwrap();
        assert_eq!(plan(world).await.state, PlanState::Done);
    }
}
