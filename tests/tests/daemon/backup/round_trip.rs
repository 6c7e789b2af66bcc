//! A backup made while the office works, and the office at work again in another place.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

use tests::Engine;
use tests::daemon::Daemon;
use tests::fixtures::registrations;

use super::{
    Keeper, an_entry, at, backs_up, backup, checkpoint, dir, evidence, is_sealed, mirrored, names, not_served, proves, restored,
    said, told, words,
};

const ROWS: u32 = 20_000;

#[test]
fn the_office_goes_on_while_it_is_backed_up_and_the_backup_is_of_one_moment() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Arc::new(Daemon::new(engine).await);
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        let file = daemon.folder().join("people.jsonl");
        fs::write(&file, registrations(ROWS)).unwrap();
        let importing = {
            let (daemon, file) = (Arc::clone(&daemon), file.display().to_string());
            tokio::task::spawn_blocking(move || daemon.json(&["account", "import", "-f", &file], ""))
        };
        while daemon.number("SELECT COUNT(*) FROM account").await == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        let from = backup(&daemon, "while.bak", &keeper);
        let imported = importing.await.unwrap();
        assert_eq!(imported["rows"], ROWS, "the import went on: {imported}");
        is_sealed(&daemon).await;
        let (newest, size) = checkpoint(&daemon, "log");
        assert!(running.stops().success());

        let folder = restored(&daemon, &from, &keeper);
        assert!(not_served(&daemon, &folder).contains("is not served before it is proven"));
        let behind = proves(&daemon, &folder, &["--checkpoint", &newest]);
        assert_eq!(behind.status.code(), Some(1), "the import went on after the backup: {}", said(&behind));
        assert!(said(&behind).contains(&format!("of the {size} entries seen")), "{}", said(&behind));
        let accepted = proves(&daemon, &folder, &["--checkpoint", &newest, "--accept-loss", "--reason", "the disk burnt"]);
        assert!(accepted.status.success(), "{}", told(&accepted));

        let mut again = daemon.serves_in(&folder);
        let accounts = daemon.json(&["account", "list"], "").as_array().unwrap().len();
        assert!(accounts >= 5_000 && accounts % 5_000 == 0, "batches are in it whole: {accounts}");
        assert_eq!(daemon.json(&["audit", "verify"], "")["ok"], true);
        // The keys are those that the people were sealed under.
        let call = daemon.json(&["hotline", "open"], "")["call"].as_str().unwrap().to_owned();
        let mut found = 0;
        for number in [7, 5_007, 10_007, 15_007] {
            let somebody = domain::Hkic::synthetic(number).unwrap();
            let here = daemon.json(&["hotline", "find", "--call", &call, "--hkic", "-"], &format!("{}\n", somebody.expose()));
            found += here.as_array().unwrap().iter().filter(|account| account["name_masked"].is_string()).count();
        }
        assert_eq!(found, accounts / 5_000, "one of each batch");
        // An auditor with the newer checkpoint sees what happened.
        let seen = daemon.iamctl(&["audit", "verify", "--checkpoint", &newest, "-o", "json"], "");
        assert_eq!(seen.status.code(), Some(1), "{}", said(&seen));
        assert!(again.stops().success());
    });
}

#[test]
fn a_backup_holds_nothing_in_the_clear_and_is_in_the_audit_log() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        let file = daemon.folder().join("people.jsonl");
        fs::write(&file, registrations(50)).unwrap();
        daemon.json(&["account", "import", "-f", &file.display().to_string()], "");
        fs::remove_file(&file).unwrap();
        let before = names(&daemon.data_dir);
        let from = backup(&daemon, "canaries.bak", &keeper);
        let bytes = fs::read(&from).unwrap();
        assert_eq!(fs::metadata(&from).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(names(&daemon.data_dir), before, "no copy of the database is left");

        let key = fs::read_to_string(daemon.data_dir.join("key-encryption.key")).unwrap();
        let secret = key.split_whitespace().last().unwrap();
        let somebody = domain::Hkic::synthetic(7).unwrap();
        let hkic = somebody.expose().split('(').next().unwrap();
        for canary in [secret, hkic, "CHAN TAI", "陳大文", "90000007", "CREATE TABLE", "iam-kek", "PRIVATE KEY", "Listen"] {
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "the backup holds {canary}");
        }

        is_sealed(&daemon).await;
        let listed = daemon.json(&["audit", "list", "--action", "instance.backup"], "");
        let id = listed[0]["id"].as_str().unwrap();
        let entry = daemon.json(&["audit", "show", id], "");
        let facts = &entry["leaf"]["facts"];
        assert_eq!(facts["sha256"], server::keys::hex(&openssl::sha::sha256(&bytes)), "{entry}");
        assert_eq!(facts["bytes"], bytes.len());
        let certificate = openssl::x509::X509::from_pem(&fs::read(&keeper.certificate).unwrap()).unwrap();
        assert_eq!(facts["recipients"][0], server::keys::hex(&openssl::sha::sha256(&certificate.to_der().unwrap())));
        assert!(running.stops().success());
    });
}

#[test]
fn a_backup_that_the_log_takes_no_entry_of_is_none() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let before = names(daemon.folder());
        daemon
            .tampers(
                "CREATE TRIGGER full BEFORE INSERT ON audit_entry BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
            )
            .await;
        let made = backs_up(&daemon, &at(&daemon, "unsaid.bak"), &keeper);
        assert_eq!(made.status.code(), Some(1), "{}", told(&made));
        assert!(told(&made).contains("the audit log takes no entry of this backup, so there is none"), "{}", told(&made));
        assert_eq!(names(daemon.folder()), before, "nothing of it is left");
    });
}

