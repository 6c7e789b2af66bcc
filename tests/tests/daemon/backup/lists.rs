//! Revocation never goes backwards: what was published before a restore counts after it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use domain::{Clock, RevocationReason, Timestamp};
use pki::crl::{RevocationList, Revoked};
use pki::{Authority, Certificate, Instance};
use serde_json::Value;
use tests::Engine;
use tests::daemon::{Daemon, Running, run};

use super::{
    AUTHORITIES, Keeper, an_entry, at, backup, checkpoint, dumps, evidence, fetched, is_sealed, mirrored, not_served, proves,
    restored, said, told, words,
};
use crate::on_both;

/// Number of a list, and the serial numbers on it, as OpenSSL reads them.
fn read(daemon: &Daemon, der: &[u8]) -> (u64, Vec<String>) {
    let file = at(daemon, "read.crl");
    fs::write(&file, der).unwrap();
    let output = Command::new("openssl").args(["crl", "-inform", "DER", "-noout", "-text", "-in", &file]).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().map(str::trim);
    let number = lines.clone().skip_while(|line| !line.contains("CRL Number")).nth(1).unwrap().parse().unwrap();
    let serials = lines.by_ref().filter_map(|line| line.strip_prefix("Serial Number: ")).map(str::to_lowercase).collect();
    (number, serials)
}

