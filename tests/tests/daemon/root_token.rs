//! The root's key in a PKCS#11 token: the node's own, or one of its own that is brought for a moment.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};
use std::time::Duration;

use api::key::{ListKeys, RotateKey};
use api::rotation::AbortPlan;
use client::CallOptions;
use domain::{ActivateAt, KeyPurpose, KeyState, PlanRef};
use pki::{KeyKind, PrivateKey, envelope};
use tests::daemon::Daemon;
use tests::soft_token::{PIN, SoftToken, module};

use crate::health::ask;
use crate::on_both;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), output.stderr.as_slice()].concat()).into_owned()
}

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", said(output));
    said(output)
}

/// How a refusal ended, and its words. No PIN is among them.
fn refused(output: &Output) -> (i32, String) {
    let told = said(output);
    assert!(!output.status.success() && !told.contains(PIN) && !told.contains("161803"), "{told}");
    (output.status.code().unwrap(), told)
}

async fn begin(daemon: &Daemon, line: &str) -> PlanRef {
    let op = RotateKey { name: Some(line.to_owned()), activate: ActivateAt::Now, ..RotateKey::of(KeyPurpose::IssuingCa) };
    daemon.connects().call(&op, &CallOptions::default()).await.unwrap().reply[0].key.plan.unwrap()
}

