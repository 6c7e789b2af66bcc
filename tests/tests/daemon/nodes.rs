//! Two real nodes on one PostgreSQL.

use std::time::Duration;

use api::Role;
use api::operator::{AddOperator, ListOperators};
use client::{CallOptions, Connection};
use tests::Engine;
use tests::daemon::{Daemon, Running};

/// Makes the second node's folder, by the real `iamd join`.
fn joins(daemon: &Daemon) -> std::path::PathBuf {
    let folder = daemon.folder().join("second");
    let (dir, url) = (folder.display().to_string(), daemon.database.as_ref().unwrap().url());
    let key = daemon.data_dir.join("key-encryption.key").display().to_string();
    let any =
        ["--admin-listen=127.0.0.1:0", "--public-listen=127.0.0.1:0", "--pki-listen=127.0.0.1:0", "--metrics-listen=127.0.0.1:0"];
    let mut join = vec!["join", "--data-dir", &dir, "--database-url", &url, "--key-file", &key];
    join.extend(any);
    let joined = daemon.iamd(&join);
    assert!(joined.status.success(), "{joined:?}");
    let checked = daemon.iamd(&["check", "--data-dir", &dir]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    folder
}

async fn adds(connection: &Connection, id: String) {
    let add = AddOperator { id: id.parse().unwrap(), name: "Duty officer".into(), roles: vec![Role::Auditor] };
    connection.call(&add, &CallOptions::default()).await.unwrap();
}

async fn is_sealed(daemon: &Daemon) {
    while daemon.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL").await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn log_verifies(daemon: &Daemon) {
    let verdict = daemon.json(&["audit", "verify"], "");
    assert_eq!(verdict["ok"], true, "{verdict}");
}

#[test]
fn two_nodes_are_one_instance_and_seal_one_log() {
    crate::on(Engine::Postgres, async |engine| {
        let daemon = Daemon::new(engine).await;
        let mut first = daemon.serves();
        let mut second = daemon.serves_in(&joins(&daemon));
        let nodes: [(&Running, Connection); 2] = [(&first, daemon.connects_to(&first)), (&second, daemon.connects_to(&second))];
        let mut writers = tokio::task::JoinSet::new();
        for number in 0..40 {
            let connection = nodes[number % 2].1.clone();
            writers.spawn(async move { adds(&connection, format!("agent-{number}")).await });
        }
        writers.join_all().await;
        for (_, connection) in &nodes {
            let listed = connection.call(&ListOperators::default(), &CallOptions::default()).await.unwrap().reply;
            assert_eq!(listed.items.len(), 41, "each node sees what the other did");
        }
        is_sealed(&daemon).await;
        log_verifies(&daemon);
        assert!(first.stops().success());
        assert!(second.stops().success());
    });
}

#[test]
fn a_node_that_is_killed_leaves_the_other_to_go_on() {
    crate::on(Engine::Postgres, async |engine| {
        let daemon = Daemon::new(engine).await;
        let mut first = daemon.serves();
        let folder = joins(&daemon);
        for round in 0..3 {
            let second = daemon.serves_in(&folder);
            let connection = daemon.connects_to(&second);
            for number in 0..5 {
                adds(&connection, format!("agent-{round}-{number}")).await;
            }
            second.is_killed();
            adds(&daemon.connects(), format!("agent-{round}-last")).await;
            is_sealed(&daemon).await;
        }
        assert_eq!(daemon.number("SELECT COUNT(*) FROM operator").await, 19);
        log_verifies(&daemon);
        assert!(first.stops().success());
    });
}
