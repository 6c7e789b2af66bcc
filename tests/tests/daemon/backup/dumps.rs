//! On PostgreSQL the database is its own tools' business: the order in which the two are made and restored, with these tools.

use std::fs;
use std::process::Command;

use tests::Engine;
use tests::daemon::Daemon;
use tests::world::postgres::Database;

use super::{
    Keeper, an_entry, at, backup, checkpoint, evidence, is_sealed, mirrored, not_served, proves, restores, said, told, words,
};

fn tool(name: &str, arguments: &[&str]) {
    let done = Command::new(name).args(arguments).output().unwrap();
    assert!(done.status.success(), "{name}: {}", String::from_utf8_lossy(&done.stderr));
}

/// `pg_dump`, as the manual says.
pub(super) fn dump(daemon: &Daemon, name: &str) -> String {
    let to = at(daemon, name);
    let url = daemon.database.as_ref().unwrap().url();
    tool("pg_dump", &["--format=custom", &format!("--file={to}"), &url]);
    to
}

/// A new database with that dump in it.
pub(super) async fn pg_restore(dump: &str) -> Database {
    let database = Database::create().await;
    tool("pg_restore", &["--exit-on-error", "--no-owner", &format!("--dbname={}", database.url()), dump]);
    database
}

pub(super) fn restores_beside(
    daemon: &Daemon,
    from: &str,
    keeper: &Keeper,
    database: &Database,
    to: &str,
) -> std::process::Output {
    let (folder, url) = (at(daemon, to), database.url());
    daemon.iamd(&["restore", "--data-dir", &folder, "--from", from, "--key", &keeper.key, "--database-url", &url])
}

#[test]
fn keys_first_then_the_dump_and_back_in_the_other_order() {
    crate::on(Engine::Postgres, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        let from = backup(&daemon, "keys.bak", &keeper);
        assert!(fs::metadata(&from).unwrap().len() < 64 * 1024, "the database is not in it");
        an_entry(&daemon, "agent-2").await;
        is_sealed(&daemon).await;
        let (newest, _) = checkpoint(&daemon, "log");
        let mirror = mirrored(&daemon, &running, "mirror");
        let dumped = dump(&daemon, "iam.dump");
        assert!(running.stops().success());

        // Before the database is there, nothing is written.
        let empty = Database::create().await;
        let refused = restores_beside(&daemon, &from, &keeper, &empty, "restored");
        assert!(refused.status.code() == Some(1) && told(&refused).contains("restore the database first"), "{}", told(&refused));
        assert!(!daemon.folder().join("restored").exists());

        let database = pg_restore(&dumped).await;
        let done = restores_beside(&daemon, &from, &keeper, &database, "restored");
        assert!(done.status.success(), "{}", told(&done));
        let folder = daemon.folder().join("restored");
        assert!(not_served(&daemon, &folder).contains("is not served before it is proven"));
        let settings = fs::read_to_string(folder.join("iamd.yaml")).unwrap();
        let name = database.url().split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
        assert!(settings.contains(&name), "it goes on with the database that was named: {settings}");
        // Another node of the restored instance is closed as well.
        let second = at(&daemon, "second");
        let key = folder.join("key-encryption.key").display().to_string();
        let url = database.url();
        let any = [
            "--admin-listen=127.0.0.1:0",
            "--public-listen=127.0.0.1:0",
            "--pki-listen=127.0.0.1:0",
            "--metrics-listen=127.0.0.1:0",
        ];
        let join = [&["join", "--data-dir", &second, "--database-url", &url, "--key-file", &key][..], &any].concat();
        assert!(daemon.iamd(&join).status.success());
        assert!(not_served(&daemon, std::path::Path::new(&second)).contains("is not served by any node before it is proven"));

        let proven = proves(&daemon, &folder, &words(&evidence(&newest, &mirror, &[])));
        assert!(proven.status.success(), "{}{}", said(&proven), told(&proven));
        let mut again = daemon.serves_in(&folder);
        assert_eq!(daemon.json(&["operator", "list"], "").as_array().unwrap().len(), 3);
        assert_eq!(daemon.json(&["audit", "verify", "--checkpoint", &newest], "")["ok"], true);
        assert!(again.stops().success());
    });
}

#[test]
fn a_dump_from_before_the_backup_and_a_strangers_are_refused() {
    crate::on(Engine::Postgres, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        an_entry(&daemon, "agent-1").await;
        let early = dump(&daemon, "early.dump");
        an_entry(&daemon, "agent-2").await;
        let from = backup(&daemon, "keys.bak", &keeper);
        assert!(running.stops().success());

        let older = pg_restore(&early).await;
        let refused = restores_beside(&daemon, &from, &keeper, &older, "restored");
        assert_eq!(refused.status.code(), Some(1));
        assert!(told(&refused).contains("the database is older than the backup: the audit log has"), "{}", told(&refused));

        let other = Daemon::new(engine).await;
        let stranger = restores_beside(&daemon, &from, &keeper, other.database.as_ref().unwrap(), "restored");
        assert!(told(&stranger).contains("the database is of the sandbox instance"), "{}", told(&stranger));

        // A backup that holds its own database goes nowhere else.
        let embedded = Daemon::new(Engine::Sqlite).await;
        let sqlite = backup(&embedded, "sqlite.bak", &keeper);
        let mixed = restores_beside(&daemon, &sqlite, &keeper, &older, "restored");
        assert!(told(&mixed).contains("holds its own SQLite database"), "{}", told(&mixed));
        assert!(!daemon.folder().join("restored").exists());
        assert!(restores(&daemon, &sqlite, &keeper, &daemon.folder().join("restored")).status.success());
    });
}
