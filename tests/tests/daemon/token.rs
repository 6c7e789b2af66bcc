//! An instance whose signing keys lie in a PKCS#11 token: the keys never leave it, and while it is gone what needs no new
//! signature goes on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use pki::{KeyEncryptionKey, PrivateKey, PublicKey};
use serde_json::Value;
use tests::Engine;
use tests::daemon::{Daemon, Running, run};
use tests::soft_token::{PIN, SoftToken};

use crate::health::{ask, get};
use crate::on_both;

/// The parts of readiness.
fn ready(running: &Running) -> (u16, Value) {
    let (status, body) = get(running.metrics, "/readyz");
    (status, serde_json::from_str(&body).unwrap())
}

/// Waits until the keys are as they should be: the server looks for the token every few seconds.
async fn keys_are(running: &Running, ok: bool) -> String {
    loop {
        let (_, parts) = ready(running);
        if parts["keys"]["ok"] == ok {
            return parts["keys"]["detail"].as_str().unwrap().to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// An error as scripts read it.
fn error(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str::<Value>(text.lines().last().unwrap()).unwrap()["error"].clone()
}

fn invites(daemon: &Daemon, id: &str) -> String {
    let added = daemon.json(&["operator", "add", id, "--name", "Duty officer", "--role", "auditor"], "");
    added["code"].as_str().unwrap().to_owned()
}

/// `iamctl enrol` by somebody else, at home in a folder of their own.
fn enrols(daemon: &Daemon, running: &Running, home: &Path, code: &str) -> Output {
    fs::create_dir_all(home).unwrap();
    let ca = daemon.data_dir.join("first-operator/ca.crt").display().to_string();
    let server = format!("https://{}", running.admin);
    run("iamctl", home, &["enrol", "--server", &server, "--ca", &ca, "--code", "-", "-o", "json"], &format!("{code}\n"))
}

/// Asks for a time stamp, and is refused.
fn stamps(running: &Running, folder: &Path) -> (u16, Value) {
    let query = folder.join("query.tsq");
    let made =
        Command::new("openssl").args(["ts", "-query", "-sha256", "-digest", &"ab".repeat(32), "-out"]).arg(&query).output();
    assert!(made.as_ref().unwrap().status.success(), "{made:?}");
    let (status, body) = ask(running.pki, "POST", "/tsa", &fs::read(query).unwrap());
    (status, serde_json::from_slice(&body).unwrap())
}

/// Files below a folder whose names end so.
fn found(folder: &Path, end: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(found(&path, end));
        } else if path.to_string_lossy().ends_with(end) {
            files.push(path);
        }
    }
    files
}

/// What lies in the database of a key: kid, purpose, public key, private part, object.
type Lying = (String, String, Option<Vec<u8>>, Option<Vec<u8>>, Option<String>);

async fn lying(daemon: &Daemon) -> Vec<Lying> {
    use sqlx::Connection as _;
    let sql = "SELECT kid, purpose, public_key, private_sealed, token_object FROM key_generation ORDER BY kid";
    match &daemon.database {
        None => {
            let url = format!("sqlite://{}?mode=ro", daemon.data_dir.join("iam.db").display());
            sqlx::query_as(sql).fetch_all(&mut sqlx::SqliteConnection::connect(&url).await.unwrap()).await.unwrap()
        }
        Some(database) => {
            sqlx::query_as(sql).fetch_all(&mut sqlx::PgConnection::connect(&database.url()).await.unwrap()).await.unwrap()
        }
    }
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

on_both! {
    async fn keys_are_made_in_the_token_and_an_operators_certificate_verifies(engine: Engine) {
        let daemon = Daemon::with_token(engine).await;
        let token = daemon.token.as_ref().unwrap();
        let mut running = daemon.serves();
        let checked = daemon.iamd(&["check", "--data-dir", &daemon.data_dir.display().to_string()]);
        let told = String::from_utf8_lossy(&checked.stdout).into_owned();
        assert!(checked.status.success() && told.contains("'identity' answers and has all"), "{told}");

        let home = daemon.folder().join("agent");
        let enrolled = enrols(&daemon, &running, &home, &invites(&daemon, "agent"));
        assert!(enrolled.status.success(), "{enrolled:?}");
        let certificate = found(&home, ".crt").into_iter().find(|path| !path.ends_with("ca.crt")).unwrap();
        let chain = daemon.data_dir.join("first-operator/ca.crt");
        let chained = Command::new("openssl")
            .args(["verify", "-purpose", "sslclient", "-CAfile"])
            .arg(&chain)
            .arg("-untrusted")
            .arg(&certificate)
            .arg(&certificate)
            .output()
            .unwrap();
        assert!(chained.status.success(), "{chained:?}");

        // A dry run leaves nothing behind, a rotation two pairs.
        let before = token.objects();
        daemon.json(&["key", "rotate", "--purpose", "token-signing", "--activate", "now", "--dry-run"], "");
        while token.objects() != before {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let rotated = daemon.json(&["key", "rotate", "--purpose", "token-signing", "--activate", "now"], "");
        assert_eq!(rotated.as_array().unwrap().len(), 2, "{rotated}");
        assert_eq!(token.objects(), before + 4);
        let listed = daemon.json(&["key", "list", "--purpose", "token-signing"], "");
        for key in listed.as_array().unwrap() {
            assert_eq!(key["token_object"].as_str().map(str::len), Some(32), "{key}");
        }
        assert!(running.stops().success(), "a module that is loaded lets the server end");
        assert!(!running.log().join("\n").contains(PIN));
        // Stopped, it is started again, and signs with the same keys.
        let running = daemon.serves();
        let again = enrols(&daemon, &running, &daemon.folder().join("second"), &invites(&daemon, "second"));
        assert!(again.status.success(), "{again:?}");
    }

    async fn no_signing_key_lies_outside_of_the_token(engine: Engine) {
        let daemon = Daemon::with_token(engine).await;
        let mut running = daemon.serves();
        daemon.json(&["key", "rotate", "--purpose", "token-signing", "--activate", "now"], "");
        let text = fs::read_to_string(daemon.data_dir.join("key-encryption.key")).unwrap();
        let kek = KeyEncryptionKey::from_file_text(&text).unwrap();
        let instance = daemon.json(&["whoami"], "")["instance"].as_str().unwrap().to_owned();
        let (mut in_token, mut here) = (Vec::new(), Vec::new());
        for (kid, purpose, public, sealed, object) in lying(&daemon).await {
            match purpose.as_str() {
                "server-tls" => {
                    let aad = pki::Aad::of("key.private").and(&instance).and(&kid);
                    let opened = kek.unwrap(&sealed.unwrap(), aad).unwrap();
                    here.push(PrivateKey::from_pkcs8_der(&opened).unwrap().public().unwrap());
                }
                // Secrets, which sign nothing, and the key-encryption key's own row.
                "data" | "blind-index" | "pairwise" => assert_eq!(object, None, "{kid}"),
                "audit" if public.is_none() => assert_eq!(object, None, "{kid}"),
                _ => {
                    assert!(sealed.is_none() && object.is_some(), "{kid} of {purpose}");
                    in_token.push(PublicKey::from_spki_der(&public.unwrap()).unwrap());
                }
            }
        }
        assert!(in_token.len() >= 8, "root, authorities, checkpoints, and token-signing keys twice: {}", in_token.len());
        assert!(here.iter().all(|key| !in_token.contains(key)));
        assert!(running.stops().success());
        // Nothing of the folder is a private key in the clear, but the first operator's own, nor holds the PIN.
        let operator = daemon.data_dir.join("first-operator/operator.key");
        for path in found(&daemon.data_dir, "") {
            let bytes = fs::read(&path).unwrap();
            assert!(path == operator || !holds(&bytes, b"PRIVATE KEY-----"), "{}", path.display());
            assert!(!holds(&bytes, PIN.as_bytes()), "{}", path.display());
        }
    }

    async fn while_the_token_is_out_what_needs_no_signature_goes_on(engine: Engine) {
        let daemon = Daemon::with_token(engine).await;
        let token = daemon.token.as_ref().unwrap();
        let mut running = daemon.serves();
        assert!(keys_are(&running, true).await.contains("token-signing keys are active"));
        let code = invites(&daemon, "agent");
        let old = daemon.json(&["key", "list", "--purpose", "token-signing"], "");

        token.is_taken_out();
        let detail = keys_are(&running, false).await;
        assert!(detail.starts_with("the token is unavailable: no token labelled 'identity' is there"), "{detail}");
        assert_eq!(ready(&running).0, 503);
        while !get(running.metrics, "/metrics").1.contains("iam_signing_token_up 0") {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let doctor = daemon.iamctl(&["doctor"], "");
        assert!(String::from_utf8_lossy(&doctor.stdout).contains("no token labelled"), "{doctor:?}");

        // Issuing and rotating refuse, and say that nothing was signed; what is asked again is not lost.
        let home = daemon.folder().join("agent");
        let rotate = ["key", "rotate", "--purpose", "token-signing", "--activate", "now", "--yes", "-o", "json"];
        for refused in [enrols(&daemon, &running, &home, &code), daemon.iamctl(&rotate, "")] {
            assert_eq!(refused.status.code(), Some(9), "{refused:?}");
            let error = error(&refused);
            assert_eq!((&error["code"], &error["retryable"]), (&"keys.token-unavailable".into(), &true.into()), "{error}");
            assert!(error["message"].as_str().unwrap().contains("nothing was signed"), "{error}");
        }
        assert_eq!(daemon.json(&["key", "list", "--purpose", "token-signing"], ""), old);

        // Lists that are signed already are given out; a stamp is a signature, and is refused.
        assert_eq!(ask(running.pki, "GET", "/crl/operators-1.crl", b"").0, 200);
        let (status, problem) = stamps(&running, daemon.folder());
        assert_eq!((status, problem["code"].as_str()), (503, Some("keys.token-unavailable")), "{problem}");

        // The office goes on: calls are opened, operators invited. The log is sealed later.
        let sealed = daemon.number("SELECT COALESCE(MAX(tree_size), 0) FROM audit_checkpoint").await;
        let call = daemon.json(&["hotline", "open"], "")["call"].as_str().unwrap().to_owned();
        daemon.json(&["hotline", "close", &call], "");
        invites(&daemon, "second");
        assert_eq!(daemon.number("SELECT COALESCE(MAX(tree_size), 0) FROM audit_checkpoint").await, sealed);

        token.is_put_in();
        keys_are(&running, true).await;
        running.waits_for("the token is back");
        let enrolled = enrols(&daemon, &running, &home, &code);
        assert!(enrolled.status.success(), "the code was not spent: {enrolled:?}");
        while daemon.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL").await > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        let verdict = daemon.json(&["audit", "verify"], "");
        assert_eq!(verdict["ok"], true, "{verdict}");
        assert!(running.stops().success());
    }

    async fn nobody_waits_long_for_a_token_that_hangs(engine: Engine) {
        let daemon = Daemon::with_token(engine).await;
        let token = daemon.token.as_ref().unwrap();
        let mut running = daemon.serves();
        keys_are(&running, true).await;
        let code = invites(&daemon, "agent");
        let threads = running.threads();

        let held = token.is_held();
        let detail = keys_are(&running, false).await;
        assert!(detail.contains("did not answer within 5000 ms") || detail.contains("has not answered a call"), "{detail}");
        // Many ask, and each is told; none of them is a thread that waits for ever.
        let home = daemon.folder().join("agent");
        for _ in 0..10 {
            let refused = enrols(&daemon, &running, &home, &code);
            assert_eq!(error(&refused)["code"], "keys.token-unavailable", "{refused:?}");
        }
        assert!(running.threads() < threads + 10, "{} threads of {threads}", running.threads());
        let call = daemon.json(&["hotline", "open"], "")["call"].as_str().unwrap().to_owned();
        daemon.json(&["hotline", "close", &call], "");

        drop(held);
        keys_are(&running, true).await;
        let enrolled = enrols(&daemon, &running, &home, &code);
        assert!(enrolled.status.success(), "{enrolled:?}");
        // One that hangs does not keep its server from ending.
        let held = token.is_held();
        keys_are(&running, false).await;
        assert!(running.stops().success());
        drop(held);
    }

    async fn a_server_starts_without_its_token_and_finds_it_later(engine: Engine) {
        let daemon = Daemon::with_token(engine).await;
        let token = daemon.token.as_ref().unwrap();
        token.is_taken_out();
        let mut running = daemon.serves();
        keys_are(&running, false).await;
        assert_eq!(daemon.json(&["whoami"], "")["operator"], "first-operator");
        let checked = daemon.iamd(&["check", "--data-dir", &daemon.data_dir.display().to_string()]);
        assert_eq!(checked.status.code(), Some(1));
        token.is_put_in();
        keys_are(&running, true).await;
        daemon.json(&["key", "rotate", "--purpose", "token-signing", "--activate", "now"], "");
        assert!(running.stops().success());
    }

    async fn a_wrong_pin_makes_no_instance_and_leaves_nothing_behind(engine: Engine) {
        let daemon = Daemon::unmade(engine, Some(SoftToken::make())).await;
        let token = daemon.token.as_ref().unwrap();
        token.writes_pin("161803");
        let refused = daemon.iamd(&daemon.init_arguments());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(9), "{said}");
        assert!(said.contains("refused the PIN") && said.contains("nothing was changed") && !said.contains("161803"), "{said}");
        assert!(!daemon.data_dir.exists() && token.objects() == 0);
        token.writes_pin(PIN);
        let made = daemon.iamd(&daemon.init_arguments());
        assert!(made.status.success(), "{made:?}");

        // A node of the other provider is told so.
        let settings = daemon.data_dir.join("iamd.yaml");
        let text = fs::read_to_string(&settings).unwrap();
        fs::write(&settings, text.split("keys:").next().unwrap()).unwrap();
        let refused = daemon.iamd(&["serve", "--data-dir", &daemon.data_dir.display().to_string()]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains("made by the provider 'pkcs11', and this node is set to 'files'"), "{said}");
    }

    async fn an_init_that_fails_leaves_no_key_in_the_token(engine: Engine) {
        let daemon = Daemon::unmade(engine, Some(SoftToken::make())).await;
        let token = daemon.token.as_ref().unwrap();
        let mut arguments = daemon.init_arguments();
        // No certificate names this host, so the listeners' one is not issued; the keys of before are there by then.
        arguments.push(format!("--public-url=https://{}.example", "a".repeat(70)));
        let refused = daemon.iamd(&arguments);
        assert_eq!(refused.status.code(), Some(1), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("host name cannot be used"), "{refused:?}");
        assert!(!daemon.data_dir.exists());
        assert_eq!(token.objects(), 0);
    }
}

#[test]
fn a_second_node_signs_with_the_keys_of_the_same_token() {
    crate::on(Engine::Postgres, async |engine| {
        let daemon = Daemon::with_token(engine).await;
        let token = daemon.token.as_ref().unwrap();
        let (dir, url) = (daemon.folder().join("second"), daemon.database.as_ref().unwrap().url());
        let key = daemon.data_dir.join("key-encryption.key").display().to_string();
        let shown = dir.display().to_string();
        let mut join = vec!["join", "--data-dir", &shown, "--database-url", &url, "--key-file", &key];
        join.extend([
            "--admin-listen=127.0.0.1:0",
            "--public-listen=127.0.0.1:0",
            "--pki-listen=127.0.0.1:0",
            "--metrics-listen=127.0.0.1:0",
        ]);
        let refused = daemon.iamd(&join);
        assert!(String::from_utf8_lossy(&refused.stderr).contains("this node is set to 'files'"), "{refused:?}");
        let flags = token.flags();
        join.extend(flags.iter().map(String::as_str));
        let joined = daemon.iamd(&join);
        assert!(joined.status.success(), "{joined:?}");
        let node = daemon.serves_in(&dir);
        let enrolled = enrols(&daemon, &node, &daemon.folder().join("agent"), &{
            let first = daemon.serves();
            let code = invites(&daemon, "agent");
            drop(first);
            code
        });
        assert!(enrolled.status.success(), "{enrolled:?}");
    });
}
