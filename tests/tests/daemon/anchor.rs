//! A database put in place of the one that the node knows is noticed: by what the node has written down beside it.

use std::fs;
use std::time::Duration;

use tests::Engine;
use tests::daemon::{Daemon, Running};

use crate::on_both;

const NEWEST: &str = "SELECT COALESCE(MAX(tree_size), 0) FROM audit_checkpoint";

/// Something that an auditor will find in the log, sealed.
async fn an_entry(daemon: &Daemon, id: &str) {
    daemon.json(&["operator", "add", id, "--name", "Duty officer", "--role", "auditor"], "");
    while daemon.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL").await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Why it does not serve.
fn refused(daemon: &Daemon) -> String {
    let output = daemon.iamd(&["serve", "--data-dir", &daemon.data_dir.display().to_string()]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn checked(daemon: &Daemon) -> (Option<i32>, String) {
    let output = daemon.iamd(&["check", "--data-dir", &daemon.data_dir.display().to_string()]);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// What the metrics listener answers.
fn readiness(running: &Running) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(running.metrics).unwrap();
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

on_both! {
    async fn what_a_node_has_seen_is_written_down_and_only_rises(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        assert!(running.stops().success());
        let anchor = || -> serde_json::Value {
            serde_json::from_slice(&fs::read(daemon.data_dir.join("anchor.json")).unwrap()).unwrap()
        };
        let size = daemon.number(NEWEST).await;
        let first = anchor();
        let note = first["checkpoint"].as_str().unwrap();
        assert_eq!(note.lines().nth(1).unwrap(), size.to_string(), "the newest checkpoint, to the last moment");

        let mut running = daemon.serves();
        an_entry(&daemon, "agent-2").await;
        assert!(running.stops().success());
        assert_ne!(anchor()["checkpoint"], first["checkpoint"]);
        let (code, told) = checked(&daemon);
        assert!(code == Some(0) && told.contains("ok   anchor"), "{told}");
    }

    async fn a_log_that_lost_its_end_is_not_served(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        an_entry(&daemon, "agent-2").await;
        assert!(running.stops().success());
        let seen = daemon.number(NEWEST).await;
        // As an older copy is: the newest checkpoint and what it covers are not there.
        daemon.tampers("DELETE FROM audit_checkpoint WHERE tree_size = (SELECT MAX(tree_size) FROM audit_checkpoint)").await;
        daemon.tampers("DELETE FROM audit_entry WHERE leaf_index >= (SELECT MAX(tree_size) FROM audit_checkpoint)").await;
        let here = daemon.number(NEWEST).await;

        let told = refused(&daemon);
        assert!(told.contains(&format!("the audit log has {here} of the {seen} entries seen")), "{told}");
        assert!(told.contains("anchor.json") && told.contains("an older copy"), "{told}");
        let (code, told) = checked(&daemon);
        assert!(code == Some(1) && told.contains("FAIL anchor"), "{told}");
    }

    async fn a_rewritten_log_of_the_same_length_is_not_served(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        assert!(running.stops().success());
        let forged = "UPDATE audit_checkpoint SET note = lower(note) WHERE tree_size = (SELECT MAX(tree_size) FROM audit_checkpoint)";
        assert_eq!(daemon.tampers(forged).await, 1);
        let told = refused(&daemon);
        assert!(told.contains("its audit log is another one"), "{told}");
    }

    async fn a_running_node_says_that_its_database_fell_behind(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let running = daemon.serves();
        // Until each authority has its first list, the log grows by itself.
        while daemon.number("SELECT COUNT(*) FROM revocation_list WHERE issuer <> 'root-1'").await < 5 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        an_entry(&daemon, "agent-1").await;
        let anchor = daemon.data_dir.join("anchor.json");
        let size = daemon.number(NEWEST).await.to_string();
        let noted = |text: String| text.contains(&format!("\\n{size}\\n"));
        while !fs::read_to_string(&anchor).is_ok_and(noted) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        daemon.tampers("DELETE FROM audit_checkpoint WHERE tree_size = (SELECT MAX(tree_size) FROM audit_checkpoint)").await;
        let words = "the database is not the one that this node has seen";
        loop {
            let answer = readiness(&running);
            if answer.contains(words) {
                assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(noted(fs::read_to_string(&anchor).unwrap()), "the mark stays");
    }
}

#[test]
fn an_older_copy_of_the_file_is_not_served_and_the_newest_is() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        assert!(running.stops().success());
        let (file, copy, newest) = (daemon.data_dir.join("iam.db"), daemon.folder().join("copy"), daemon.folder().join("newest"));
        fs::copy(&file, &copy).unwrap();

        let mut running = daemon.serves();
        an_entry(&daemon, "agent-2").await;
        assert!(running.stops().success());
        fs::copy(&file, &newest).unwrap();
        fs::copy(&copy, &file).unwrap();
        assert!(refused(&daemon).contains("entries seen"));

        fs::copy(&newest, &file).unwrap();
        assert!(daemon.serves().stops().success());
    });
}

#[test]
fn a_damaged_anchor_is_named() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        assert!(daemon.serves().stops().success());
        for damage in ["", "{}", "null", "{\"checkpoint\":"] {
            fs::write(daemon.data_dir.join("anchor.json"), damage).unwrap();
            let told = refused(&daemon);
            assert!(told.contains("cannot read") && told.contains("anchor.json"), "{damage}: {told}");
        }
    });
}
