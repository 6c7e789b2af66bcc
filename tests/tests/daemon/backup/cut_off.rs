//! Killed, interrupted, out of room: no file that looks like a backup, and nothing in the way of the next one.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::Engine;
use tests::daemon::{Daemon, program};

use super::{Keeper, at, backup, dir, is_large, names, restores, told};

fn begins(daemon: &Daemon, to: &str, keeper: &Keeper) -> Child {
    Command::new(program("iamd"))
        .args(["backup", "--data-dir", &dir(daemon), "--to", to, "--recipient", &keeper.certificate])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until a file has so many bytes.
fn grows(path: &Path, to: u64) {
    while fs::metadata(path).map_or(0, |metadata| metadata.len()) < to {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_backup_that_is_killed_or_interrupted_leaves_none() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        is_large(&daemon).await;
        let shelf = daemon.folder().join("shelf");
        fs::create_dir(&shelf).unwrap();
        let to = shelf.join("one.bak");
        let hidden = shelf.join(".one.bak.partial");
        let copy = daemon.data_dir.join("backup-copy.tmp");
        let shown = to.display().to_string();

        // While the database is copied, and while the copy is sealed.
        for (path, bytes) in [(&copy, 4_096), (&hidden, 1 << 20)] {
            let mut child = begins(&daemon, &shown, &keeper);
            grows(path, bytes);
            child.kill().unwrap();
            assert!(child.wait().unwrap().code().is_none(), "it was killed in the middle");
            assert!(!to.exists(), "nothing looks like a backup");
            assert!(names(&shelf).iter().all(|name| name == ".one.bak.partial"), "{:?}", names(&shelf));
            let refused = restores(&daemon, &hidden.display().to_string(), &keeper, &daemon.folder().join("restored"));
            assert_eq!(refused.status.code(), Some(1), "what is left is none: {}", told(&refused));

            // Out of the way, so that what grows is the next run's.
            let _ = fs::remove_file(path);
            let child = begins(&daemon, &shown, &keeper);
            grows(path, bytes);
            kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
            let ended = child.wait_with_output().unwrap();
            assert_eq!(ended.status.code(), Some(130), "{}", told(&ended));
            assert!(told(&ended).contains("interrupted; nothing was written"), "{}", told(&ended));
            assert!(names(&shelf).is_empty() && !copy.exists(), "{:?}", names(&shelf));
        }
        // The next one finds nothing in its way, what was left of the copy included.
        fs::write(&copy, "left by a run that was killed").unwrap();
        fs::write(&hidden, "left by a run that was killed").unwrap();
        let made = backup(&daemon, "shelf/one.bak", &keeper);
        assert_eq!(names(&shelf), ["one.bak"]);
        assert!(!copy.exists());
        let done = restores(&daemon, &made, &keeper, &daemon.folder().join("restored"));
        assert!(done.status.success(), "{}", told(&done));
    });
}

#[test]
fn two_runs_do_not_write_one_backup() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        is_large(&daemon).await;
        let mut first = begins(&daemon, &at(&daemon, "one.bak"), &keeper);
        grows(&daemon.data_dir.join("backup-copy.tmp"), 1);
        for name in ["one.bak", "two.bak"] {
            let second = super::backs_up(&daemon, &at(&daemon, name), &keeper);
            let line = told(&second);
            assert!(line.contains("another run writes") || line.contains("another iamd backs up"), "{line}");
        }
        assert!(first.wait().unwrap().success());
        assert!(!daemon.folder().join("two.bak").exists());
    });
}

#[test]
fn a_full_disk_leaves_no_backup_and_no_half_instance() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let good = backup(&daemon, "good.bak", &keeper);
        let shelf = daemon.folder().join("shelf");
        fs::create_dir(&shelf).unwrap();
        // A file of this process may have so many blocks of 512 bytes and no more: the copy, the backup, the restored database.
        let within = |blocks: u32, arguments: &str| {
            let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec '{}' {arguments}", program("iamd").display());
            Command::new("sh").args(["-c", &script]).output().unwrap()
        };
        // SQLite's own files come and go with whoever has the database open.
        let belongings = || names(&daemon.data_dir).into_iter().filter(|name| !name.starts_with("iam.db-")).collect::<Vec<_>>();
        let before = belongings();
        let to = shelf.join("one.bak").display().to_string();
        let make = format!("backup --data-dir '{}' --to '{to}' --recipient '{}'", dir(&daemon), keeper.certificate);
        let copy = (fs::metadata(daemon.data_dir.join("iam.db")).unwrap().len() / 512) as u32;
        for blocks in [1, copy / 4, copy / 2, copy + 1] {
            let output = within(blocks, &make);
            assert!(matches!(output.status.code(), Some(1 | 9)), "{blocks}: {}", told(&output));
            assert_eq!(told(&output).lines().count(), 1, "{}", told(&output));
            assert!(names(&shelf).is_empty(), "{blocks}: {:?}", names(&shelf));
            assert_eq!(belongings(), before, "{blocks}");
        }
        let folder = daemon.folder().join("restored");
        let restore = format!("restore --data-dir '{}' --from '{good}' --key '{}'", folder.display(), keeper.key);
        for blocks in [0, 1, copy / 2] {
            let output = within(blocks, &restore);
            assert_eq!(output.status.code(), Some(1), "{blocks}: {}", told(&output));
            assert!(!folder.exists(), "{blocks}");
        }
        assert!(restores(&daemon, &good, &keeper, &folder).status.success());
    });
}
