//! A dry run, from the command line: it may not be taken for what was done.

use std::fs;

use tests::daemon::Daemon;
use tests::fixtures::registrations;

use crate::on_both;

on_both! {
    async fn a_dry_run_says_so_in_a_log_too_and_gives_an_agent_nothing_to_read(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let people = daemon.folder().join("people.jsonl");
        fs::write(&people, registrations(1)).unwrap();
        daemon.json(&["account", "import", "-f", &people.display().to_string()], "");
        let account = daemon.json(&["account", "list"], "")[0]["account"].as_str().unwrap().to_owned();

        let line = ["account", "suspend", &account, "--reason", "lost-device"];
        let tried = daemon.iamctl(&[&line[..], &["--dry-run"]].concat(), "");
        assert_eq!(String::from_utf8(tried.stderr).unwrap(), "dry run: nothing was changed\n");
        let said = |output: Vec<u8>| String::from_utf8(output).unwrap();
        assert!(!said(tried.stdout).contains("Read back"));
        assert_eq!(daemon.json(&["account", "show", &account], "")["state"], "active");

        assert!(said(daemon.iamctl(&line, "").stdout).contains("Read back"));
    }
}