/// Waits until an authority has taken over.
async fn takes_over(daemon: &Daemon, kid: &str) {
    let connection = daemon.connects();
    let list = ListKeys { purpose: Some(KeyPurpose::IssuingCa), state: Some(KeyState::Active), ..ListKeys::default() };
    let active = async || {
        let active = connection.call(&list, &CallOptions::default()).await.unwrap().reply.items;
        active.iter().any(|key| key.kid.as_str() == kid)
    };
    let mut tries = 0;
    while !active().await {
        tries += 1;
        assert!(tries < 600, "{kid} has not taken over in a minute");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// `openssl verify` of an authority's certificate, as everybody can fetch it, against the root's.
fn chains(daemon: &Daemon, address: std::net::SocketAddr, kid: &str) {
    let (status, der) = ask(address, "GET", &format!("/ca/{kid}.crt"), b"");
    assert_eq!(status, 200, "{kid}");
    let path = daemon.folder().join(format!("{kid}.pem"));
    fs::write(&path, pki::Certificate::from_der(&der).unwrap().pem().unwrap()).unwrap();
    let root = daemon.data_dir.join("first-operator/ca.crt");
    let verified = Command::new("openssl").args(["verify", "-x509_strict", "-CAfile"]).arg(root).arg(&path).output().unwrap();
    assert!(verified.status.success(), "{}", said(&verified));
}

/// Somebody else's key in the token with the root's.
fn brings_a_stranger(daemon: &Daemon, label: &str, id: &str) {
    let path = daemon.folder().join("stranger.pem");
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    fs::write(&path, envelope::private_key_to_pem(&key).unwrap().as_bytes()).unwrap();
    daemon.token.as_ref().unwrap().imports(&path, "root", label, id);
}

/// An instance whose root has a token of its own, labelled `root`.
async fn with_a_root_apart(engine: tests::Engine) -> Daemon {
    let token = SoftToken::make();
    token.is_joined_by("root");
    Daemon::unmade(engine, Some(token)).await
}

/// The flags by which `iamd` is told of the root's token.
fn apart() -> [String; 2] {
    ["--root-token=root".to_owned(), format!("--root-module={}", module().display())]
}

on_both! {
    async fn the_root_in_the_nodes_token_signs_by_one_command(engine: Engine) {
        let daemon = Daemon::unmade(engine, Some(SoftToken::make())).await;
        let made = done(&daemon.iamd(&daemon.init_arguments()));
        assert!(made.contains("root's key   in the token 'identity', labelled ") && made.contains("/root-1"), "{made}");
        assert!(!daemon.data_dir.join("root-ca.key").exists());
        let running = daemon.serves();
        let dir = daemon.data_dir.display().to_string();
        begin(&daemon, "relying-parties").await;
        let paper = daemon.folder().join("request.json").display().to_string();
        let asked = done(&daemon.iamd(&["ca", "request", "--data-dir", &dir, "--to", &paper]));
        assert!(asked.contains("relying-parties-2, key SHA-256") && asked.contains(&format!("iamd ca issue --data-dir {dir}")), "{asked}");
        let told = done(&daemon.iamd(&["ca", "issue", "--data-dir", &dir]));
        assert!(told.contains("certified    relying-parties-2, until"), "{told}");
        assert!(fs::read_to_string(daemon.data_dir.join("root-ca.records")).unwrap().contains("relying-parties-2"));
        takes_over(&daemon, "relying-parties-2").await;
        for kid in ["relying-parties-1", "relying-parties-2"] {
            chains(&daemon, running.pki, kid);
        }
        let told = done(&daemon.iamd(&["ca", "crl", "--data-dir", &dir]));
        assert!(told.contains("lists        397 to 792"), "{told}");
        let told = done(&daemon.iamd(&["check", "--data-dir", &dir]));
        assert!(told.contains("the root authority's is among them, and is better kept apart"), "{told}");

        // What comes to nothing does not stay in the token.
        let token = daemon.token.as_ref().unwrap();
        let before = token.objects();
        let plan = begin(&daemon, "citizens").await;
        assert_eq!(token.objects(), before + 2);
        daemon.connects().call(&AbortPlan { plan }, &CallOptions::default()).await.unwrap();
        while token.objects() != before {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        while daemon.number("SELECT COUNT(*) FROM key_generation WHERE kid = 'citizens-2' AND token_object IS NOT NULL").await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }

        // The token is away, or the PIN is another one: nothing is signed, and nothing tried twice.
        token.is_taken_out();
        let (code, told) = refused(&daemon.iamd(&["ca", "crl", "--data-dir", &dir]));
        assert!(code == 9 && told.contains("no token labelled 'identity' is there") && told.contains("nothing was signed"), "{told}");
        token.is_put_in();
        token.writes_pin("161803");
        let (code, told) = refused(&daemon.iamd(&["ca", "crl", "--data-dir", &dir]));
        assert!(code == 9 && told.contains("refused the PIN (PinIncorrect)") && told.contains("nothing was signed"), "{told}");
    }

    async fn a_root_in_a_token_of_its_own_is_brought_for_a_moment(engine: Engine) {
        let daemon = with_a_root_apart(engine).await;
        let token = daemon.token.as_ref().unwrap();
        let pin = token.pin_file().display().to_string();
        let mut init = daemon.init_arguments();
        init.extend(apart());
        init.push(format!("--root-pin-file={pin}"));
        let made = done(&daemon.iamd(&init));
        assert!(made.contains("root's key   in the token 'root', labelled "), "{made}");
        assert!(!daemon.data_dir.join("root-ca.key").exists());
        let running = daemon.serves();
        let (dir, paths) = (daemon.data_dir.display().to_string(), |name: &str| daemon.folder().join(name));
        let told = done(&daemon.iamd(&["check", "--data-dir", &dir]));
        assert!(told.contains("'identity' answers and has all") && !told.contains("is better kept"), "{told}");
        begin(&daemon, "relying-parties").await;
        let (_, told) = refused(&daemon.iamd(&["ca", "issue", "--data-dir", &dir]));
        assert!(told.contains("root-ca.key is not there") && told.contains("--root-token"), "{told}");
        let paper = paths("request.json").display().to_string();
        let asked = done(&daemon.iamd(&["ca", "request", "--data-dir", &dir, "--to", &paper]));
        assert!(asked.contains("in place of --root-key: --root-token LABEL --root-module FILE"), "{asked}");

        fs::write(paths("right"), format!("{PIN}\n")).unwrap();
        fs::write(paths("wrong"), "161803\n").unwrap();
        fs::set_permissions(paths("wrong"), fs::Permissions::from_mode(0o644)).unwrap();
        let issue = format!("ca issue --request request.json --to answer.json {}", apart().join(" "));
        brings_a_stranger(&daemon, "01ANOTHERINSTANCE/root-1", "0abc");
        for (line, code, told) in [
            (format!("{issue} --root-pin-fd 3 3<wrong"), 9, "refused the PIN (PinIncorrect)"),
            (format!("{issue} --root-pin-fd 3"), 9, "file descriptor 3"),
            (format!("{issue} --root-pin-file wrong"), 9, "chmod 600"),
            (format!("{} --root-pin-fd 3 3<right", issue.replace("=root ", "=other ")), 9, "no token labelled 'other' is there"),
            (format!("{issue} --root-label another --root-pin-fd 3 3<right"), 1, "has no private key labelled 'another'"),
            (format!("{issue} --root-id 0a0b --root-pin-fd 3 3<right"), 1, "has no private key with the id 0a0b"),
            (format!("{issue} --root-id 0abc --root-pin-fd 3 3<right"), 1, "is not the key of the root that is asked"),
            (format!("{issue} --root-label 01ANOTHERINSTANCE/root-1 --root-pin-fd 3 3<right"), 1, "it is another instance's"),
            (format!("{issue} --root-id xyz --root-pin-fd 3 3<right"), 2, "two for each byte"),
            (format!("{issue} --root-key root-ca.key --root-pin-fd 3 3<right"), 2, "cannot be used with"),
        ] {
            let (ended, words) = refused(&daemon.iamd_by_shell(&line));
            assert!(ended == code && words.contains(told), "{line}: {ended} {words}");
            assert!(code == 2 || words.contains("nothing was signed"), "{words}");
        }
        token.is_taken_out();
        let (code, told) = refused(&daemon.iamd_by_shell(&format!("{issue} --root-pin-fd 3 3<right")));
        assert!(code == 9 && told.contains("no token labelled 'root' is there"), "{told}");
        token.is_put_in();
        assert!(!paths("answer.json").exists() && !paths("root-ca.records").exists(), "nothing was signed");

        // Two keys of one label: the root's certificate says which is its own.
        let label = made.lines().find_map(|line| line.split_once("labelled ")?.1.split_once(':')).unwrap().0;
        brings_a_stranger(&daemon, label, "0abd");
        let told = done(&daemon.iamd_by_shell(&format!("{issue} --root-pin-fd 3 3<right")));
        assert!(told.contains("certified    relying-parties-2"), "{told}");
        assert!(fs::read_to_string(paths("root-ca.records")).unwrap().contains("relying-parties-2"));
        let answer = paths("answer.json").display().to_string();
        done(&daemon.iamd(&["ca", "install", "--data-dir", &dir, "--from", &answer]));
        takes_over(&daemon, "relying-parties-2").await;
        for kid in ["relying-parties-1", "relying-parties-2"] {
            chains(&daemon, running.pki, kid);
        }

        // Brought to the node, which uses its own token at the same time; the PIN is typed.
        begin(&daemon, "citizens").await;
        let line = format!("ca issue --data-dir {dir} {}", apart().join(" "));
        let (ended, shown) = daemon.iamd_at_a_terminal(&line, "User PIN of the token 'root': ", PIN);
        assert!(ended.success() && shown.contains("certified    citizens-2"), "{shown}");
        takes_over(&daemon, "citizens-2").await;
        chains(&daemon, running.pki, "citizens-2");
        let (ended, shown) = daemon.iamd_at_a_terminal(&line.replace("issue", "crl"), "User PIN of the token 'root': ", "161803");
        assert!(ended.code() == Some(9) && shown.contains("run the command again with the right one"), "{shown}");
    }

    async fn a_root_that_is_to_be_a_file_is_one(engine: Engine) {
        let daemon = Daemon::unmade(engine, Some(SoftToken::make())).await;
        let mut init = daemon.init_arguments();
        init.push("--root-in-file".to_owned());
        let made = done(&daemon.iamd(&init));
        assert!(made.contains("root-ca.key: asked for by 'iamd ca' alone"), "{made}");
        assert!(daemon.data_dir.join("root-ca.key").exists());
        assert_eq!(daemon.number("SELECT COUNT(*) FROM key_generation WHERE purpose = 'root-ca' AND token_object IS NULL").await, 1);
        let dir = daemon.data_dir.display().to_string();
        let told = done(&daemon.iamd(&["ca", "crl", "--data-dir", &dir]));
        assert!(told.contains("lists        397 to 792"), "{told}");
        fs::remove_file(daemon.data_dir.join("root-ca.key")).unwrap();
        let (code, told) = refused(&daemon.iamd(&["ca", "crl", "--data-dir", &dir]));
        assert!(code == 1 && told.contains("root-ca.key is not there"), "{told}");
    }

    async fn an_init_that_fails_leaves_no_root_in_its_token(engine: Engine) {
        let daemon = with_a_root_apart(engine).await;
        let token = daemon.token.as_ref().unwrap();
        let mut init = daemon.init_arguments();
        init.extend(apart());
        fs::write(daemon.folder().join("wrong"), "161803\n").unwrap();
        let wrong = [init.clone(), vec!["--root-pin-fd=3".to_owned(), "3<wrong".to_owned()]].concat().join(" ");
        let (code, told) = refused(&daemon.iamd_by_shell(&wrong));
        assert!(code == 9 && told.contains("refused the PIN"), "{told}");
        assert!(!daemon.data_dir.exists() && token.objects() == 0);
        init.push(format!("--root-pin-file={}", token.pin_file().display()));
        // No certificate names this host, so the listeners' one is not issued; the root is there by then.
        init.push(format!("--public-url=https://{}.example", "a".repeat(70)));
        let (code, told) = refused(&daemon.iamd(&init));
        assert!(code == 1 && told.contains("host name cannot be used"), "{told}");
        assert!(!daemon.data_dir.exists());
        assert_eq!(token.objects(), 0);
    }
}
