//! A passphrase is typed at a terminal, twice, and comes in no other way.

use std::io::Write;
use std::process::{Command, Stdio};

use tests::Engine;
use tests::daemon::{Daemon, program, run};

use super::{at, dir, told};

const PASSPHRASE: &str = "correct horse battery";

/// Runs `iamd` at a terminal, where somebody types these lines; gives its exit status and what was to be seen.
fn at_a_terminal(daemon: &Daemon, arguments: &[&str], typed: &[&str]) -> (Option<i32>, String) {
    let line: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
    let mut child = Command::new("script")
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", daemon.folder())
        .args(["-qec", &format!("exec '{}' {}", program("iamd").display(), line.join(" ")), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for line in typed {
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }
    // Open until the end: a terminal does not hang up when somebody has typed their answer.
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn a_backup_under_a_passphrase_opens_with_it_and_with_nothing_else() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let (dir, to) = (dir(&daemon), at(&daemon, "phrase.bak"));
        let backup = ["backup", "--data-dir", &dir, "--to", &to];
        let (code, seen) =
            at_a_terminal(&daemon, &backup, &["too short", "correct horse battery", "correct horse batteries", "", "x"]);
        assert_eq!(code, Some(2), "{seen}");
        assert!(seen.contains("too short, or not the same twice") && !std::path::Path::new(&to).exists(), "{seen}");
        let (code, seen) = at_a_terminal(&daemon, &backup, &[PASSPHRASE, PASSPHRASE]);
        assert_eq!(code, Some(0), "{seen}");
        assert!(seen.contains("Passphrase for the backup") && seen.contains("opens with   its passphrase"), "{seen}");

        let folder = at(&daemon, "restored");
        let restore = ["restore", "--data-dir", &folder, "--from", &to];
        let (code, seen) = at_a_terminal(&daemon, &restore, &["a wrong passphrase", "another wrong one", "and a third one"]);
        assert_eq!(code, Some(1), "{seen}");
        assert!(seen.contains("the passphrase does not open this backup") && !std::path::Path::new(&folder).exists(), "{seen}");
        let (code, seen) = at_a_terminal(&daemon, &restore, &["a wrong passphrase", PASSPHRASE]);
        assert_eq!(code, Some(0), "{seen}");
        assert!(seen.contains("restored     instance"), "{seen}");
        assert!(daemon.folder().join("restored/iam.db").exists());
    });
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let to = at(&daemon, "phrase.bak");
        let arguments = ["--wait", &program("iamd").display().to_string(), "backup", "--data-dir", &dir(&daemon), "--to", &to];
        let output = Command::new("setsid").args(arguments).stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
        assert!(told(&output).contains("there is no terminal") && told(&output).contains("--recipient keeper.crt"));
        assert!(!std::path::Path::new(&to).exists());
        // A flag for it there is not.
        let refused = run("iamd", daemon.folder(), &["backup", "--data-dir", "x", "--to", "y", "--passphrase", "z"], "");
        assert_eq!(refused.status.code(), Some(2));
    });
}
