//! Somebody with the database in their hands, and the auditor's own commands: export and verification see it.

use std::time::Duration;

use serde_json::Value;
use tests::daemon::{Daemon, Running};

use crate::on_both;

/// A server whose log holds some entries under several checkpoints.
async fn a_sealed_log(daemon: &Daemon) -> Running {
    let running = daemon.serves();
    for number in 0..4 {
        let id = format!("agent-{number}");
        daemon.json(&["operator", "add", &id, "--name", "Duty officer", "--role", "auditor"], "");
        while daemon.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL").await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    assert_eq!(daemon.json(&["audit", "verify"], "")["ok"], true);
    running
}

/// The verdict of a command that must find something.
fn bad(daemon: &Daemon, arguments: &[&str]) -> Value {
    let output = daemon.iamctl(&[arguments, &["-o", "json"]].concat(), "");
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(verdict["ok"], false, "{verdict}");
    verdict["first_bad"].clone()
}

/// The same finding from the server and from an export, which says by itself that it is not whole.
fn both_say(daemon: &Daemon, from: i64, reason: &str) {
    let streamed = bad(daemon, &["audit", "verify"]);
    assert_eq!(streamed["from"], from, "{streamed}");
    assert!(streamed["reason"].as_str().unwrap().contains(reason), "{streamed}");

    let to = daemon.folder().join("log").display().to_string();
    let export = daemon.iamctl(&["audit", "export", "--to", &to], "");
    assert_eq!(export.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&export.stderr).contains("not whole"));
    assert_eq!(bad(daemon, &["audit", "verify", "--from", &to]), streamed);
}

on_both! {
    async fn an_auditor_follows_from_the_first_key_to_the_next(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = a_sealed_log(&daemon).await;
        let export = |name: &str| {
            let to = daemon.folder().join(name).display().to_string();
            daemon.json(&["audit", "export", "--to", &to], "");
            to
        };
        let before = export("before");
        let kept = format!("{before}/vkey");
        daemon.json(&["key", "rotate", "--purpose", "audit", "--activate", "now"], "");
        daemon.json(&["operator", "add", "agent-9", "--name", "Duty officer", "--role", "auditor"], "");
        while daemon.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL").await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let after = export("after");
        assert_eq!(std::fs::read(format!("{after}/vkey")).unwrap(), std::fs::read(&kept).unwrap());
        let announced = std::fs::read_to_string(format!("{after}/announcements/1")).unwrap();
        let new = announced.lines().nth(3).unwrap();
        for vkey in [kept.as_str(), new] {
            assert_eq!(daemon.json(&["audit", "verify", "--from", &after, "--vkey", vkey], "")["ok"], true, "{vkey}");
            assert_eq!(daemon.json(&["audit", "verify", "--vkey", vkey], "")["ok"], true, "{vkey}");
        }
        // Nobody has announced the key in an export that says nothing of it: the new one is no stranger's, and counts as such.
        std::fs::remove_dir_all(format!("{after}/announcements")).unwrap();
        let refused = bad(&daemon, &["audit", "verify", "--from", &after, "--vkey", new]);
        assert!(refused["reason"].as_str().unwrap().contains("which no trusted key has announced"), "{refused}");
    }

    async fn an_auditor_brings_the_root_by_which_time_stamps_verify(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = a_sealed_log(&daemon).await;
        while daemon.number("SELECT COUNT(*) FROM audit_stamp").await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let to = daemon.folder().join("export").display().to_string();
        daemon.json(&["audit", "export", "--to", &to], "");
        let kept = daemon.folder().join("kept-root.crt").display().to_string();
        std::fs::rename(format!("{to}/stamps/root.crt"), &kept).unwrap();
        let reason = bad(&daemon, &["audit", "verify", "--from", &to])["reason"].to_string();
        assert!(reason.contains("stamps/root.crt holds no certificate"), "{reason}");
        let output = daemon.iamctl(&["audit", "verify", "--from", &to, "--root", &kept], "");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && told.contains("; by the root that was kept"), "{told}");
        let garbage = format!("{to}/vkey");
        for (arguments, code) in [(["--from", &to, "--root", &garbage].as_slice(), "audit.root"), (&["--root", &kept], "usage.")] {
            let output = daemon.iamctl(&[&["audit", "verify", "-o", "json"], arguments].concat(), "");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.code() == Some(2) && told.contains(code), "{told}");
        }
    }

    async fn an_entry_behind_the_last_checkpoint_shows(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = a_sealed_log(&daemon).await;
        let end = daemon.number("SELECT COUNT(*) FROM audit_entry").await;
        // With a gap before it, so that the sealer does not stumble over it.
        let put = "INSERT INTO audit_entry (id, leaf, leaf_index, at, operator, action, subject, outcome)
                   SELECT leaf, leaf, leaf_index + 1000, at, operator, action, subject, outcome FROM audit_entry WHERE leaf_index = 2";
        assert_eq!(daemon.tampers(put).await, 1);
        both_say(&daemon, end, "no signature covers");
    }

    async fn checkpoints_that_were_taken_away_show(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = a_sealed_log(&daemon).await;
        assert_eq!(daemon.tampers("DELETE FROM audit_checkpoint WHERE tree_size = (SELECT MAX(tree_size) FROM audit_checkpoint)").await, 1);
        let left = daemon.number("SELECT MAX(tree_size) FROM audit_checkpoint").await;
        both_say(&daemon, left, "no signature covers");
    }
}