/// Waits until a published list of operators names these.
pub(super) async fn is_published(daemon: &Daemon, running: &Running, serials: &[&str]) -> u64 {
    loop {
        let (number, listed) = read(daemon, &fetched(running, "/crl/operators-1.crl"));
        if serials.iter().all(|serial| listed.iter().any(|there| there == serial)) {
            return number;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

/// An operator who has enrolled, with the certificate's serial number and the context they use.
fn enrols(daemon: &Daemon, running: &Running, id: &str) -> (String, PathBuf) {
    enrols_as(daemon, running, id, &["auditor"])
}

pub(super) fn enrols_as(daemon: &Daemon, running: &Running, id: &str, roles: &[&str]) -> (String, PathBuf) {
    let mut add = vec!["operator", "add", id, "--name", "Duty officer"];
    add.extend(roles.iter().flat_map(|role| ["--role", role]));
    let added = daemon.json(&add, "");
    let home = daemon.folder().join(id);
    fs::create_dir(&home).unwrap();
    enrols_with(daemon, running, &home, added["code"].as_str().unwrap());
    let listed = daemon.json(&["cert", "list"], "");
    let theirs = listed.as_array().unwrap().iter().find(|row| row["holder"].as_str().unwrap().ends_with(id)).unwrap();
    (theirs["serial"].as_str().unwrap().to_owned(), home)
}

/// Spends an enrolment code.
pub(super) fn enrols_with(daemon: &Daemon, running: &Running, home: &Path, code: &str) {
    let ca = daemon.data_dir.join("first-operator/ca.crt").display().to_string();
    let server = format!("https://{}", running.admin);
    let enrol = ["enrol", "--server", &server, "--ca", &ca, "--code", "-"];
    let enrolled = run("iamctl", home, &enrol, &format!("{code}\n"));
    assert!(enrolled.status.success(), "{}", told(&enrolled));
}

fn revokes(daemon: &Daemon, serial: &str) {
    daemon.json(&["cert", "revoke", serial, "--reason", "key-compromise"], "");
}

/// The instance as its backup has it, in another folder; on PostgreSQL as its dump has it, which was made right after.
async fn comes_back(
    daemon: &Daemon,
    from: &str,
    keeper: &Keeper,
    dump: Option<&str>,
) -> (PathBuf, Option<tests::world::postgres::Database>) {
    let Some(dump) = dump else { return (restored(daemon, from, keeper), None) };
    let database = dumps::pg_restore(dump).await;
    let done = dumps::restores_beside(daemon, from, keeper, &database, "restored");
    assert!(done.status.success(), "{}", told(&done));
    (daemon.folder().join("restored"), Some(database))
}

fn dump(daemon: &Daemon) -> Option<String> {
    daemon.database.as_ref().map(|_| dumps::dump(daemon, "iam.dump"))
}

on_both! {
    async fn what_was_revoked_since_the_backup_is_revoked_after_the_restore(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        let (known, known_home) = enrols(&daemon, &running, "agent-1");
        is_published(&daemon, &running, &[]).await;
        is_sealed(&daemon).await;
        let from = backup(&daemon, "one.bak", &keeper);
        let dumped = dump(&daemon);
        let (before, _) = read(&daemon, &fetched(&running, "/crl/operators-1.crl"));
        // One that the backup knows, and one that it does not.
        let (unknown, unknown_home) = enrols(&daemon, &running, "agent-2");
        revokes(&daemon, &known);
        revokes(&daemon, &unknown);
        let seen = is_published(&daemon, &running, &[&known, &unknown]).await;
        assert!(seen > before);
        is_sealed(&daemon).await;
        let (newest, size) = checkpoint(&daemon, "log");
        let mirror = mirrored(&daemon, &running, "mirror");
        assert!(running.stops().success());

        let (folder, _database) = comes_back(&daemon, &from, &keeper, dumped.as_deref()).await;
        let evidence = evidence(&newest, &mirror, &[]);
        let behind = proves(&daemon, &folder, &words(&evidence));
        assert_eq!(behind.status.code(), Some(1));
        let findings = said(&behind);
        assert!(findings.contains(&format!("of the {size} entries seen")), "{findings}");
        assert!(findings.contains(&format!("the revocation list of operators-1 has number {before}, and {seen} was seen")), "{findings}");
        assert!(findings.contains("and not here: 2 ("), "{findings}");
        assert!(findings.contains(&known) && findings.contains(&unknown), "{findings}");
        assert!(told(&behind).contains("Nothing was changed"));
        assert!(not_served(&daemon, &folder).contains("before it is proven"));

        let accepted = proves(&daemon, &folder, &[&words(&evidence)[..], &["--accept-loss", "--reason", "the disk burnt"]].concat());
        assert!(accepted.status.success(), "{}", told(&accepted));
        let lines = said(&accepted);
        assert!(lines.contains("revoked: 2, on hold: 0; without any other record here: 1"), "{lines}");
        assert!(lines.contains(&format!("the revocation list of operators-1, number {}", seen + 1_000_000)), "{lines}");

        let mut again = daemon.serves_in(&folder);
        let (number, listed) = read(&daemon, &fetched(&again, "/crl/operators-1.crl"));
        assert!(number >= seen + 1_000_000, "{number}");
        assert!(listed.contains(&known) && listed.contains(&unknown), "{listed:?}");
        for serial in [&known, &unknown] {
            assert_eq!(daemon.json(&["cert", "show", serial], "")["state"], "revoked");
        }
        for home in [known_home, unknown_home] {
            let refused = run("iamctl", &home, &["whoami"], "");
            assert_eq!(refused.status.code(), Some(4), "{}{}", said(&refused), told(&refused));
        }
        assert_eq!(daemon.json(&["audit", "verify"], "")["ok"], true);
        // What is revoked from now on follows upon it.
        let (third, _) = enrols(&daemon, &again, "agent-3");
        revokes(&daemon, &third);
        assert!(is_published(&daemon, &again, &[&known, &unknown, &third]).await > number);
        assert!(again.stops().success());
    }

    async fn a_list_of_each_authority_belongs_to_the_proof(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        is_published(&daemon, &running, &[]).await;
        let mirror = mirrored(&daemon, &running, "mirror");
        is_sealed(&daemon).await;
        let (newest, _) = checkpoint(&daemon, "log");
        assert!(running.stops().success());
        let from = backup(&daemon, "one.bak", &keeper);
        let dumped = dump(&daemon);

        let (folder, _database) = comes_back(&daemon, &from, &keeper, dumped.as_deref()).await;
        let some = evidence(&newest, &mirror, &["citizens-1", "root-1"]);
        let missing = proves(&daemon, &folder, &words(&some));
        assert_eq!(missing.status.code(), Some(1), "{}", said(&missing));
        let line = told(&missing);
        assert!(line.contains("no revocation list from outside was shown for root-1, citizens-1") && line.contains("/crl/root-1.crl"), "{line}");
        let all = evidence(&newest, &mirror, &[]);
        let proven = proves(&daemon, &folder, &words(&all));
        assert!(proven.status.success(), "{}{}", said(&proven), told(&proven));
        assert!(said(&proven).contains("6 revocation lists: nothing that was seen is missing"), "{}", said(&proven));
        assert!(daemon.serves_in(&folder).stops().success());
    }
}

#[test]
fn numbers_jump_ahead_when_nothing_outside_was_kept() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        is_published(&daemon, &running, &[]).await;
        let from = backup(&daemon, "one.bak", &keeper);
        assert!(running.stops().success());
        let folder = restored(&daemon, &from, &keeper);
        let accepted = proves(&daemon, &folder, &["--accept-loss", "--reason", "everything else burnt"]);
        assert!(accepted.status.success(), "{}", told(&accepted));
        let mut again = daemon.serves_in(&folder);
        for authority in AUTHORITIES.iter().skip(1) {
            let (number, _) = read(&daemon, &fetched(&again, &format!("/crl/{authority}.crl")));
            assert!(number >= 1_000_000, "{authority}: {number}");
        }
        assert!(again.stops().success());
    });
}

