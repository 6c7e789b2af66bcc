//! What `iamd` cannot do it says in one line, with the mend, and nothing is half started.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use tests::Engine;
use tests::daemon::{Daemon, run};

/// The one line on standard error of a program that failed.
fn line(output: &Output) -> String {
    line_of(output, 1)
}

/// What the one event in the log says of a server that could not begin to serve.
fn event(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    let event: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(event["level"], "ERROR");
    event["fields"]["message"].as_str().unwrap().to_owned()
}

/// The one line on standard error of a program that was told something wrong.
fn mistake(output: &Output) -> String {
    line_of(output, 2)
}

fn line_of(output: &Output, exit: i32) -> String {
    assert_eq!(output.status.code(), Some(exit), "{output:?}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("iamd: "), "{told}");
    told
}

#[test]
fn each_mistake_is_one_line_with_the_mend() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let dir = daemon.data_dir.display().to_string();
        let serve = |more: &[&str]| {
            let mut arguments = vec!["serve", "--data-dir", dir.as_str()];
            arguments.extend(more);
            daemon.iamd(&arguments)
        };
        let settings = daemon.data_dir.join("iamd.yaml");
        let good = fs::read_to_string(&settings).unwrap();

        let told = line(&daemon.iamd(&["serve", "--data-dir", "/nonexistent"]));
        assert!(told.contains("cannot read /nonexistent/iamd.yaml") && told.contains("iamd init"), "{told}");

        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let told = event(&serve(&["--admin-listen", &taken.local_addr().unwrap().to_string()]));
        assert!(told.contains("cannot listen on") && told.contains("--admin-listen"), "{told}");

        let told = mistake(&serve(&["--admin-listen", "everywhere"]));
        assert!(told.contains("--admin-listen: 'everywhere' is no address with a port; write it like 127.0.0.1:7443"), "{told}");

        let told = mistake(&serve(&["--database-url", "mysql://elsewhere"]));
        assert!(told.contains("--database-url") && told.contains("postgres://"), "{told}");

        fs::write(&settings, format!("{good}\nadminListenn: 127.0.0.1:1\n")).unwrap();
        let told = mistake(&serve(&[]));
        assert!(told.contains("iamd.yaml: line") && told.contains("adminListenn"), "{told}");
        fs::write(&settings, format!("{good}\n\"admin\\e[31mListen\": 127.0.0.1:1\n")).unwrap();
        let told = mistake(&serve(&[]));
        assert!(told.contains("iamd.yaml: line") && told.contains("31mListen") && !told.contains('\u{1b}'), "{told}");
        fs::write(&settings, "databaseUrl: postgres://iam:hunter2@localhost/iam\n  and: more\n").unwrap();
        assert!(!mistake(&serve(&[])).contains("hunter2"));
        fs::write(&settings, &good).unwrap();

        let key = daemon.data_dir.join("key-encryption.key");
        fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
        let told = event(&serve(&[]));
        assert!(told.contains("mode 0644") && told.contains("chmod 600"), "{told}");
        fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();

        let elsewhere = daemon.folder().join("elsewhere");
        let there = elsewhere.display().to_string();
        let open_to_all = ["init", "--data-dir", &there, "--environment", "production", "--pki-listen", "0.0.0.0:8080"];
        let told = mistake(&daemon.iamd(&open_to_all));
        assert!(told.contains("--pki-url") && told.contains("nothing was changed") && !elsewhere.exists(), "{told}");

        let told = line(&daemon.iamd(&["init", "--data-dir", &dir, "--environment", "production"]));
        assert!(told.contains("holds an instance already") && told.contains("Nothing was changed"), "{told}");

        let running = daemon.serves();
        let told = event(&serve(&["--admin-listen", "127.0.0.1:0"]));
        assert!(told.contains("another iamd serves"), "{told}");
        let told = line(&daemon.iamd(&["migrate", "--data-dir", &dir]));
        assert!(told.contains("another iamd serves"), "{told}");
        drop(running);
        let migrated = daemon.iamd(&["migrate", "--data-dir", &dir]);
        assert!(String::from_utf8_lossy(&migrated.stdout).contains("up to date"), "{migrated:?}");
    });
}

#[test]
fn a_folder_that_others_write_to_holds_no_instance() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let shared = daemon.folder().join("shared");
        let dir = shared.display().to_string();
        fs::create_dir(&shared).unwrap();
        for mode in [0o770, 0o702, 0o1777] {
            fs::set_permissions(&shared, PermissionsExt::from_mode(mode)).unwrap();
            let key = daemon.data_dir.join("key-encryption.key").display().to_string();
            let init = ["init", "--data-dir", &dir, "--environment", "sandbox"];
            let join = ["join", "--data-dir", &dir, "--key-file", &key, "--database-url", "postgres://nowhere.invalid/iam"];
            for verb in [&init[..], &join] {
                let told = line(&daemon.iamd(verb));
                assert!(told.contains(&format!("has mode {mode:04o}")) && told.contains(&format!("chmod go-w {dir}")), "{told}");
            }
            assert_eq!(fs::read_dir(&shared).unwrap().count(), 0, "nothing was made");
        }
        fs::set_permissions(&shared, PermissionsExt::from_mode(0o755)).unwrap();
        assert!(daemon.iamd(&["init", "--data-dir", &dir, "--environment", "sandbox"]).status.success());

        fs::set_permissions(&shared, PermissionsExt::from_mode(0o775)).unwrap();
        let checked = daemon.iamd(&["check", "--data-dir", &dir]);
        let told = String::from_utf8(checked.stdout).unwrap();
        assert_eq!(checked.status.code(), Some(1));
        assert!(told.contains("FAIL files") && told.contains(&format!("chmod go-w {dir}")), "{told}");
    });
}

#[test]
fn a_slip_on_the_command_line_is_exit_2() {
    let home = tempfile::tempdir().unwrap();
    for arguments in
        [&["serv"][..], &["serve"], &["init", "--data-dir", "x"], &["init", "--data-dir", "x", "--environment", "staging"]]
    {
        let output = run("iamd", home.path(), arguments, "");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty());
    }
    let help = run("iamd", home.path(), &["--help"], "");
    assert!(help.status.success() && help.stderr.is_empty());
}

#[test]
fn check_says_one_line_a_thing_and_fails_when_one_of_them_does() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let dir = daemon.data_dir.display().to_string();
        daemon.serves().stops();
        let good = daemon.iamd(&["check", "--data-dir", &dir]);
        let told = String::from_utf8(good.stdout).unwrap();
        assert!(good.status.success(), "{told}");
        assert!(told.lines().all(|line| line.starts_with("ok  ")), "{told}");
        assert_eq!(told.lines().count(), 10, "{told}");

        fs::set_permissions(daemon.data_dir.join("key-encryption.key"), PermissionsExt::from_mode(0o640)).unwrap();
        let bad = daemon.iamd(&["check", "--data-dir", &dir]);
        let told = String::from_utf8(bad.stdout).unwrap();
        assert_eq!(bad.status.code(), Some(1));
        assert!(told.contains("FAIL key file") && told.contains("mend:"), "{told}");
    });
}
