//! A server that runs, says how it is, and stops when asked.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use tests::daemon::Daemon;
use tests::under_way::{UnderWay, nobody_listens};

use crate::on_both;

/// A request over plain HTTP: status and body.
pub fn ask(address: SocketAddr, verb: &str, path: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    write!(stream, "{verb} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n").unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]);
    (head.split(' ').nth(1).unwrap().parse().unwrap(), answer[end + 4..].to_vec())
}

/// `GET` of a text.
pub fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let (status, body) = ask(address, "GET", path, b"");
    (status, String::from_utf8(body).unwrap())
}

on_both! {
    async fn a_server_is_ready_counts_and_stops_when_asked(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        assert_eq!(get(running.metrics, "/livez"), (200, "ok\n".to_owned()));
        let (status, body) = get(running.metrics, "/readyz");
        let ready: Value = serde_json::from_str(&body).unwrap();
        for part in ["database", "audit", "keys", "clock", "disk"] {
            assert_eq!(ready[part]["ok"], true, "{body}");
            assert!(!ready[part]["detail"].as_str().unwrap().is_empty());
        }
        assert_eq!(status, 200);

        assert_eq!(daemon.json(&["whoami"], "")["operator"], "first-operator");
        let (_, metrics) = get(running.metrics, "/metrics");
        assert!(metrics.contains(r#"iam_operations_total{operation="operator.whoami",outcome="done"} 1"#), "{metrics}");

        assert!(running.stops().success());
        running.waits_for("stopped");
        for line in running.log() {
            let event: Value = serde_json::from_str(&line).unwrap();
            assert!(event["timestamp"].is_string() && event["level"].is_string(), "one event, one line of JSON: {line}");
        }
        assert!(TcpStream::connect(running.admin).is_err());
        let refused = daemon.iamctl(&["whoami"], "");
        assert_eq!(refused.status.code(), Some(9), "{}", String::from_utf8_lossy(&refused.stderr));
        drop(running);
        assert!(daemon.serves().stops().success(), "started again, it stops again");
    }

    async fn an_interrupt_stops_it_as_well(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        running.signal(rustix::process::Signal::INT);
        assert!(running.child.wait().unwrap().success());
    }

    async fn half_a_request_does_not_keep_it_from_stopping(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        let half = [running.metrics, running.public].map(|address| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET /metrics HTT").unwrap();
            stream
        });
        assert_eq!(get(running.metrics, "/livez").0, 200);
        assert!(running.stops().success());
        running.waits_for("stopped");
        drop(half);
    }

    async fn what_is_under_way_is_finished_before_it_stops(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        let context = daemon.data_dir.join("first-operator/context.yaml");
        let add = r#"{"id":"agent-7","name":"Duty officer","roles":["hotline-agent"]}"#;
        let under_way = UnderWay::begins(&context, "operator.add", "under-way-1", add);
        running.signal(rustix::process::Signal::TERM);
        running.waits_for("stopping: requests under way finish, new ones are refused");
        nobody_listens(running.admin);

        let (status, reply) = under_way.ends();
        assert_eq!((status, &reply["operator"]), (200, &"agent-7".into()), "{reply}");
        assert!(running.child.wait().unwrap().success());
        let added = "SELECT COUNT(*) FROM audit_entry WHERE action = 'operator.add' AND subject = 'agent-7' AND outcome = 'done'";
        assert_eq!(daemon.number(added).await, 1);
    }
}

#[test]
fn readiness_over_http_says_that_the_database_is_away_and_when_it_is_back() {
    crate::on(tests::Engine::Postgres, async |engine| {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        let database = daemon.database.as_ref().unwrap();
        database.goes_away().await;
        let (status, body) = get(running.metrics, "/readyz");
        let ready: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (status, &ready["database"]["ok"], &ready["disk"]["ok"]),
            (503, &Value::Bool(false), &Value::Bool(true)),
            "{body}"
        );
        assert_eq!(get(running.metrics, "/livez").0, 200, "it lives, it is not ready");
        let refused = daemon.iamctl(&["operator", "list", "-o", "json"], "");
        assert_eq!(refused.status.code(), Some(9));
        let error: Value = serde_json::from_slice(&refused.stderr).unwrap();
        assert_eq!(
            (&error["error"]["code"], &error["error"]["retryable"]),
            (&"store.unavailable".into(), &true.into()),
            "{error}"
        );

        database.comes_back().await;
        assert_eq!(daemon.json(&["whoami"], "")["operator"], "first-operator", "it recovers by itself");
        assert_eq!(get(running.metrics, "/readyz").0, 200);
        assert!(running.stops().success());
    });
}