#[test]
fn an_instance_that_moves_loses_nothing_and_proves_it() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let (first, second) = (Keeper::new(daemon.folder(), "first"), Keeper::new(daemon.folder(), "second"));
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        let (newest, size) = checkpoint(&daemon, "log");
        let mirror = mirrored(&daemon, &running, "mirror");
        assert!(running.stops().success());
        let evidence = evidence(&newest, &mirror, &[]);
        let to = at(&daemon, "moved.bak");
        let both = ["--recipient", &first.certificate, "--recipient", &second.certificate];
        let made = daemon.iamd(&[&["backup", "--data-dir", &dir(&daemon), "--to", &to], &both[..]].concat());
        assert!(made.status.success(), "{}", told(&made));
        assert!(said(&made).contains("CN=first") && said(&made).contains("CN=second"), "{}", said(&made));
        let kept = fs::read(&to).unwrap();

        // Either key opens it.
        for (keeper, place) in [(&first, "with-first"), (&second, "with-second")] {
            let folder = daemon.folder().join(place);
            let done = super::restores(&daemon, &to, keeper, &folder);
            assert!(done.status.success() && told(&done).contains("hour old"), "{}", told(&done));
            let nothing = proves(&daemon, &folder, &[]);
            assert!(
                nothing.status.code() == Some(1) && told(&nothing).contains("no checkpoint from outside was shown"),
                "{nothing:?}"
            );
            let proven = proves(&daemon, &folder, &words(&evidence));
            assert!(proven.status.success(), "{}{}", said(&proven), told(&proven));
            assert!(said(&proven).contains(&format!("{size} entries")), "{}", said(&proven));
        }
        let folder = daemon.folder().join("with-first");
        assert_eq!(fs::read(folder.join("iamd.yaml")).unwrap(), fs::read(daemon.data_dir.join("iamd.yaml")).unwrap());
        let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("iam.db"), mode("key-encryption.key"), mode("first-operator/operator.key")), (0o600, 0o600, 0o600));
        let mut again = daemon.serves_in(&folder);
        let context = folder.join("first-operator/context.yaml").display().to_string();
        let shown =
            tests::daemon::run("iamctl", daemon.folder(), &["--context-file", &context, "operator", "show", "agent-1"], "");
        assert!(shown.status.success(), "{}", told(&shown));
        assert_eq!(daemon.json(&["audit", "verify", "--checkpoint", &newest], "")["ok"], true);
        let listed = daemon.json(&["audit", "list"], "");
        let actions: Vec<_> = listed.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert!(actions.contains(&"instance.restore") && actions.contains(&"instance.prove"), "{actions:?}");
        assert!(again.stops().success());
        assert_eq!(fs::read(&to).unwrap(), kept, "the backup itself stays as it was");
    });
}

#[test]
fn what_is_there_is_neither_overwritten_nor_mixed() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let from = backup(&daemon, "one.bak", &keeper);
        let bytes = fs::read(&from).unwrap();
        let again = backs_up(&daemon, &from, &keeper);
        assert!(again.status.code() == Some(1) && told(&again).contains("is there already"), "{again:?}");
        assert_eq!(fs::read(&from).unwrap(), bytes);
        let nowhere = backs_up(&daemon, &at(&daemon, "no/such/folder/one.bak"), &keeper);
        assert!(told(&nowhere).contains("there is no folder"), "{}", told(&nowhere));

        let busy = daemon.folder().join("busy");
        fs::create_dir(&busy).unwrap();
        fs::write(busy.join("letter.txt"), "Dear madam").unwrap();
        for folder in [&busy, &daemon.data_dir] {
            let refused = super::restores(&daemon, &from, &keeper, folder);
            assert!(refused.status.code() == Some(1) && told(&refused).contains("is not empty"), "{refused:?}");
        }
        assert_eq!(names(&busy), ["letter.txt"]);
        fs::remove_file(busy.join("letter.txt")).unwrap();
        fs::set_permissions(&busy, PermissionsExt::from_mode(0o777)).unwrap();
        assert!(told(&super::restores(&daemon, &from, &keeper, &busy)).contains("chmod go-w"));
        assert!(names(&busy).is_empty());
    });
}

#[test]
fn a_recipient_opens_their_lock_with_openssl_alone() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let bytes = fs::read(backup(&daemon, "one.bak", &keeper)).unwrap();
        // As the published format says: 14 bytes of name, 2 of version, 4 of length, and that many of JSON.
        let length = u32::from_be_bytes(bytes[16..20].try_into().unwrap()) as usize;
        let head: serde_json::Value = serde_json::from_slice(&bytes[20..20 + length]).unwrap();
        assert_eq!((&bytes[..14], head["engine"].as_str()), (&b"iam-backup\r\n\x1a\n"[..], Some("sqlite")));
        let lock = openssl::base64::decode_block(head["locks"][0]["sealed"].as_str().unwrap()).unwrap();
        fs::write(daemon.folder().join("lock.der"), lock).unwrap();
        let opened = Command::new("openssl")
            .args(["cms", "-decrypt", "-inform", "DER", "-in", &at(&daemon, "lock.der"), "-inkey", &keeper.key])
            .output()
            .unwrap();
        assert!(opened.status.success(), "{}", String::from_utf8_lossy(&opened.stderr));
        assert_eq!(opened.stdout.len(), 32, "the file's key");
    });
}
