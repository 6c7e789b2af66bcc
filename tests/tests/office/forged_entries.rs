//! Somebody with the database, and without the keys, writes into the audit log before it is sealed, or takes it away.

use std::time::Duration;

use api::Role;
use api::audit::{ListCheckpoints, Unplaced};
use api::operator::AddOperator;
use client::audit_log::{Reading, unplaced};
use server::audit::{seal, vouch, whole};
use server::instance::health;
use tests::World;
use tests::both_engines;

async fn something_happens(world: &World, number: u32) {
    let id = format!("agent-{number}").parse().unwrap();
    world.first().call(&AddOperator { id, name: "Duty officer".into(), roles: vec![Role::Auditor] }).await.unwrap();
}

/// The parts of readiness that fail, and whether the node is given work.
async fn failing(world: &World) -> (Vec<String>, bool) {
    let checks = health::look(&world.app).await;
    let ready = health::ready(&checks);
    (checks.into_iter().filter(|check| !check.ok).map(|check| check.id).collect(), ready)
}

async fn wipe(world: &World) {
    world.execute("DELETE FROM audit_entry").await;
    world.execute("DELETE FROM audit_checkpoint").await;
    world.log_is_damaged();
}

/// Everything by which a log that is not sealed any further is noticed.
async fn nothing_is_sealed_and_everybody_says_why(world: &World, why: &str) {
    let refused = seal::seal(&world.app).await.unwrap_err().to_string();
    assert!(refused.contains(why) && refused.contains("nothing is sealed"), "{refused}");
    let told = whole::require_whole(&world.app).await.unwrap_err().to_string();
    assert!(told.contains(why) && told.contains("Put the newest database back"), "{told}");
    let (parts, ready) = failing(world).await;
    assert!(!ready && parts[0] == "audit", "{parts:?}");
    let desk = world.first();
    let reading = Reading::begin(&desk).await.unwrap();
    assert!(reading.amiss().unwrap().contains(why), "{:?}", reading.amiss());
}

