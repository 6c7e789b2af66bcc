//! The proof: what was seen outside decides, and neither a removed file nor a forged note.

use std::fs;

use tests::Engine;
use tests::daemon::Daemon;

use super::{Keeper, an_entry, at, backup, checkpoint, evidence, mirrored, not_served, proves, restored, said, told, words};

#[test]
fn only_a_checkpoint_of_this_log_that_is_new_enough_proves_anything() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        let (old, _) = checkpoint(&daemon, "old");
        an_entry(&daemon, "agent-2").await;
        let (newest, size) = checkpoint(&daemon, "log");
        let mirror = mirrored(&daemon, &running, "mirror");
        let from = backup(&daemon, "one.bak", &keeper);
        assert!(running.stops().success());
        let folder = restored(&daemon, &from, &keeper);
        let refused = |evidence: &str, words: &str| {
            let output = proves(&daemon, &folder, &["--checkpoint", evidence]);
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            assert!((told(&output) + &said(&output)).contains(words), "{}{}", told(&output), said(&output));
            assert!(not_served(&daemon, &folder).contains("before it is proven"));
        };
        refused(&old, "it is older and shows nothing");
        refused(&at(&daemon, "nothing"), "cannot read");
        refused(&keeper.certificate, "is no checkpoint");
        // Signed by nobody whom the database knows, over more entries than it has.
        let note = fs::read_to_string(&newest).unwrap();
        let forged = at(&daemon, "forged");
        fs::write(&forged, note.replacen(&format!("\n{size}\n"), &format!("\n{}\n", size + 9), 1)).unwrap();
        refused(&forged, "is signed by a key that this database does not know");
        let other = Daemon::new(engine).await;
        let mut elsewhere = other.serves();
        an_entry(&other, "agent-1").await;
        let (foreign, _) = checkpoint(&other, "log");
        assert!(elsewhere.stops().success());
        refused(&foreign, "is of another log");

        let proven = proves(&daemon, &folder, &words(&evidence(&newest, &mirror, &[])));
        assert!(proven.status.success(), "{}{}", said(&proven), told(&proven));
        assert!(daemon.serves_in(&folder).stops().success());
    });
}

#[test]
fn a_folder_whose_mark_was_removed_stays_closed() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let from = backup(&daemon, "one.bak", &keeper);
        let folder = restored(&daemon, &from, &keeper);
        fs::remove_file(folder.join("restored.json")).unwrap();
        assert!(not_served(&daemon, &folder).contains("is not served by any node before it is proven"));
        let checked = daemon.iamd(&["check", "--data-dir", &folder.display().to_string()]);
        assert!(checked.status.code() == Some(1) && said(&checked).contains("FAIL anchor"), "{}", said(&checked));
    });
}

#[test]
fn a_restored_log_that_was_altered_proves_nothing() {
    crate::on(Engine::Sqlite, async |engine| {
        let mut daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        let (newest, _) = checkpoint(&daemon, "log");
        assert!(running.stops().success());
        let from = backup(&daemon, "one.bak", &keeper);
        daemon.data_dir = restored(&daemon, &from, &keeper);
        assert_eq!(daemon.tampers("UPDATE audit_entry SET leaf = CAST(leaf || ' ' AS BLOB) WHERE leaf_index = 0").await, 1);
        for more in [&[][..], &["--accept-loss", "--reason", "never mind"]] {
            let output = proves(&daemon, &daemon.data_dir, &[&["--checkpoint", &newest], more].concat());
            assert_eq!(output.status.code(), Some(1));
            assert!(told(&output).contains("no proof can be built on it"), "{}", told(&output));
        }
    });
}

#[test]
fn a_loss_is_accepted_by_somebody_who_says_why() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        let from = backup(&daemon, "one.bak", &keeper);
        assert!(running.stops().success());
        let folder = restored(&daemon, &from, &keeper);
        for more in [
            &["--accept-loss"][..],
            &["--accept-loss", "--reason", ""],
            &["--accept-loss", "--reason", "a\u{202e}b"],
            &["--reason", "x"],
        ] {
            let output = proves(&daemon, &folder, more);
            assert_eq!(output.status.code(), Some(2), "{more:?}: {}", told(&output));
        }
        // Nothing outside was kept: the only way is somebody's word.
        let accepted = proves(&daemon, &folder, &["--accept-loss", "--reason", "everything else burnt"]);
        assert!(accepted.status.success(), "{}", told(&accepted));
        let mut again = daemon.serves_in(&folder);
        let listed = daemon.json(&["audit", "list", "--action", "instance.loss-accepted"], "");
        let entry = daemon.json(&["audit", "show", listed[0]["id"].as_str().unwrap()], "");
        assert_eq!(entry["leaf"]["facts"]["more"]["reason"], "everything else burnt", "{entry}");
        assert!(again.stops().success());
    });
}

#[test]
fn a_node_whose_database_was_set_back_is_opened_by_the_same_verb() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        assert!(running.stops().success());
        let copy = daemon.folder().join("copy");
        fs::copy(daemon.data_dir.join("iam.db"), &copy).unwrap();
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-2").await;
        assert!(running.stops().success());
        fs::copy(&copy, daemon.data_dir.join("iam.db")).unwrap();

        assert!(not_served(&daemon, &daemon.data_dir).contains("--prove"));
        let behind = proves(&daemon, &daemon.data_dir, &[]);
        assert!(behind.status.code() == Some(1) && said(&behind).contains("this folder's own anchor"), "{}", said(&behind));
        let accepted = proves(&daemon, &daemon.data_dir, &["--accept-loss", "--reason", "the newest copy is gone"]);
        assert!(accepted.status.success(), "{}", told(&accepted));
        assert!(daemon.serves().stops().success());
    });
}
