//! Commands that wait, for somebody to type or for something to happen: they hear an interruption, and that nobody reads.

use std::io::Read;
use std::process::{Child, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use tests::Engine;
use tests::daemon::Daemon;

fn interrupted(child: &mut Child) -> (ExitStatus, String) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
    // Its standard input stays open meanwhile.
    let mut told = String::new();
    child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    (child.wait().unwrap(), told)
}

#[test]
fn a_file_that_is_typed_can_be_interrupted() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        for line in [&["rp", "plan", "-f", "-"][..], &["sandbox", "populate", "-f", "-", "--yes"]] {
            let (status, told) = interrupted(&mut daemon.starts_iamctl(line));
            assert_eq!(status.code(), Some(130), "{told}");
            assert!(told.starts_with("error: interrupted"), "{told}");
        }
    });
}

#[test]
fn the_stream_ends_by_interruption_and_when_nobody_reads() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let (status, told) = interrupted(&mut daemon.starts_iamctl(&["events"]));
        assert_eq!((status.code(), told.as_str()), (Some(130), ""), "it is the end that its help names");

        let mut child = daemon.starts_iamctl(&["events"]);
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "nothing happened that it could have written");
    });
}

#[test]
fn a_server_that_is_not_there_is_told_at_once_and_in_words() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let output = daemon.iamctl(&["events"], "");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(9), "{told}");
        assert!(told.starts_with("error: cannot reach") && told.contains("next:"), "{told}");
    });
}
