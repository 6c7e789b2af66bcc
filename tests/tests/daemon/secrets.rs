//! Personal data and secrets are nowhere in the clear, and the process leaves nothing behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tests::daemon::Daemon;
use tests::fixtures::registrations;

use crate::on_both;

/// Every file below a folder, with its bytes.
pub(super) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    files
}

pub(super) fn holds(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

on_both! {
    async fn neither_database_nor_log_nor_metrics_hold_what_a_citizen_told(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        let file = daemon.folder().join("people.jsonl");
        fs::write(&file, registrations(50)).unwrap();
        daemon.json(&["account", "import", "-f", &file.display().to_string()], "");
        let call = daemon.json(&["hotline", "open"], "")["call"].as_str().unwrap().to_owned();
        let hkic = domain::Hkic::synthetic(7).unwrap();
        let found = daemon.json(&["hotline", "find", "--call", &call, "--hkic", "-"], &format!("{}\n", hkic.expose()));
        let account = found[0]["account"].as_str().unwrap().to_owned();
        let suspend = ["hotline", "suspend", &account, "--call", &call, "--reason", "other", "--note", "the caller wept bitterly"];
        daemon.json(&suspend, "");
        // A malformed number must not come back in an error or a log either.
        let refused = daemon.iamctl(&["hotline", "find", "--call", &call, "--hkic", "-"], "QA000007(1)\n");
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(!holds(&refused.stderr, "QA000007"), "{}", String::from_utf8_lossy(&refused.stderr));

        let body = hkic.expose().split('(').next().unwrap().to_owned();
        let canaries = [body.as_str(), "CHAN TAI", "陳大文", "90000007", "wept bitterly"];
        let log = running.log().join("\n");
        for canary in canaries {
            assert!(!holds(log.as_bytes(), canary), "the log holds {canary}");
        }
        fs::remove_file(&file).unwrap();
        for (path, bytes) in files(&daemon.data_dir) {
            for canary in canaries {
                assert!(!holds(&bytes, canary), "{path} holds {canary}");
            }
        }
        if let Some(database) = &daemon.database {
            for table in ["account", "account_note", "audit_entry", "idempotency", "outbox", "account_event_inbox"] {
                let sql = format!("SELECT COALESCE(string_agg(CAST(row AS TEXT), ' '), '') FROM {table} AS row");
                let pool = tests::world::postgres::connect(&database.url()).await;
                let text: String = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&pool).await.unwrap();
                for canary in canaries {
                    let hex = server::keys::hex(canary.as_bytes());
                    assert!(!text.contains(canary) && !text.contains(&hex), "{table} holds {canary}");
                }
            }
        }
        assert!(running.stops().success());
    }
}

#[test]
fn what_the_server_writes_is_its_owners_alone_and_it_dumps_no_core() {
    crate::on(tests::Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        daemon.json(&["whoami"], "");
        for entry in fs::read_dir(&daemon.data_dir).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o077;
            assert_eq!(mode, 0, "others get at {}", path.display());
        }
        let limits = fs::read_to_string(format!("/proc/{}/limits", running.child.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert!(core.split_whitespace().filter(|word| *word == "0").count() >= 2, "{core}");
        let mut arguments = fs::read_to_string(format!("/proc/{}/cmdline", running.child.id())).unwrap();
        arguments.make_ascii_lowercase();
        assert!(!arguments.contains("postgres"), "a password would be in the process list");
        assert!(running.stops().success());
    });
}
