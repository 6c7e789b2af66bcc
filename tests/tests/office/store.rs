//! The contract of the store, on both engines: what the operations do not show by themselves.

use std::time::Duration;

use api::Role;
use domain::{Clock, HolderKind, KeyAlgorithm, KeyPurpose, KeyState};
use serde_json::json;
use server::keys::{Kid, Slot, TOKENS};
use server::store::{CertificateRow, CheckpointRow, Delivery, Housekeeping, KeyRow, OperatorRow, StoreError, Write, roles_text};
use tests::World;
use tests::both_engines;

fn step(subject: &str) -> Housekeeping {
    Housekeeping::Step { action: "test.step", subject: subject.to_owned(), facts: json!({ "count": 1 }) }
}

fn operator(id: &str) -> OperatorRow {
    OperatorRow {
        id: id.to_owned(),
        name: "陳大文 — Duty officer \u{10ffff}".to_owned(),
        roles: roles_text(&[Role::HotlineAgent, Role::Auditor]),
        state: "invited".to_owned(),
        version: 0,
        created_at: 1_767_574_800_123_456,
        enrolment_mac: Some(vec![0xff; 32]),
        enrolment_expires_at: Some(i64::MAX),
    }
}

async fn put(world: &World, row: &OperatorRow) {
    let mut tx = world.app.store.write().await.unwrap();
    tx.put_operator(row).await.unwrap();
    tx.commit_housekeeping(step(&row.id)).await.unwrap();
}

async fn name_of(tx: &mut Write, id: &str) -> String {
    tx.operator_locked(&id.parse().unwrap()).await.unwrap().unwrap().name
}

fn key(world: &World, state: KeyState) -> KeyRow {
    let slot = Slot { purpose: KeyPurpose::TokenSigning, name: TOKENS, algorithm: KeyAlgorithm::Es256 };
    let row = world.app.keys.new_signing_key(slot, Kid::Thumbprint, world.clock.now()).unwrap();
    KeyRow { state: state.to_string(), ..row }
}

