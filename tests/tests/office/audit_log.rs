//! Everything that was done and everything that was refused, in a tree that an auditor verifies alone.

use std::time::Duration;

use api::Role;
use api::account::SuspendAccount;
use api::audit::{EntryName, ExportAudit, ListAudit, ListCheckpoints, ShowAudit, Unplaced, UnsealedAudit};
use api::hotline::OpenCall;
use api::operator::{AddOperator, DisableOperator};
use api::relying_party::ApplyParties;
use domain::Clock;
use serde_json::json;
use tests::World;
use tests::both_engines;

fn add(id: &str) -> AddOperator {
    AddOperator { id: id.parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::Auditor] }
}

/// Entries that were there before, written past the store by the thousand.
async fn entries_by_the_thousand(world: &World, count: u32) {
    for chunk in (0..count).collect::<Vec<_>>().chunks(500) {
        let rows: Vec<String> = chunk.iter().map(|number| row(world, *number)).collect();
        world.execute(&format!("{INSERT} {}", rows.join(", "))).await;
    }
}

/// An entry as a row, past the store: its id, its leaf and the digest over both belong together.
fn row(world: &World, number: u32) -> String {
    let at = world.clock.now();
    let literal = |bytes: &[u8]| {
        let hex = server::keys::hex(bytes);
        match world.engine {
            tests::Engine::Sqlite => format!("x'{hex}'"),
            tests::Engine::Postgres => format!("'\\x{hex}'"),
        }
    };
    let id = domain::AuditId::from_bytes(&[&[0; 12][..], &number.to_be_bytes()].concat()).unwrap();
    let leaf = json!({
        "v": 1, "id": id, "at": at, "instance": world.app.instance, "environment": "sandbox",
        "actor": { "kind": "operator", "id": "agent-7", "certificate": null }, "action": "account.show",
        "subject": format!("entry {number}"), "outcome": "done", "call": null, "request_id": null, "payload_mac": null, "facts": null,
    });
    let leaf = leaf.to_string();
    let mac = literal(&world.app.keys.entry_mac(id.as_bytes(), leaf.as_bytes()).unwrap());
    let (id, leaf) = (literal(&id.as_bytes()[..]), literal(leaf.as_bytes()));
    format!("({id}, {leaf}, {mac}, {}, 'agent-7', 'account.show', 'entry {number}', 'done')", at.micros())
}

const INSERT: &str = "INSERT INTO audit_entry (id, leaf, mac, at, operator, action, subject, outcome) VALUES";

/// Only PostgreSQL has two writers at once: on SQLite nothing can commit late.
#[test]
fn an_entry_that_commits_late_is_sealed_later_and_breaks_nothing() {
    tests::world::run(tests::Engine::Postgres, tests::Setup::default(), async |world| {
        let slow = tests::world::postgres::connect(&world.database.as_ref().unwrap().url()).await;
        let mut late = slow.begin().await.unwrap();
        // It has its id, its date and its row before the others, and its commit after them.
        let insert = format!("{INSERT} {}", row(world, 1));
        sqlx::raw_sql(sqlx::AssertSqlSafe(insert)).execute(&mut *late).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        world.first().call(&add("agent-7")).await.unwrap();
        world.seal().await;
        let sealed = "SELECT subject FROM audit_entry WHERE leaf_index IS NOT NULL ORDER BY leaf_index DESC LIMIT 1";
        assert_eq!(world.texts(sealed).await, ["agent-7"]);
        assert_eq!(world.seal().await, 0, "nothing that is seen waits");

        late.commit().await.unwrap();
        slow.close().await;
        assert_eq!(world.seal().await, 1, "it is not lost");
        assert_eq!(world.texts(sealed).await, ["entry 1"]);
        let verdict = world.export().await.verdict(None);
        assert!(verdict.ok, "{verdict:?}");
    });
}