#[test]
fn a_newer_list_of_the_root_counts_although_its_key_is_away() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        is_published(&daemon, &running, &[]).await;
        let mirror = mirrored(&daemon, &running, "mirror");
        let (newest, _) = checkpoint(&daemon, "log");
        let revoked = daemon.json(&["cert", "list", "--profile", "issuing-ca"], "");
        let revoked =
            revoked.as_array().unwrap().iter().find(|row| row["holder"].as_str().unwrap().contains("time-stamping-1")).unwrap();
        let revoked = revoked["serial"].as_str().unwrap().to_owned();
        assert!(running.stops().success());
        // The root's key stays at home.
        let key = daemon.data_dir.join("root-ca.key");
        let root = root(&daemon, &fs::read(&key).unwrap()).await;
        fs::remove_file(&key).unwrap();
        let from = backup(&daemon, "one.bak", &keeper);

        // And then the root revokes an authority.
        let now = server::clock::SystemClock.now();
        let entry = Revoked { serial: revoked.clone(), at: now, reason: RevocationReason::KeyCompromise };
        let next = Timestamp::from_micros(now.micros() + 7 * 86_400 * 1_000_000);
        let list = RevocationList::issue(&root, 500, now, next, [entry].to_vec()).unwrap();
        fs::write(mirror.join("root-1.crl"), list.der()).unwrap();

        let folder = restored(&daemon, &from, &keeper);
        assert!(!folder.join("root-ca.key").exists());
        let evidence = evidence(&newest, &mirror, &[]);
        let behind = proves(&daemon, &folder, &words(&evidence));
        assert!(said(&behind).contains("revoked by root-1"), "{}{}", said(&behind), told(&behind));
        let accepted = proves(&daemon, &folder, &[&words(&evidence)[..], &["--accept-loss", "--reason", "disk"]].concat());
        assert!(said(&accepted).contains("sign the lists of root-1 anew with its key"), "{}{}", said(&accepted), told(&accepted));
        let mut again = daemon.serves_in(&folder);
        assert_eq!(fetched(&again, "/crl/root-1.crl"), list.der());
        assert_eq!(daemon.json(&["cert", "show", &revoked], "")["state"], "revoked");
        assert!(again.stops().success());
    });
}

/// The root authority, as whoever has its key at home has it.
async fn root(daemon: &Daemon, key: &[u8]) -> Authority {
    let number = "SELECT COUNT(*) FROM key_generation WHERE kid = 'root-1'";
    assert_eq!(daemon.number(number).await, 1);
    let certificate = Certificate::from_pem(&fs::read(daemon.data_dir.join("first-operator/ca.crt")).unwrap()).unwrap();
    let stamp = certificate.stamp().unwrap();
    let instance = Instance::new(&stamp.instance, stamp.environment, "http://localhost:8080").unwrap();
    let key = pki::envelope::private_key_from_pem(key).unwrap();
    Authority::load(&instance, "root-1".parse().unwrap(), certificate, key).unwrap()
}

#[test]
fn a_strangers_list_and_one_that_is_older_than_the_backup_prove_nothing() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        is_published(&daemon, &running, &[]).await;
        let old = mirrored(&daemon, &running, "old");
        let (serial, _) = enrols(&daemon, &running, "agent-1");
        revokes(&daemon, &serial);
        is_published(&daemon, &running, &[&serial]).await;
        is_sealed(&daemon).await;
        let (newest, _) = checkpoint(&daemon, "log");
        let mirror = mirrored(&daemon, &running, "mirror");
        assert!(running.stops().success());
        let from = backup(&daemon, "one.bak", &keeper);
        let folder = restored(&daemon, &from, &keeper);
        let refused = |mirror: &Path, words_wanted: &str| {
            let evidence = evidence(&newest, mirror, &[]);
            let output = proves(&daemon, &folder, &words(&evidence));
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            assert!((told(&output) + &said(&output)).contains(words_wanted), "{}{}", told(&output), said(&output));
        };
        refused(&old, "it is older and shows nothing");

        let other = Daemon::new(engine).await;
        let mut elsewhere = other.serves();
        is_published(&other, &elsewhere, &[]).await;
        let foreign = mirrored(&other, &elsewhere, "mirror");
        assert!(elsewhere.stops().success());
        refused(&foreign, "is of an authority that this database does not know");

        let garbage = daemon.folder().join("garbage");
        fs::create_dir(&garbage).unwrap();
        for (number, authority) in AUTHORITIES.iter().enumerate() {
            let mut bytes = fs::read(mirror.join(format!("{authority}.crl"))).unwrap();
            bytes.truncate(bytes.len() / 2 + number);
            fs::write(garbage.join(format!("{authority}.crl")), bytes).unwrap();
        }
        refused(&garbage, "is no revocation list of ours");
        // In PEM as well as in DER.
        let pem = openssl::x509::X509Crl::from_der(&fs::read(mirror.join("operators-1.crl")).unwrap()).unwrap().to_pem().unwrap();
        fs::write(mirror.join("operators-1.crl"), pem).unwrap();
        let evidence = evidence(&newest, &mirror, &[]);
        let proven = proves(&daemon, &folder, &words(&evidence));
        assert!(proven.status.success(), "{}{}", said(&proven), told(&proven));
    });
}

#[test]
fn a_list_that_went_backwards_on_disk_is_noticed_at_the_next_start() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        let number = is_published(&daemon, &running, &[]).await;
        assert!(running.stops().success());
        let anchor: Value = serde_json::from_slice(&fs::read(daemon.data_dir.join("anchor.json")).unwrap()).unwrap();
        assert_eq!(anchor["revocation_lists"]["operators-1"], number);
        assert!(daemon.tampers("DELETE FROM revocation_list WHERE issuer = 'operators-1'").await > 0);
        let line = not_served(&daemon, &daemon.data_dir);
        assert!(line.contains(&format!("operators-1 has no revocation list, and number {number} was seen")), "{line}");
    });
}
