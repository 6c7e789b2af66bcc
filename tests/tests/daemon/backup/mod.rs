//! Backups: made while the office works, opened by nobody else, restored, and proven before anything is served.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::x509::{X509, X509NameBuilder};
use serde_json::Value;
use tests::daemon::{Daemon, Running, run};

mod cut_off;
mod damaged;
mod dumps;
mod lists;
mod nobody_left;
mod passphrase;
mod proofs;
mod round_trip;

/// Somebody who keeps backups: a certificate to encrypt to, and its private key.
struct Keeper {
    certificate: String,
    key: String,
}

impl Keeper {
    fn new(folder: &Path, name: &str) -> Self {
        let key = PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(Nid::SECP384R1).unwrap()).unwrap()).unwrap();
        let mut subject = X509NameBuilder::new().unwrap();
        subject.append_entry_by_text("CN", name).unwrap();
        let subject = subject.build();
        let mut builder = X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
        builder.set_subject_name(&subject).unwrap();
        builder.set_issuer_name(&subject).unwrap();
        builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let (certificate, private) = (folder.join(format!("{name}.crt")), folder.join(format!("{name}.key")));
        fs::write(&certificate, builder.build().to_pem().unwrap()).unwrap();
        server::data_dir::write_private(&private, &key.private_key_to_pem_pkcs8().unwrap()).unwrap();
        Self { certificate: certificate.display().to_string(), key: private.display().to_string() }
    }
}

/// The data folder as an argument.
fn dir(daemon: &Daemon) -> String {
    daemon.data_dir.display().to_string()
}

/// A path in the test's folder as an argument.
fn at(daemon: &Daemon, name: &str) -> String {
    daemon.folder().join(name).display().to_string()
}

fn backs_up(daemon: &Daemon, to: &str, keeper: &Keeper) -> Output {
    daemon.iamd(&["backup", "--data-dir", &dir(daemon), "--to", to, "--recipient", &keeper.certificate])
}

/// Makes a backup, which must succeed.
fn backup(daemon: &Daemon, name: &str, keeper: &Keeper) -> String {
    let to = at(daemon, name);
    let made = backs_up(daemon, &to, keeper);
    assert!(made.status.success(), "{}", told(&made));
    let only = told(&made).lines().all(|line| line.contains("root-ca.key"));
    assert!(only, "nothing is said but where the root's key lies: {}", told(&made));
    to
}

fn restores(daemon: &Daemon, from: &str, keeper: &Keeper, to: &Path) -> Output {
    daemon.iamd(&["restore", "--data-dir", &to.display().to_string(), "--from", from, "--key", &keeper.key])
}

/// Restores a backup into a new folder, which must succeed.
fn restored(daemon: &Daemon, from: &str, keeper: &Keeper) -> PathBuf {
    let folder = daemon.folder().join("restored");
    let done = restores(daemon, from, keeper, &folder);
    assert!(done.status.success(), "{}", told(&done));
    folder
}

fn proves(daemon: &Daemon, folder: &Path, more: &[&str]) -> Output {
    let folder = folder.display().to_string();
    let mut arguments = vec!["restore", "--data-dir", &folder, "--prove"];
    arguments.extend(more);
    daemon.iamd(&arguments)
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Why a folder is not served.
fn not_served(daemon: &Daemon, folder: &Path) -> String {
    let output = run("iamd", daemon.folder(), &["serve", "--data-dir", &folder.display().to_string()], "");
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let event: Value = serde_json::from_str(&told(&output)).unwrap();
    event["fields"]["message"].as_str().unwrap().to_owned()
}

/// Puts an operator on record, and waits until the log has sealed it.
async fn an_entry(daemon: &Daemon, id: &str) {
    daemon.json(&["operator", "add", id, "--name", "Duty officer", "--role", "auditor"], "");
    is_sealed(daemon).await;
}

async fn is_sealed(daemon: &Daemon) {
    while daemon.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL").await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The newest checkpoint, as an auditor takes it home.
fn checkpoint(daemon: &Daemon, name: &str) -> (String, u64) {
    let to = at(daemon, name);
    daemon.json(&["audit", "export", "--to", &to], "");
    let names = fs::read_dir(Path::new(&to).join("checkpoints")).unwrap();
    let newest = names.map(|entry| entry.unwrap().file_name().into_string().unwrap().parse::<u64>().unwrap()).max().unwrap();
    (format!("{to}/checkpoints/{newest}"), newest)
}

/// What lies in a folder, hidden files too.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Makes the database of the test's instance large enough for a backup to take a while.
async fn is_large(daemon: &Daemon) {
    daemon
        .tampers(
            "CREATE TABLE ballast AS WITH RECURSIVE row (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM row WHERE number < 1500)
             SELECT number, randomblob(100000) AS bytes FROM row",
        )
        .await;
}

/// What the pki listener answers, its body alone; waits until it has what is asked for.
fn fetched(running: &Running, path: &str) -> Vec<u8> {
    loop {
        let mut stream = std::net::TcpStream::connect(running.pki).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
        if answer.starts_with(b"HTTP/1.0 200") {
            return answer.split_off(head);
        }
        // Lists are signed a moment after the first start.
        assert!(answer.starts_with(b"HTTP/1.0 404"), "{}", String::from_utf8_lossy(&answer));
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a mirror keeps: every list that is published, in files.
fn mirrored(daemon: &Daemon, running: &Running, name: &str) -> PathBuf {
    let folder = daemon.folder().join(name);
    fs::create_dir(&folder).unwrap();
    for authority in AUTHORITIES {
        fs::write(folder.join(format!("{authority}.crl")), fetched(running, &format!("/crl/{authority}.crl"))).unwrap();
    }
    folder
}

const AUTHORITIES: [&str; 6] = ["root-1", "operators-1", "servers-1", "relying-parties-1", "citizens-1", "time-stamping-1"];

/// A mirror's lists as evidence, those of some authorities left out.
fn evidence(checkpoint: &str, mirror: &Path, without: &[&str]) -> Vec<String> {
    let lists = AUTHORITIES.iter().filter(|authority| !without.contains(authority));
    let files = lists.map(|authority| mirror.join(format!("{authority}.crl")).display().to_string());
    let mut evidence = vec!["--checkpoint".to_owned(), checkpoint.to_owned()];
    evidence.extend(files.flat_map(|file| ["--crl".to_owned(), file]));
    evidence
}

fn words(evidence: &[String]) -> Vec<&str> {
    evidence.iter().map(String::as_str).collect()
}