both_engines! {
    // The published format shows entries as they are: same fields, same facts, in the same order.
    async fn the_example_of_the_format_is_what_the_program_writes(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_remotely().await;
        let agent = world.operator("agent-1", &[Role::HotlineAgent]).await;
        let call = agent.call(&OpenCall {}).await.unwrap().call;
        let reason = domain::SuspensionReason::LostDevice;
        agent.call(&SuspendAccount { account: citizen.account, reason, call: Some(call), note: None }).await.unwrap();
        world.first().call(&ApplyParties { manifests: vec![tests::fixtures::party("hospital-authority")] }).await.unwrap();
        let written = world.leaves().await;
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect()
        };
        let format = include_str!("../../../server/AUDIT-FORMAT.md");
        for action in ["hotline.open", "account.suspend", "rp.apply"] {
            let shown = format.lines().find(|line| line.contains(&format!(r#""action":"{action}""#))).unwrap();
            let shown: serde_json::Value = serde_json::from_str(shown).unwrap();
            let leaf = written.iter().find(|leaf| leaf["action"] == action).unwrap();
            assert_eq!((keys(&shown), keys(&shown["facts"])), (keys(leaf), keys(&leaf["facts"])), "{action}");
        }
    }

    async fn each_write_and_each_refusal_has_one_entry_and_a_plain_read_has_none(world: &World) {
        let desk = world.operator("administrator-2", &[Role::Administrator]).await;
        let before = world.leaves().await.len();
        world.clock.ticks();
        desk.call(&add("agent-7")).await.unwrap();
        world.clock.ticks();
        desk.call(&DisableOperator { operator: "nobody-here".parse().unwrap() }).await.unwrap_err();
        world.clock.ticks();
        desk.post("operator.list", "{}").await.reply.unwrap();
        desk.under("a-key-0001").post("operator.add", "{}").await.reply.unwrap_err();
        desk.post("key.list", "{}").await.reply.unwrap();
        desk.post("audit.export", r#"{"from":0,"limit":1}"#).await.reply.unwrap_err();

        let told: Vec<_> = world.leaves().await[before..]
            .iter()
            .map(|leaf| [&leaf["action"], &leaf["outcome"], &leaf["subject"], &leaf["facts"]["code"]].map(|word| word.as_str().unwrap_or_default().to_owned()))
            .collect();
        assert_eq!(told, [
            ["operator.add", "done", "agent-7", ""],
            ["operator.disable", "refused", "nobody-here", "operator.not-found"],
            // A body that is no request was refused before anything was asked; nothing about it is worth a line.
            ["audit.export", "refused", "", "auth.role"],
        ]);
    }

    async fn an_entry_says_who_what_when_and_under_which_request(world: &World) {
        let desk = world.operator("administrator-2", &[Role::Administrator]).await;
        world.clock.ticks();
        let answer = desk.ask(&add("agent-7")).await;
        let leaf = world.leaves().await.pop().unwrap();
        let certificate = world.badge("administrator-2").peer.0.unwrap().serial.clone();
        assert_eq!(leaf["v"], 1);
        assert_eq!(leaf["instance"], world.app.instance);
        assert_eq!(leaf["environment"], "sandbox");
        assert_eq!(leaf["actor"], json!({ "kind": "operator", "id": "administrator-2", "certificate": certificate }));
        assert_eq!(leaf["at"], world.clock.now().to_string());
        assert_eq!(leaf["request_id"], answer.request_id());
        assert_eq!(leaf["payload_mac"].as_str().unwrap().len(), 64);
        assert_eq!(leaf["facts"], json!({ "roles": ["auditor"], "was": null }));
        assert!(!leaf.to_string().contains(&answer.reply.unwrap().code.unwrap()));
    }

    async fn the_digest_of_a_body_is_keyed(world: &World) {
        world.clock.ticks();
        world.first().under("a-key-0001").call(&add("agent-7")).await.unwrap();
        let body = serde_json::to_vec(&add("agent-7")).unwrap();
        let plain = server::keys::hex(&openssl::sha::sha256(&body));
        let leaf = world.leaves().await.pop().unwrap();
        assert_ne!(leaf["payload_mac"], plain, "a plain digest of a card number could be guessed");
        assert_eq!(leaf["payload_mac"], world.app.keys.payload_mac(&body).unwrap());
    }

    async fn entries_have_no_index_until_they_are_sealed(world: &World) {
        world.clock.ticks();
        world.first().call(&add("agent-7")).await.unwrap();
        let newest = async || world.first().call(&ListAudit::default()).await.unwrap().items.remove(0);
        let entry = newest().await;
        assert_eq!((entry.index, entry.action.as_str()), (None, "operator.add"));
        assert!(world.first().call(&ShowAudit { id: entry.id.into() }).await.unwrap().tree_size.is_none());

        let sealed = u64::try_from(world.seal().await).unwrap();
        assert_eq!(newest().await.index, Some(sealed - 1));
        let shown = world.first().call(&ShowAudit { id: entry.id.into() }).await.unwrap();
        assert_eq!(shown.tree_size, Some(sealed));
        assert_eq!(shown.leaf["subject"], "agent-7");
        assert_eq!(world.first().call(&ShowAudit { id: EntryName::Leaf(sealed - 1) }).await.unwrap(), shown);
        let later = world.first().call(&ShowAudit { id: EntryName::Leaf(sealed) }).await.unwrap_err();
        assert_eq!(later.code, "audit-entry.not-found");
        assert_eq!(world.seal().await, 0, "nothing waits, so no checkpoint is signed");
    }

    async fn five_thousand_entries_are_sealed_in_their_order_and_verify(world: &World) {
        entries_by_the_thousand(world, 5_000).await;
        assert!(world.seal().await >= 5_000);
        let export = world.export().await;
        let verdict = export.verdict(None);
        assert!(verdict.ok, "{verdict:?}");
        assert!(verdict.checkpoints >= 3, "a batch is a transaction of its own");
        assert_eq!(verdict.entries, verdict.tree_size);
        let subjects: Vec<String> = world.texts("SELECT subject FROM audit_entry WHERE operator = 'agent-7' ORDER BY leaf_index").await;
        assert!(subjects.iter().enumerate().all(|(number, subject)| *subject == format!("entry {number}")));
    }

    async fn what_is_not_sealed_yet_is_exported_whole(world: &World) {
        entries_by_the_thousand(world, 5_003).await;
        let unsealed = client::audit_log::unplaced(&world.first(), Unplaced::Waiting).await.unwrap();
        let waiting = world.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL").await;
        assert!(waiting > 5_000 && unsealed.len() == usize::try_from(waiting).unwrap(), "{} of {waiting}", unsealed.len());
        let distinct: std::collections::HashSet<&String> = unsealed.iter().collect();
        assert_eq!(distinct.len(), unsealed.len());
    }

    async fn the_tree_grows_and_every_checkpoint_stays_good(world: &World) {
        for number in 0..20 {
            world.first().call(&add(&format!("agent-{number}"))).await.unwrap();
            world.seal().await;
            world.clock.advance(Duration::from_secs(1));
        }
        let export = world.export().await;
        let verdict = export.verdict(None);
        assert!(verdict.ok);
        assert_eq!(verdict.checkpoints, 20);
        for checkpoint in &export.checkpoints {
            assert!(export.verdict(Some(&checkpoint.note)).ok, "kept at {}", checkpoint.tree_size);
        }
    }

    async fn an_entry_dated_before_what_is_sealed_is_sealed_behind_it(world: &World) {
        world.first().call(&add("agent-7")).await.unwrap();
        world.seal().await;
        world.clock.turn_back(Duration::from_secs(30));
        world.first().call(&add("agent-8")).await.unwrap();
        world.seal().await;
        let newest = world.texts("SELECT subject FROM audit_entry WHERE leaf_index IS NOT NULL ORDER BY leaf_index DESC LIMIT 1").await;
        assert_eq!(newest, ["agent-8"], "older by its date, later in the tree");
    }

    async fn what_an_auditor_exports_is_what_was_sealed(world: &World) {
        let auditor = world.operator("auditor-1", &[Role::Auditor]).await;
        for number in 0..7 {
            world.first().call(&add(&format!("agent-{number}"))).await.unwrap();
            if number % 3 == 0 {
                world.seal().await;
            }
        }
        let mut leaves = Vec::new();
        let mut from = Some(0);
        while let Some(at) = from {
            let page = auditor.call(&ExportAudit { from: at, limit: 3 }).await.unwrap();
            leaves.extend(page.leaves);
            from = page.next;
        }
        let mut checkpoints = Vec::new();
        let mut after = Some(0);
        let mut vkey = String::new();
        while let Some(at) = after {
            let page = auditor.call(&ListCheckpoints { after: at, limit: 1 }).await.unwrap();
            checkpoints.extend(page.checkpoints);
            (vkey, after) = (page.vkey, page.next);
        }
        let export = world.export().await;
        let entries: Vec<String> = export.entries.iter().map(|leaf| String::from_utf8(leaf.clone()).unwrap()).collect();
        assert_eq!(leaves, entries);
        assert_eq!(checkpoints.len(), export.checkpoints.len());
        assert_eq!(vkey, export.vkey.to_string());
        assert!(vkey.starts_with(&format!("iam-audit-{}+", world.app.instance)));

        let unsealed = auditor.call(&UnsealedAudit::default()).await.unwrap().leaves;
        assert_eq!(unsealed.len() + leaves.len(), world.leaves().await.len());
        assert_eq!(auditor.call(&ExportAudit { from: 1_000_000, limit: 3 }).await.unwrap().leaves, Vec::<String>::new());
        assert_eq!(auditor.call(&ExportAudit { from: u64::MAX, limit: u32::MAX }).await.unwrap().next, None);
    }

    async fn the_log_is_searched_by_operator_action_subject_outcome_and_time(world: &World) {
        let desk = world.operator("administrator-2", &[Role::Administrator]).await;
        let before = world.clock.now();
        world.clock.advance(Duration::from_mins(1));
        desk.call(&add("agent-7")).await.unwrap();
        desk.call(&DisableOperator { operator: "nobody-here".parse().unwrap() }).await.unwrap_err();
        let count = async |list: ListAudit| world.first().call(&list).await.unwrap().items.len();
        // Their own enrolment is theirs.
        assert_eq!(count(ListAudit { operator: Some("administrator-2".into()), ..ListAudit::default() }).await, 3);
        assert_eq!(count(ListAudit { action: Some("operator.disable".into()), ..ListAudit::default() }).await, 1);
        assert_eq!(count(ListAudit { subject: Some("agent-7".into()), ..ListAudit::default() }).await, 1);
        assert_eq!(count(ListAudit { outcome: Some(api::audit::AuditOutcome::Refused), ..ListAudit::default() }).await, 1);
        assert_eq!(count(ListAudit { from: Some(world.clock.now()), ..ListAudit::default() }).await, 2);
        assert_eq!(count(ListAudit { to: Some(before.plus(Duration::from_secs(1))), ..ListAudit::default() }).await, 3);

        let all = count(ListAudit::default()).await;
        let mut page = ListAudit::default();
        page.page.limit = Some(2);
        let mut seen = Vec::new();
        loop {
            let answer = world.first().call(&page).await.unwrap();
            seen.extend(answer.items.iter().map(|entry| entry.id));
            match answer.next {
                Some(next) => page.page.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen.len(), all);
        assert!(seen.windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once");
        page.page.after = Some("no id".into());
        assert_eq!(world.first().call(&page).await.unwrap_err().status, 422);
    }
}
