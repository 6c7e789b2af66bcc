//! Somebody with the database in their hands changes the log: it shows, and where.

use api::Role;
use api::audit::ListAudit;
use api::operator::AddOperator;
use pki::audit_log::FirstBad;
use tests::World;
use tests::both_engines;

/// Thirty entries under ten checkpoints.
async fn a_sealed_log(world: &World) {
    for number in 0..30 {
        let add = AddOperator {
            id: format!("agent-{number}").parse().unwrap(),
            name: "Duty officer".into(),
            roles: vec![Role::Auditor],
        };
        world.first().call(&add).await.unwrap();
        if number % 3 == 2 {
            world.seal().await;
        }
    }
    assert!(world.export().await.verdict(None).ok);
    world.log_is_damaged();
}

/// Where the log is first known to be wrong, without anything kept.
async fn first_bad(world: &World) -> FirstBad {
    world.export().await.verdict(None).first_bad.unwrap()
}

fn holds(bad: &FirstBad, leaf: u64) {
    assert!(bad.from <= leaf && leaf <= bad.to, "leaf {leaf} is not within {bad:?}");
    assert!(bad.to - bad.from < 4, "no wider than one sealing: {bad:?}");
}

both_engines! {
    async fn one_changed_bit(world: &World) {
        a_sealed_log(world).await;
        let mut leaf = world.blobs("SELECT leaf FROM audit_entry WHERE leaf_index = 16").await.remove(0);
        leaf[40] ^= 1;
        assert_eq!(world.execute_with("UPDATE audit_entry SET leaf = $1 WHERE leaf_index = 16", &leaf).await, 1);
        holds(&first_bad(world).await, 16);
    }

    async fn an_entry_that_says_another_name(world: &World) {
        a_sealed_log(world).await;
        let leaf = world.blobs("SELECT leaf FROM audit_entry WHERE leaf_index = 7").await.remove(0);
        let leaf = String::from_utf8(leaf).unwrap().replace("first-operator", "other-operator");
        world.execute_with("UPDATE audit_entry SET leaf = $1 WHERE leaf_index = 7", leaf.as_bytes()).await;
        holds(&first_bad(world).await, 7);
    }

    async fn columns_that_say_otherwise_than_the_leaf(world: &World) {
        a_sealed_log(world).await;
        let listed = || async { world.first().call(&ListAudit::default()).await.unwrap().items };
        let before = listed().await;
        world
            .execute(
                "UPDATE audit_entry SET operator = 'somebody-else', action = 'account.list', subject = 'nothing', outcome = 'refused',
                   at = 0 WHERE leaf_index = 16",
            )
            .await;
        assert_eq!(listed().await, before, "what is read is what is sealed");
        let lost = "UPDATE audit_entry SET leaf = $1 WHERE leaf_index = 16";
        world.execute_with(lost, b"no leaf at all").await;
        let entry = listed().await.into_iter().find(|entry| entry.index == Some(16)).unwrap();
        assert_eq!((entry.action.as_str(), entry.operator.as_str()), ("unreadable", ""));
    }

    async fn a_deleted_entry(world: &World) {
        a_sealed_log(world).await;
        let whole = world.export().await.entries;
        world.execute("DELETE FROM audit_entry WHERE leaf_index = 11").await;
        holds(&first_bad(world).await, 11);
        let without: Vec<_> = whole.iter().enumerate().filter(|(index, _)| *index != 11).map(|(_, leaf)| leaf.clone()).collect();
        assert_eq!(world.export().await.entries, without, "no other entry is missing, none comes twice");
    }

    async fn two_swapped_entries(world: &World) {
        a_sealed_log(world).await;
        world.execute("UPDATE audit_entry SET leaf_index = 1000 WHERE leaf_index = 5").await;
        world.execute("UPDATE audit_entry SET leaf_index = 5 WHERE leaf_index = 20").await;
        world.execute("UPDATE audit_entry SET leaf_index = 20 WHERE leaf_index = 1000").await;
        holds(&first_bad(world).await, 5);
    }

    async fn a_truncated_log(world: &World) {
        a_sealed_log(world).await;
        world.execute("DELETE FROM audit_entry WHERE leaf_index >= 25").await;
        let bad = first_bad(world).await;
        assert!(bad.from <= 25 && bad.reason.contains("missing") || bad.reason.contains("ends"), "{bad:?}");
    }

    async fn an_entry_put_behind_the_last_checkpoint(world: &World) {
        a_sealed_log(world).await;
        let end = world.number("SELECT MAX(leaf_index) FROM audit_entry").await;
        world.first().call(&AddOperator { id: "agent-99".parse().unwrap(), name: "Duty officer".into(), roles: vec![Role::Auditor] }).await.unwrap();
        world.execute(&format!("UPDATE audit_entry SET leaf_index = {} WHERE leaf_index IS NULL", end + 1)).await;
        let bad = first_bad(world).await;
        assert_eq!(i64::try_from(bad.from).unwrap(), end + 1);
        assert!(bad.reason.contains("no signature covers"), "{bad:?}");
    }

    async fn the_last_checkpoints_taken_away(world: &World) {
        a_sealed_log(world).await;
        let end = world.number("SELECT MAX(tree_size) FROM audit_checkpoint").await;
        world.execute("DELETE FROM audit_checkpoint WHERE tree_size > 15").await;
        let left = world.number("SELECT MAX(tree_size) FROM audit_checkpoint").await;
        let bad = first_bad(world).await;
        assert_eq!((bad.from, bad.to), (u64::try_from(left).unwrap(), u64::try_from(end - 1).unwrap()));
        assert!(bad.reason.contains("no signature covers"), "{bad:?}");
    }

    async fn an_entry_put_before_the_first(world: &World) {
        a_sealed_log(world).await;
        world.first().call(&AddOperator { id: "agent-99".parse().unwrap(), name: "Duty officer".into(), roles: vec![Role::Auditor] }).await.unwrap();
        world.execute("UPDATE audit_entry SET leaf_index = -1 WHERE leaf_index IS NULL").await;
        holds(&first_bad(world).await, 0);
    }

    async fn a_byte_that_is_no_text(world: &World) {
        a_sealed_log(world).await;
        let mut leaf = world.blobs("SELECT leaf FROM audit_entry WHERE leaf_index = 16").await.remove(0);
        leaf[40] |= 0x80;
        world.execute_with("UPDATE audit_entry SET leaf = $1 WHERE leaf_index = 16", &leaf).await;
        holds(&first_bad(world).await, 16);
    }

    async fn an_entry_slipped_in_between(world: &World) {
        a_sealed_log(world).await;
        let copy = world.blobs("SELECT leaf FROM audit_entry WHERE leaf_index = 3").await.remove(0);
        world.execute("UPDATE audit_entry SET leaf_index = leaf_index + 1000 WHERE leaf_index >= 12").await;
        world.execute("UPDATE audit_entry SET leaf_index = leaf_index - 999 WHERE leaf_index >= 1000").await;
        let insert = match world.engine {
            tests::Engine::Sqlite => "INSERT INTO audit_entry (id, leaf, leaf_index, at, operator, action, subject, outcome) VALUES (x'00', $1, 12, 0, 'o', 'a', 's', 'done')",
            tests::Engine::Postgres => "INSERT INTO audit_entry (id, leaf, leaf_index, at, operator, action, subject, outcome) VALUES ('\\x00', $1, 12, 0, 'o', 'a', 's', 'done')",
        };
        world.execute_with(insert, &copy).await;
        holds(&first_bad(world).await, 12);
    }

    async fn a_checkpoint_signed_by_somebody_else(world: &World) {
        a_sealed_log(world).await;
        let forger = pki::PrivateKey::generate(pki::KeyKind::Ed25519).unwrap();
        let signer = pki::checkpoint::NoteSigner::new(&format!("iam-audit-{}", world.app.instance), forger).unwrap();
        let export = world.export().await;
        let honest = pki::checkpoint::open(&export.checkpoints[4].note, &export.vkey).unwrap();
        let note = honest.sign(&signer).unwrap();
        world.execute(&format!("UPDATE audit_checkpoint SET note = '{note}' WHERE tree_size = {}", honest.size)).await;
        let bad = first_bad(world).await;
        assert!(bad.reason.contains(&format!("checkpoint {}", honest.size)), "{bad:?}");
    }

    async fn a_log_rolled_back_as_a_whole_shows_by_a_kept_checkpoint_alone(world: &World) {
        a_sealed_log(world).await;
        let kept = world.export().await.checkpoints.last().unwrap().note.clone();
        world.execute("DELETE FROM audit_checkpoint WHERE tree_size > 15").await;
        let end = world.number("SELECT MAX(tree_size) FROM audit_checkpoint").await;
        world.execute(&format!("DELETE FROM audit_entry WHERE leaf_index >= {end}")).await;

        let export = world.export().await;
        assert!(export.verdict(None).ok, "by itself it is a good log");
        let bad = export.verdict(Some(&kept)).first_bad.unwrap();
        assert!(bad.reason.contains("rolled back"), "{bad:?}");
    }

    async fn a_log_rolled_back_and_grown_again_shows_by_a_kept_checkpoint(world: &World) {
        a_sealed_log(world).await;
        let kept = world.export().await.checkpoints[6].note.clone();
        world.execute("DELETE FROM audit_checkpoint WHERE tree_size > 9").await;
        let end = world.number("SELECT MAX(tree_size) FROM audit_checkpoint").await;
        world.execute(&format!("DELETE FROM audit_entry WHERE leaf_index >= {end}")).await;
        for number in 30..60 {
            let add = AddOperator { id: format!("agent-{number}").parse().unwrap(), name: "Duty officer".into(), roles: vec![Role::Auditor] };
            world.first().call(&add).await.unwrap();
        }
        world.seal().await;
        let export = world.export().await;
        assert!(export.verdict(None).ok);
        let bad = export.verdict(Some(&kept)).first_bad.unwrap();
        assert!(bad.reason.contains("rewritten"), "{bad:?}");
    }

    async fn a_frontier_that_was_changed_stops_the_sealer(world: &World) {
        a_sealed_log(world).await;
        let last = world.number("SELECT MAX(tree_size) FROM audit_checkpoint").await;
        let older = world.blobs("SELECT frontier FROM audit_checkpoint ORDER BY tree_size").await.remove(2);
        world.execute_with(&format!("UPDATE audit_checkpoint SET frontier = $1 WHERE tree_size = {last}"), &older).await;
        world.first().call(&AddOperator { id: "agent-99".parse().unwrap(), name: "Duty officer".into(), roles: vec![Role::Auditor] }).await.unwrap();
        let refused = server::audit::seal::seal(&world.app).await.unwrap_err();
        assert!(refused.to_string().contains("audit verify"), "{refused}");
    }
}