both_engines! {
    async fn a_transaction_that_is_not_committed_leaves_nothing(world: &World) {
        let before = world.census().await;
        let mut tx = world.app.store.write().await.unwrap();
        tx.put_operator(&operator("agent-7")).await.unwrap();
        drop(tx);
        let mut tx = world.app.store.write().await.unwrap();
        tx.put_operator(&operator("agent-8")).await.unwrap();
        tx.rollback().await.unwrap();
        assert_eq!(world.census().await, before);
    }

    async fn a_change_of_the_platforms_own_has_its_entry_in_the_same_transaction(world: &World) {
        world.clock.ticks();
        put(world, &operator("agent-7")).await;
        let leaf = world.leaves().await.pop().unwrap();
        assert_eq!(leaf["actor"], json!({ "kind": "system", "id": "system", "certificate": null }));
        assert_eq!((&leaf["action"], &leaf["subject"], &leaf["facts"]), (&json!("test.step"), &json!("agent-7"), &json!({ "count": 1 })));
    }

    async fn a_snapshot_does_not_see_what_is_committed_after_it_began(world: &World) {
        let mut before = world.app.store.read().await.unwrap();
        before.takes_writes().await.unwrap();
        before.instance().await.unwrap().unwrap();
        put(world, &operator("agent-7")).await;
        let id = "agent-7".parse().unwrap();
        assert!(before.operator(&id).await.unwrap().is_none());
        drop(before);
        assert!(world.app.store.read().await.unwrap().operator(&id).await.unwrap().is_some());
    }

    async fn a_row_that_is_locked_is_read_by_the_next_writer_as_the_first_one_left_it(world: &World) {
        put(world, &operator("agent-7")).await;
        let mut first = world.app.store.write().await.unwrap();
        let row = first.operator_locked(&"agent-7".parse().unwrap()).await.unwrap().unwrap();
        let store = world.app.store.clone();
        let second = tokio::spawn(async move {
            let mut tx = store.write().await.unwrap();
            let name = name_of(&mut tx, "agent-7").await;
            tx.rollback().await.unwrap();
            name
        });
        // The second one gets every chance to read what is still the old name.
        for _ in 0..200 {
            tokio::task::yield_now().await;
        }
        first.put_operator(&OperatorRow { name: "Renamed".to_owned(), ..row }).await.unwrap();
        first.commit_housekeeping(step("agent-7")).await.unwrap();
        assert_eq!(second.await.unwrap(), "Renamed");
    }

    async fn operators_are_written_and_read_back_whole(world: &World) {
        let row = operator("agent-7");
        put(world, &row).await;
        let mut read = world.app.store.read().await.unwrap();
        let back = read.operator(&"agent-7".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(format!("{back:?}"), format!("{:?}", OperatorRow { version: 1, ..row.clone() }));
        assert_eq!(back.roles().unwrap(), [Role::HotlineAgent, Role::Auditor]);
        assert!(read.operator(&"nobody-here".parse().unwrap()).await.unwrap().is_none());

        let mut tx = world.app.store.write().await.unwrap();
        let found = tx.operator_enrolling(&[0xff; 32]).await.unwrap().unwrap();
        assert_eq!(found.id, "agent-7");
        assert!(tx.operator_enrolling(&[0xfe; 32]).await.unwrap().is_none());
    }

    async fn an_operator_is_put_over_the_version_that_was_read_or_not_at_all(world: &World) {
        put(world, &operator("agent-7")).await;
        for stale in [0, 2, -1] {
            let mut tx = world.app.store.write().await.unwrap();
            let refused = tx.put_operator(&OperatorRow { version: stale, name: "Stale".into(), ..operator("agent-7") }).await;
            assert!(matches!(refused, Err(StoreError::Contended)), "{stale}: {refused:?}");
        }
        put(world, &OperatorRow { version: 1, name: "Renamed".into(), ..operator("agent-7") }).await;
        let mut tx = world.app.store.write().await.unwrap();
        assert_eq!(name_of(&mut tx, "agent-7").await, "Renamed");
    }

    async fn two_operators_cannot_hold_the_same_enrolment_code(world: &World) {
        put(world, &operator("agent-7")).await;
        let mut tx = world.app.store.write().await.unwrap();
        let refused = tx.put_operator(&operator("agent-8")).await;
        assert!(matches!(refused, Err(StoreError::Unique)), "{refused:?}");
        drop(tx);
        put(world, &OperatorRow { enrolment_mac: None, ..operator("agent-8") }).await;
        put(world, &OperatorRow { enrolment_mac: None, ..operator("agent-9") }).await;
    }

    async fn a_certificate_is_found_by_what_is_shown_and_recorded_once(world: &World) {
        let mut read = world.app.store.read().await.unwrap();
        let held = read.certificates_of(HolderKind::Operator, "first-operator").await.unwrap().remove(0);
        let found = read.certificate_shown(held.fingerprint.as_ref().unwrap()).await.unwrap().unwrap();
        assert_eq!(format!("{found:?}"), format!("{held:?}"));
        assert!(read.certificate_shown(&[0; 32]).await.unwrap().is_none());
        drop(read);
        let mut tx = world.app.store.write().await.unwrap();
        let refused = tx.insert_certificate(&held).await;
        assert!(matches!(refused, Err(StoreError::Unique)), "{refused:?}");
        drop(tx);
        let mut tx = world.app.store.write().await.unwrap();
        let twin = CertificateRow { serial: "00".into(), ..held };
        let refused = tx.insert_certificate(&twin).await;
        assert!(matches!(refused, Err(StoreError::Unique)), "one fingerprint, one certificate: {refused:?}");
    }

    async fn texts_sort_by_their_bytes(world: &World) {
        for id in ["agent-b", "agent-10", "agent-9", "agenta"] {
            put(world, &OperatorRow { enrolment_mac: None, ..operator(id) }).await;
        }
        let rows = world.app.store.read().await.unwrap().operators("agent-1", 10).await.unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, ["agent-10", "agent-9", "agent-b", "agenta", "first-operator"]);
        let rows = world.app.store.read().await.unwrap().operators("agent-9", 2).await.unwrap();
        let ids: Vec<_> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(ids, ["agent-b", "agenta"]);
    }

    async fn key_generations_are_written_and_read_back_whole(world: &World) {
        let row = KeyRow {
            activate_at: Some(i64::MAX),
            retire_at: Some(i64::MIN),
            revoked_at: Some(-1),
            revoked_reason: Some("superseded".into()),
            certificate: Some((0..=255).collect()),
            ..key(world, KeyState::Published)
        };
        let mut tx = world.app.store.write().await.unwrap();
        tx.insert_key(&row).await.unwrap();
        let back = tx.key(&row.kid.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(format!("{back:?}"), format!("{row:?}"));
        let listed = tx.keys(Some(KeyPurpose::TokenSigning), Some(KeyState::Published)).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(tx.keys(Some(KeyPurpose::RootCa), None).await.unwrap().len(), 1);
        assert_eq!(tx.active_key(KeyPurpose::RootCa, "root").await.unwrap().unwrap().name, "root");
        assert!(tx.active_key(KeyPurpose::RootCa, "other").await.unwrap().is_none());
    }

    async fn a_line_of_keys_has_one_published_and_one_active_generation(world: &World) {
        let mut tx = world.app.store.write().await.unwrap();
        let refused = tx.insert_key(&key(world, KeyState::Active)).await;
        assert!(matches!(refused, Err(StoreError::Unique)), "{refused:?}");
        drop(tx);

        let mut tx = world.app.store.write().await.unwrap();
        tx.insert_key(&key(world, KeyState::Published)).await.unwrap();
        tx.insert_key(&key(world, KeyState::Retired)).await.unwrap();
        tx.insert_key(&key(world, KeyState::Retired)).await.unwrap();
        let refused = tx.insert_key(&key(world, KeyState::Published)).await;
        assert!(matches!(refused, Err(StoreError::Unique)), "{refused:?}");
    }

    async fn a_key_is_put_over_the_version_that_was_read_or_not_at_all(world: &World) {
        let mut tx = world.app.store.write().await.unwrap();
        let row = KeyRow { activate_at: Some(5), ..key(world, KeyState::Published) };
        tx.insert_key(&row).await.unwrap();
        tx.put_key(&KeyRow { activate_at: Some(7), ..row.clone() }).await.unwrap();
        let back = tx.key(&row.kid.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((back.version, back.activate_at), (row.version + 1, Some(7)));
        assert!(matches!(tx.put_key(&row).await, Err(StoreError::Contended)));
        assert!(matches!(tx.put_key_certificate(&row, b"der").await, Err(StoreError::Contended)));
        tx.put_key_certificate(&back, b"der").await.unwrap();
        let back = tx.key(&row.kid.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((back.version, back.certificate.as_deref()), (row.version + 2, Some(&b"der"[..])));
    }

    async fn a_leaf_takes_its_place_once(world: &World) {
        let mut tx = world.app.store.write().await.unwrap();
        let waiting = tx.waiting_entries(1).await.unwrap().remove(0);
        let unknown = [&waiting.id[..], &[0; 16]];
        assert!(matches!(tx.set_leaf_indexes(&unknown, 7).await, Err(StoreError::Contended)), "one of two does not wait");
        drop(tx);
        let mut tx = world.app.store.write().await.unwrap();
        tx.set_leaf_indexes(&[&waiting.id], 0).await.unwrap();
        assert!(matches!(tx.set_leaf_indexes(&[&waiting.id], 1).await, Err(StoreError::Contended)));
        assert!(matches!(tx.set_leaf_indexes(&[&[0; 16]], 1).await, Err(StoreError::Contended)));
        drop(tx);
        assert_eq!(world.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NOT NULL").await, 0);
    }

    async fn two_entries_cannot_have_one_place_nor_two_checkpoints_one_size(world: &World) {
        put(world, &operator("agent-7")).await;
        let mut tx = world.app.store.write().await.unwrap();
        let waiting = tx.waiting_entries(2).await.unwrap();
        tx.set_leaf_indexes(&[&waiting[0].id], 0).await.unwrap();
        assert!(matches!(tx.set_leaf_indexes(&[&waiting[1].id], 0).await, Err(StoreError::Unique)));
        drop(tx);

        let row = CheckpointRow { tree_size: 7, root: vec![1; 32], frontier: vec![2; 40], note: "note\n\n— x y\n".into() };
        let mut tx = world.app.store.write().await.unwrap();
        tx.insert_checkpoint(&row, world.clock.now()).await.unwrap();
        let back = tx.last_checkpoint().await.unwrap().unwrap();
        assert_eq!((back.tree_size, &back.root, &back.frontier, &back.note), (7, &row.root, &row.frontier, &row.note));
        assert_eq!(tx.checkpoint_covering(6).await.unwrap(), Some(7));
        assert_eq!(tx.checkpoint_covering(7).await.unwrap(), None);
        assert_eq!((tx.checkpoints(6, 5).await.unwrap().len(), tx.checkpoints(7, 5).await.unwrap().len()), (1, 0));
        assert!(matches!(tx.insert_checkpoint(&row, world.clock.now()).await, Err(StoreError::Unique)));
    }

    async fn an_outbox_message_is_claimed_by_one_worker_and_its_outcome_kept(world: &World) {
        let now = world.clock.now();
        let minute = Duration::from_mins(1);
        let mut tx = world.app.store.write().await.unwrap();
        for id in 1..=3_u128 {
            tx.enqueue(uuid::Uuid::from_u128(id), "account.suspended", &format!("party-{id}"), "A0000000001", r#"{"v":1}"#, now).await.unwrap();
        }
        let twice = tx.enqueue(uuid::Uuid::from_u128(1), "account.suspended", "party-1", "A0000000001", "{}", now).await;
        assert!(matches!(twice, Err(StoreError::Unique)), "{twice:?}");
        drop(tx);
        let mut tx = world.app.store.write().await.unwrap();
        for id in 1..=3_u128 {
            tx.enqueue(uuid::Uuid::from_u128(id), "account.suspended", &format!("party-{id}"), "A0000000001", r#"{"v":1}"#, now).await.unwrap();
        }
        tx.commit_housekeeping(step("enqueue")).await.unwrap();
        assert_eq!(world.app.store.read().await.unwrap().outbox_pending().await.unwrap(), (3, Some(now.micros())));

        let mut tx = world.app.store.write().await.unwrap();
        assert!(tx.claim_due(now.minus(Duration::from_micros(1)), minute, 10, 5).await.unwrap().is_empty(), "not due yet");
        let claimed = tx.claim_due(now, minute, 2, 5).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Deliver).await.unwrap();
        assert_eq!(claimed.len(), 2);

        let mut tx = world.app.store.write().await.unwrap();
        let rest = tx.claim_due(now, minute, 10, 5).await.unwrap();
        assert_eq!(rest.len(), 1, "what another worker holds is not claimed again");
        tx.commit_housekeeping(Housekeeping::Deliver).await.unwrap();
        let mut tx = world.app.store.write().await.unwrap();
        assert!(tx.claim_due(now, minute, 10, 5).await.unwrap().is_empty());
        assert_eq!(tx.claim_due(now.plus(minute), minute, 10, 5).await.unwrap().len(), 3, "a worker that died holds it for a while only");
        drop(tx);

        let again = Delivery::Again { at: now.plus(minute * 5), error: "no route to host".into() };
        let failed = Delivery::Failed { error: "given up".into() };
        for (row, outcome) in claimed.iter().chain(&rest).zip([&Delivery::Acknowledged, &again, &failed]) {
            let mut tx = world.app.store.write().await.unwrap();
            let taken_over = server::store::OutboxRow { attempts: row.attempts - 1, ..row.clone() };
            assert!(!tx.note_delivery(&taken_over, outcome, now).await.unwrap(), "whoever held it before has no word in it");
            assert!(tx.note_delivery(row, outcome, now).await.unwrap());
            tx.commit_housekeeping(Housekeeping::Deliver).await.unwrap();
        }
        let mut told: Vec<_> = world.app.store.read().await.unwrap().outbox_about("A0000000001").await.unwrap();
        told.sort_by(|a, b| a.state.cmp(&b.state));
        let told: Vec<_> = told.iter().map(|row| (row.state.as_str(), row.last_error.as_deref(), row.attempts)).collect();
        assert_eq!(told, [("acknowledged", None, 1), ("failed", Some("given up"), 1), ("pending", Some("no route to host"), 1)]);
        assert_eq!(world.app.store.read().await.unwrap().outbox_pending().await.unwrap(), (1, Some(now.plus(minute * 5).micros())));
    }

    async fn one_receiver_has_a_part_of_a_batch_and_leaves_the_rest_to_others(world: &World) {
        let (now, minute) = (world.clock.now(), Duration::from_mins(1));
        let mut tx = world.app.store.write().await.unwrap();
        for (id, receiver) in (0_u128..).zip(["slow", "slow", "slow", "slow", "quick", "slow", "other"]) {
            tx.enqueue(uuid::Uuid::from_u128(id), "login.ended", receiver, "A0000000001", "{}", now).await.unwrap();
        }
        let mut claims = Vec::new();
        for _ in 0..4 {
            let claimed = tx.claim_due(now, minute, 10, 2).await.unwrap();
            let mut receivers: Vec<String> = claimed.into_iter().map(|row| row.receiver).collect();
            receivers.sort();
            claims.push(receivers.join(" "));
        }
        assert_eq!(claims, ["other quick slow slow", "slow slow", "slow", ""]);
        tx.rollback().await.unwrap();
    }

    async fn two_workers_at_once_claim_a_message_once(world: &World) {
        let now = world.clock.now();
        let mut tx = world.app.store.write().await.unwrap();
        for id in 1..=40_u128 {
            tx.enqueue(uuid::Uuid::from_u128(id), "account.suspended", "party-1", "A0000000001", "{}", now).await.unwrap();
        }
        tx.commit_housekeeping(step("enqueue")).await.unwrap();
        let other = world.another_node().await;
        let (claim, claim_too) = (async |app: &server::app::App| {
            let mut tx = app.store.write().await.unwrap();
            let claimed = tx.claim_due(now, Duration::from_mins(1), 50, 50).await.unwrap();
            tx.commit_housekeeping(Housekeeping::Deliver).await.unwrap();
            claimed.len()
        }, &other);
        let (one, two) = tokio::join!(claim(&world.app), claim(claim_too));
        assert_eq!(one + two, 40);
        assert_eq!(world.number("SELECT CAST(MAX(attempts) AS BIGINT) FROM outbox").await, 1);
        other.store.engine().close().await;
    }

    async fn the_schema_is_brought_up_once_and_says_its_version(world: &World) {
        let engine = world.app.store.engine();
        let schema = engine.schema().await.unwrap();
        assert_eq!(schema.applied, schema.known);
        engine.migrate().await.unwrap();
        assert_eq!(engine.schema().await.unwrap(), schema);
    }
}
