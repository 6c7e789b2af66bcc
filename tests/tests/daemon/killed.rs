//! `kill -9` at the worst moment: what was acknowledged is kept, what was not is whole or not there, and the log verifies.

use std::collections::BTreeMap;
use std::fs;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::account::{ListAccounts, SuspendAccount};
use client::{CallOptions, Connection};
use domain::{AccountId, AccountState, SuspensionReason};
use serde_json::Value;
use tests::daemon::Daemon;
use tests::fixtures::registrations;

use crate::on_both;

const ROWS: u32 = 12_000;

/// Waits until the database holds that many rows, and gives how many it holds.
pub(super) async fn holds(daemon: &Daemon, sql: &'static str, at_least: i64) -> i64 {
    loop {
        let count = daemon.number(sql).await;
        if count >= at_least {
            return count;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The audit log, exported and verified by the command line; the entries of one action, by subject.
pub(super) fn verified(daemon: &Daemon, action: &str) -> BTreeMap<String, u32> {
    let folder = tempfile::Builder::new().prefix("export-").tempdir_in(daemon.folder()).unwrap().keep();
    let to = folder.join("log").display().to_string();
    daemon.json(&["audit", "export", "--to", &to], "");
    let verdict = daemon.json(&["audit", "verify", "--from", &to], "");
    assert_eq!(verdict["ok"], true, "{verdict}");
    let mut subjects = BTreeMap::new();
    for file in ["entries.jsonl", "unsealed.jsonl"] {
        for line in fs::read_to_string(folder.join("log").join(file)).unwrap().lines() {
            let leaf: Value = serde_json::from_str(line).unwrap();
            if leaf["action"] == action && leaf["outcome"] == "done" {
                *subjects.entry(leaf["subject"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
    }
    subjects
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

on_both! {
    async fn an_import_that_is_cut_off_goes_on_where_it_stopped(engine: Engine) {
        let daemon = Arc::new(Daemon::new(engine).await);
        let file = daemon.folder().join("people.jsonl");
        fs::write(&file, registrations(ROWS)).unwrap();
        let file = file.display().to_string();

        // Killed before the first batch, within the second, within the third.
        for at_least in [0, 1, 5_001] {
            let running = daemon.serves();
            let importing = {
                let (daemon, file) = (Arc::clone(&daemon), file.clone());
                tokio::task::spawn_blocking(move || daemon.iamctl(&["account", "import", "-f", &file, "-o", "json"], ""))
            };
            holds(&daemon, "SELECT COUNT(*) FROM account", at_least).await;
            running.is_killed();
            let cut_off = importing.await.unwrap();
            let count = daemon.number("SELECT COUNT(*) FROM account").await;
            // Two are on their way at once: the short third may come in before the second.
            assert!(matches!(count, 0 | 5_000 | 7_000 | 10_000 | 12_000), "a batch is there whole or not at all: {count}");
            if count < i64::from(ROWS) {
                assert_eq!(cut_off.status.code(), Some(9), "{}", told(&cut_off));
            }
        }

        let mut running = daemon.serves();
        let done = daemon.json(&["account", "import", "-f", &file], "");
        assert_eq!((done["rows"].as_u64(), done["refused"].as_u64()), (Some(u64::from(ROWS)), Some(0)), "{done}");
        assert_eq!(daemon.number("SELECT COUNT(*) FROM account").await, i64::from(ROWS));
        let registered = "SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM account_daily WHERE kind = 1";
        let waiting = "SELECT COUNT(*) FROM account_event_inbox";
        while daemon.number(waiting).await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(daemon.number(registered).await, i64::from(ROWS), "each registration is counted once");
        let batches = verified(&daemon, "account.import");
        assert_eq!(batches.len(), 3, "{batches:?}");
        assert!(batches.values().all(|entries| *entries == 1), "one entry a batch: {batches:?}");
        assert!(running.stops().success());
    }

    async fn no_suspension_that_was_acknowledged_is_lost_and_none_is_doubled(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let running = daemon.serves();
        let file = daemon.folder().join("people.jsonl");
        fs::write(&file, registrations(300)).unwrap();
        daemon.json(&["account", "import", "-f", &file.display().to_string()], "");
        let accounts = everybody(&daemon.connects()).await;
        assert_eq!(accounts.len(), 300);

        let mut acknowledged = BTreeMap::new();
        let mut running = Some(running);
        let suspended = "SELECT COUNT(*) FROM account WHERE state = 'suspended'";
        for round in 1..=3_i64 {
            let current = running.take().unwrap();
            let dead = Arc::new(AtomicBool::new(false));
            let mut agents = tokio::task::JoinSet::new();
            for part in accounts.chunks(accounts.len() / 8 + 1) {
                let (connection, part, dead) = (daemon.connects(), part.to_vec(), Arc::clone(&dead));
                agents.spawn(async move {
                    let mut told = Vec::new();
                    for account in part {
                        if dead.load(Ordering::SeqCst) {
                            break;
                        }
                        if suspend(&connection, account).await {
                            told.push(account);
                        }
                    }
                    told
                });
            }
            holds(&daemon, suspended, (round - 1) * 60 + 20).await;
            current.is_killed();
            dead.store(true, Ordering::SeqCst);
            for account in agents.join_all().await.into_iter().flatten() {
                acknowledged.insert(account, round);
            }
            running = Some(daemon.serves());
            let standing = states(&daemon.connects()).await;
            for (account, round) in &acknowledged {
                assert_eq!(standing[account], AccountState::Suspended, "acknowledged in round {round} and lost");
            }
        }

        // The same requests once more: what had been done without an answer is answered, the rest is done.
        let connection = daemon.connects();
        for account in &accounts {
            assert!(suspend(&connection, *account).await);
        }
        assert_eq!(daemon.number(suspended).await, 300);
        let entries = verified(&daemon, "account.suspend");
        assert_eq!(entries.len(), 300, "each has its entry");
        assert!(entries.values().all(|count| *count == 1), "and none has two: {entries:?}");
        assert!(running.unwrap().stops().success());
    }

    async fn a_rotation_of_the_key_encryption_key_goes_on_after_every_kill_and_loses_no_key(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = Some(daemon.serves());
        let file = daemon.folder().join("people.jsonl");
        fs::write(&file, registrations(6_000)).unwrap();
        daemon.json(&["account", "import", "-f", &file.display().to_string()], "");
        daemon.json(&["key", "rotate", "--purpose", "data", "--activate", "now"], "");

        let under_the_new_one = "SELECT COUNT(*) FROM account WHERE kek_id = (SELECT kek_id FROM instance)";
        for (sql, at_least) in [
            // In the database, and perhaps in the key file.
            ("SELECT COUNT(*) FROM key_generation WHERE purpose = 'data'", 2),
            // In the key file, and nothing lies under it.
            ("SELECT COUNT(*) FROM node WHERE kek_ids LIKE '% %'", 1),
            // It has taken over, and nothing, a part, all is brought over.
            ("SELECT COUNT(*) FROM key_generation WHERE purpose = 'data' AND state = 'draining'", 1),
            (under_the_new_one, 1),
            (under_the_new_one, 3_000),
            (under_the_new_one, 6_000),
        ] {
            holds(&daemon, sql, at_least).await;
            running.take().unwrap().is_killed();
            let active = "SELECT COUNT(*) FROM key_generation WHERE purpose = 'data' AND state = 'active'";
            assert_eq!(daemon.number(active).await, 1, "killed at {sql} {at_least}");
            // A dead node counts as there for a quarter of an hour.
            daemon.tampers("DELETE FROM node").await;
            running = Some(daemon.serves());
        }
        let elsewhere = "SELECT COUNT(*) FROM key_generation
            WHERE purpose <> 'data' AND private_sealed IS NOT NULL AND kek_id <> (SELECT kek_id FROM instance)";
        assert_eq!((daemon.number(under_the_new_one).await, daemon.number(elsewhere).await), (6_000, 0));
        // Both are held for as long as the old one drains, and everybody is found by what lies under the new one.
        assert_eq!(server::data_dir::read_key(&daemon.data_dir.join(server::data_dir::KEY_FILE)).unwrap().ids().len(), 2);
        assert_eq!(everybody(&daemon.connects()).await.len(), 6_000);
        assert_eq!(verified(&daemon, "key.activate").values().sum::<u32>(), 1, "it took over once");
        assert!(running.unwrap().stops().success());
    }
}

/// Suspends under a key of the account's own, as a client that repeats does; whether it was acknowledged.
async fn suspend(connection: &Connection, account: AccountId) -> bool {
    let op = SuspendAccount { account, reason: SuspensionReason::LostDevice, call: None, note: None };
    let options = CallOptions { idempotency_key: Some(format!("suspend-{account}")), ..CallOptions::default() };
    connection.call(&op, &options).await.is_ok()
}

async fn states(connection: &Connection) -> BTreeMap<AccountId, AccountState> {
    let list = connection.list_all(ListAccounts::default(), &CallOptions::default(), None).await.unwrap();
    list.into_iter().map(|account| (account.account, account.state)).collect()
}

pub(super) async fn everybody(connection: &Connection) -> Vec<AccountId> {
    states(connection).await.into_keys().collect()
}