both_engines! {
    async fn an_entry_that_nobody_wrote_is_set_aside_and_said(world: &World) {
        something_happens(world, 1).await;
        world.log_is_damaged();
        // The best that can be done without the keys: a good entry's columns under another id.
        world.execute_with(
            "INSERT INTO audit_entry (id, leaf, mac, at, operator, action, subject, outcome)
             SELECT $1, leaf, mac, at, operator, action, subject, outcome FROM audit_entry WHERE action = 'operator.add'",
            b"0123456789abcdef",
        ).await;
        assert_eq!(failing(world).await, (vec![], true));
        world.seal().await;

        let set_aside = world.audited("audit.quarantine").await;
        assert_eq!(set_aside, [("system".to_owned(), "30313233343536373839616263646566".to_owned(), "done".to_owned())]);
        let export = world.export().await;
        assert!(export.verdict(None).ok);
        let said = |leaf: &[u8], word: &str| String::from_utf8_lossy(leaf).contains(word);
        assert_eq!(export.entries.iter().filter(|leaf| said(leaf, "\"operator.add\"")).count(), 1, "it is not in the tree");
        assert_eq!(export.entries.iter().filter(|leaf| said(leaf, "audit.quarantine")).count(), 1, "that it was found is");
        assert_eq!(failing(world).await, (vec!["quarantine".to_owned()], true), "said, and no reason to go home");
        assert_eq!(unplaced(&world.first(), Unplaced::Quarantined).await.unwrap().len(), 1);
        assert_eq!(unplaced(&world.first(), Unplaced::Waiting).await.unwrap().len(), 0);
        assert_eq!(world.first().call(&ListCheckpoints { after: 0, limit: 1 }).await.unwrap().quarantined, 1);
        assert_eq!(seal::seal(&world.app).await.unwrap(), 0, "it is looked at once");
    }

    async fn an_entry_that_was_changed_while_it_waited_is_set_aside(world: &World) {
        something_happens(world, 1).await;
        something_happens(world, 2).await;
        world.log_is_damaged();
        let leaf = world.blobs("SELECT leaf FROM audit_entry WHERE subject = 'agent-1'").await.remove(0);
        let other = String::from_utf8(leaf).unwrap().replace("auditor", "administrator").replace("first-operator", "other-operator");
        world.execute_with("UPDATE audit_entry SET leaf = $1 WHERE subject = 'agent-1'", other.as_bytes()).await;
        world.seal().await;
        assert_eq!(world.texts("SELECT subject FROM audit_entry WHERE quarantined_at IS NOT NULL").await, ["agent-1"]);
        assert!(world.export().await.verdict(None).ok);
    }

    async fn a_log_that_was_taken_away_is_not_begun_anew(world: &World) {
        something_happens(world, 1).await;
        world.seal().await;
        whole::require_whole(&world.app).await.unwrap();
        wipe(world).await;
        something_happens(world, 2).await;
        nothing_is_sealed_and_everybody_says_why(world, "'iamd init' does not wait to be the first").await;
        assert_eq!(world.number("SELECT COUNT(*) FROM audit_checkpoint").await, 0);
    }

    async fn the_entry_of_init_put_back_after_it_was_sealed_begins_no_log(world: &World) {
        world.seal().await;
        let leaf = world.blobs("SELECT leaf FROM audit_entry WHERE action = 'instance.init'").await.remove(0);
        wipe(world).await;
        // The database alone does not have the digest any more.
        let id = match world.engine {
            tests::Engine::Sqlite => "x'30'",
            tests::Engine::Postgres => "'\\x30'",
        };
        let insert = format!(
            "INSERT INTO audit_entry (id, leaf, at, operator, action, subject, outcome)
             VALUES ({id}, $1, 0, 'system', 'instance.init', 's', 'done')"
        );
        world.execute_with(&insert, &leaf).await;
        assert_eq!(seal::seal(&world.app).await.unwrap(), 1, "it is set aside");
        nothing_is_sealed_and_everybody_says_why(world, "'iamd init' does not wait to be the first").await;
    }

    async fn a_log_without_its_checkpoints_is_not_gone_on_with(world: &World) {
        world.seal().await;
        world.log_is_damaged();
        world.execute("DELETE FROM audit_checkpoint").await;
        something_happens(world, 1).await;
        nothing_is_sealed_and_everybody_says_why(world, "has entries and no checkpoint over them").await;
    }

    async fn a_last_checkpoint_that_somebody_else_signed_is_not_gone_on_from(world: &World) {
        world.seal().await;
        world.log_is_damaged();
        let export = world.export().await;
        let honest = pki::checkpoint::open(&export.checkpoints.last().unwrap().note, &export.vkey).unwrap();
        let forger = pki::PrivateKey::generate(pki::KeyKind::Ed25519).unwrap();
        let signer = pki::checkpoint::NoteSigner::new(export.vkey.name(), forger).unwrap();
        world.execute(&format!("UPDATE audit_checkpoint SET note = '{}'", honest.sign(&signer).unwrap())).await;
        something_happens(world, 1).await;
        nothing_is_sealed_and_everybody_says_why(world, "is signed by no checkpoint key of this instance").await;
    }

    async fn a_last_checkpoint_whose_frontier_or_root_was_changed_is_said_by_all(world: &World) {
        world.seal().await;
        world.log_is_damaged();
        something_happens(world, 1).await;
        world.execute_with("UPDATE audit_checkpoint SET root = $1", &[7; 32]).await;
        nothing_is_sealed_and_everybody_says_why(world, "does not fit its own frontier").await;
        assert!(world.export().await.verdict(None).ok, "what was sealed is whole all the same");
    }

    async fn a_log_shorter_than_this_node_has_seen_is_not_grown_again(world: &World) {
        something_happens(world, 1).await;
        world.seal().await;
        something_happens(world, 2).await;
        world.seal().await;
        server::anchor::note(&world.app).await.unwrap();
        world.log_is_damaged();
        let first = world.number("SELECT MIN(tree_size) FROM audit_checkpoint").await;
        world.execute(&format!("DELETE FROM audit_checkpoint WHERE tree_size > {first}")).await;
        world.execute(&format!("DELETE FROM audit_entry WHERE leaf_index >= {first}")).await;
        something_happens(world, 3).await;
        nothing_is_sealed_and_everybody_says_why(world, "is not the one that this node has seen").await;
    }

    async fn the_log_begins_with_init_whatever_the_clock_said_then(world: &World) {
        world.clock.turn_back(Duration::from_hours(1));
        something_happens(world, 1).await;
        world.seal().await;
        assert_eq!(world.texts("SELECT action FROM audit_entry WHERE leaf_index = 0").await, ["instance.init"]);
        assert!(world.export().await.verdict(None).ok);
    }

    async fn entries_of_an_older_version_are_vouched_for_by_whoever_migrates(world: &World) {
        something_happens(world, 1).await;
        let waiting = world.execute("UPDATE audit_entry SET mac = NULL WHERE leaf_index IS NULL").await;
        assert_eq!(vouch::vouch_for_waiting(&world.app).await.unwrap(), waiting);
        world.seal().await;
        assert_eq!(world.number("SELECT COUNT(*) FROM audit_entry WHERE quarantined_at IS NOT NULL").await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM audit_entry WHERE mac IS NOT NULL").await, 0, "the tree stands for it now");
    }
}
