//! The root's key is brought for a moment, or never leaves its own machine; the server serves all the while.

use std::fs;
use std::process::{Command, Output};
use std::time::Duration;

use api::key::{ListKeys, RotateKey};
use client::CallOptions;
use domain::{ActivateAt, KeyPurpose, KeyState};
use serde_json::Value;
use tests::daemon::{Daemon, program};

use crate::on_both;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

/// `iamd ca …` in the test's folder.
fn ca(daemon: &Daemon, arguments: &[&str]) -> (bool, String) {
    let output = daemon.iamd(&[&["ca"], arguments].concat());
    (output.status.success(), said(&output))
}

/// `iamd ca …` with a passphrase in an open file.
fn ca_with(daemon: &Daemon, passphrase: &str, arguments: &str) -> (bool, String) {
    fs::write(daemon.folder().join("words"), passphrase).unwrap();
    let line = format!("exec {} ca {arguments} --passphrase-fd 3 3<words", program("iamd").display());
    let output = Command::new("sh").args(["-c", &line]).current_dir(daemon.folder()).output().unwrap();
    (output.status.success(), said(&output))
}

fn pki(daemon: &Daemon, address: std::net::SocketAddr, path: &str) -> Vec<u8> {
    let url = format!("http://{address}{path}");
    let output = Command::new("curl").args(["--silent", "--fail", &url]).current_dir(daemon.folder()).output().unwrap();
    output.stdout
}

on_both! {
    async fn the_root_signs_elsewhere_while_the_server_serves(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let (dir, folder) = (daemon.data_dir.display().to_string(), daemon.folder().to_owned());
        let path = |name: &str| folder.join(name).display().to_string();
        // The key goes to its own machine, under a passphrase.
        let (plain, away) = (daemon.data_dir.join("root-ca.key"), path("away.key"));
        let encrypted = Command::new("openssl")
            .args(["pkcs8", "-topk8", "-passout", "pass:kept apart", "-in"]).arg(&plain).args(["-out", &away]).output().unwrap();
        assert!(encrypted.status.success(), "{}", said(&encrypted));
        fs::remove_file(&plain).unwrap();
        assert!(Command::new("chmod").args(["600", &away]).status().unwrap().success());

        let running = daemon.serves();
        let connection = daemon.connects();
        let op = RotateKey { name: Some("relying-parties".to_owned()), activate: ActivateAt::Now, ..RotateKey::of(KeyPurpose::IssuingCa) };
        connection.call(&op, &CallOptions::default()).await.unwrap();
        let (good, told) = ca(&daemon, &["issue", "--data-dir", &dir]);
        assert!(!good && told.contains("root-ca.key is not there"), "{told}");
        let (good, told) = ca(&daemon, &["request", "--data-dir", &dir, "--to", &path("request.json")]);
        assert!(good && told.contains("relying-parties-2, key SHA-256"), "{told}");
        let request: Value = serde_json::from_slice(&fs::read(path("request.json")).unwrap()).unwrap();
        assert_eq!(request["wanted"][0]["name"], "relying-parties-2");

        let issue = "issue --request request.json --to answer.json --root-key away.key";
        let (good, told) = ca_with(&daemon, "something else", issue);
        assert!(!good && told.contains("the passphrase does not open it"), "{told}");
        assert!(!folder.join("answer.json").exists() && !folder.join("root-ca.records").exists(), "nothing was signed");
        let (good, told) = ca_with(&daemon, "kept apart\n", issue);
        assert!(good && told.contains("certified    relying-parties-2"), "{told}");
        assert!(fs::read_to_string(path("root-ca.records")).unwrap().contains("relying-parties-2"));
        let (good, told) = ca_with(&daemon, "kept apart\n", issue);
        assert!(!good && told.contains("is there already"), "{told}");
        let (good, told) = ca(&daemon, &["install", "--data-dir", &dir, "--from", &path("answer.json")]);
        assert!(good && told.contains("certified    relying-parties-2, until"), "{told}");
        assert!(told.contains(" HKT; it takes over"), "{told}");

        let active = async || {
            let list = ListKeys { purpose: Some(KeyPurpose::IssuingCa), state: Some(KeyState::Active), ..ListKeys::default() };
            connection.call(&list, &CallOptions::default()).await.unwrap().reply.items.iter().any(|key| key.kid.as_str() == "relying-parties-2")
        };
        let mut tries = 0;
        while !active().await {
            tries += 1;
            assert!(tries < 600, "it has not taken over in a minute");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for name in ["relying-parties-1", "relying-parties-2"] {
            let certificate = pki(&daemon, running.pki, &format!("/ca/{name}.crt"));
            assert!(pki::Certificate::from_der(&certificate).unwrap().view().subject.contains(name), "{name}");
            assert!(!pki(&daemon, running.pki, &format!("/crl/{name}.crl")).is_empty(), "{name}");
        }
    }

    async fn with_the_key_beside_it_one_command_does(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let dir = daemon.data_dir.display().to_string();
        let (good, told) = ca(&daemon, &["crl", "--data-dir", &dir]);
        assert!(good && told.contains("lists        397 to 792"), "{told}");
        let (good, told) = ca(&daemon, &["revoke", "--data-dir", &dir, "citizens-1", "--reason", "superseded"]);
        assert!(good && told.contains("revoked      citizens-1"), "{told}");
        let (good, told) = ca(&daemon, &["revoke", "--data-dir", &dir, "operators-1", "--reason", "superseded"]);
        assert!(!good && told.contains("nobody could come in"), "{told}");
        let (good, told) = ca(&daemon, &["revoke", "--data-dir", &dir, "servers-1", "--reason", "certificate-hold"]);
        assert!(!good && told.contains("ca-compromise"), "{told}");
        let running = daemon.serves();
        let list = pki::RevocationList::from_der(&pki(&daemon, running.pki, "/crl/root-1.crl")).unwrap();
        assert_eq!((list.number(), list.len()), (793, 1));
    }
}
