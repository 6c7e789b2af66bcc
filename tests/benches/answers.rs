//! How long operators wait, beside the bars: a suspension, a command, an idle dashboard. By the programs themselves, over TLS.
//! Run by `scripts/bench`, or, when the programs are built with `--release`:
//!
//!     scripts/with-postgres cargo bench -p tests --bench answers
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and stops where it cannot go on")]
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use api::account::{ListAccounts, SuspendAccount};
use client::CallOptions;
use domain::SuspensionReason;
use tests::daemon::{Daemon, Running, program};
use tests::{Engine, fixtures, measured};

/// Accounts that are suspended, one after the other.
const SUSPENSIONS: u32 = 2_000;
/// Accounts in a file, and how many of them a second: on SQLite, on PostgreSQL.
const IMPORTED: u32 = 500_000;
const IMPORT_BARS: (f64, f64) = (60.0, 120.0);
/// Runs of a command.
const COMMANDS: usize = 51;
/// What a suspension may take beyond a write that is durable.
const SUSPEND_BAR: f64 = 5.0;
/// Milliseconds, and times an `openssl version`.
const HELP_BAR: (f64, f64) = (10.0, 2.5);
const COMMAND_BAR: (f64, f64) = (25.0, 6.0);
/// How long the dashboard is left alone, and the percentage of a core that it may take.
const IDLE: Duration = Duration::from_secs(10);
const IDLE_BAR: f64 = 1.0;
/// Resident memory of a node besides page cache, MiB.
const RESIDENT_BAR: f64 = 64.0;

#[tokio::main]
async fn main() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let daemon = Daemon::new(engine).await;
        let running = daemon.serves();
        suspensions(engine, &daemon).await;
        import(engine, &daemon);
        commands(engine, &daemon);
        dashboard(engine, &daemon);
        resident(engine, &running);
    }
}

async fn suspensions(engine: Engine, daemon: &Daemon) {
    let people = daemon.folder().join("people.jsonl");
    std::fs::write(&people, fixtures::registrations(SUSPENSIONS)).unwrap();
    daemon.json(&["account", "import", "-f", &people.display().to_string()], "");
    let desk = daemon.connects();
    let accounts = desk.list_all(ListAccounts::default(), &CallOptions::default(), None).await.unwrap();
    let mut probe = std::fs::File::create(daemon.folder().join("probe")).unwrap();
    let (mut suspended, mut durable) = (Vec::new(), Vec::new());
    for account in accounts {
        let op = SuspendAccount { account: account.account, reason: SuspensionReason::LostDevice, call: None, note: None };
        let began = Instant::now();
        desk.call(&op, &CallOptions::default()).await.unwrap();
        suspended.push(began.elapsed());
        let began = Instant::now();
        probe.write_all(&[0; 4_096]).unwrap();
        probe.sync_data().unwrap();
        durable.push(began.elapsed());
    }
    let (suspend, fsync) = (percentile(&mut suspended, 99), percentile(&mut durable, 99));
    let bar = fsync + SUSPEND_BAR;
    row(engine, "suspend, p50", &format!("{:>8.2} ms", percentile(&mut suspended, 50)), "");
    row(engine, "suspend, p99", &format!("{suspend:>8.2} ms"), &beside(suspend, bar, "ms, fsync p99 + 5"));
}

/// A file of people, checked by the command line and taken in by the server in batches of five thousand.
fn import(engine: Engine, daemon: &Daemon) {
    let people = daemon.folder().join("more-people.jsonl");
    let text = fixtures::registrations(SUSPENSIONS + IMPORTED);
    let known: usize = text.lines().take(SUSPENSIONS as usize).map(|line| line.len() + 1).sum();
    std::fs::write(&people, &text[known..]).unwrap();
    let began = Instant::now();
    daemon.json(&["account", "import", "-f", &people.display().to_string()], "");
    let rate = f64::from(IMPORTED) / began.elapsed().as_secs_f64() / 1e3;
    let bar = if engine == Engine::Sqlite { IMPORT_BARS.0 } else { IMPORT_BARS.1 };
    row(engine, "account import, a file", &format!("{rate:>8.1} k/s"), &format!("   bar {bar:>6.1} k/s   {:.2}x", rate / bar));
}

fn commands(engine: Engine, daemon: &Daemon) {
    let context = daemon.data_dir.join("first-operator/context.yaml").display().to_string();
    let openssl = median(bare("openssl".as_ref(), &["version"], daemon));
    row(engine, "openssl version", &format!("{openssl:>8.2} ms"), "");
    let iamctl = program("iamctl");
    let of = |arguments: &[&str]| median(bare(&iamctl, arguments, daemon));
    for (what, took, (bar, times)) in [
        ("iamctl --help", of(&["--help"]), HELP_BAR),
        ("iamctl whoami", of(&["--context-file", &context, "whoami"]), COMMAND_BAR),
        ("iamctl key list", of(&["--context-file", &context, "key", "list"]), COMMAND_BAR),
    ] {
        let beside = format!("{}; {:.1} times an openssl version, bar {times}", beside(took, bar, "ms"), took / openssl);
        row(engine, what, &format!("{took:>8.2} ms"), &beside);
    }
}

/// Away from the caller's own settings.
fn bare(program: &Path, arguments: &[&str], daemon: &Daemon) -> Command {
    let mut command = Command::new(program);
    command.args(arguments).env_clear().env("HOME", daemon.folder()).env("PATH", "/usr/bin:/bin");
    command
}

/// The dashboard at rest, in a terminal of 120x40.
fn dashboard(engine: Engine, daemon: &Daemon) {
    let socket = daemon.folder().join("tmux").display().to_string();
    let tmux = |arguments: &[&str]| {
        let done = Command::new("tmux").arg("-S").arg(&socket).args(arguments).env("TERM", "xterm-256color").output().unwrap();
        assert!(done.status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap().trim().to_owned()
    };
    let context = daemon.data_dir.join("first-operator/context.yaml").display().to_string();
    let command = format!("exec {} --context-file {context} dashboard", program("iamctl").display());
    tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", &command]);
    let pid = tmux(&["display-message", "-p", "#{pane_pid}"]).parse().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let before = measured::processor(pid);
    std::thread::sleep(IDLE);
    let percent = (measured::processor(pid) - before) / IDLE.as_secs_f64() * 100.0;
    tmux(&["kill-server"]);
    row(engine, "dashboard, idle", &format!("{percent:>8.2} % "), &beside(percent, IDLE_BAR, "% of a core"));
}

fn resident(engine: Engine, running: &Running) {
    let mib = measured::resident(running.child.id());
    row(engine, "iamd, resident", &format!("{mib:>8.1} MiB"), &beside(mib, RESIDENT_BAR, "MiB besides page cache"));
}

/// The median of many runs, milliseconds.
fn median(mut command: Command) -> f64 {
    let mut times: Vec<Duration> = (0..COMMANDS)
        .map(|_| {
            let began = Instant::now();
            let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status().unwrap();
            assert!(status.success());
            began.elapsed()
        })
        .collect();
    percentile(&mut times, 50)
}

fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times[(times.len() * percent / 100).min(times.len() - 1)].as_secs_f64() * 1e3
}

fn beside(measured: f64, bar: f64, unit: &str) -> String {
    format!("   bar {bar:>6.1} {unit}   {:.2}x", measured / bar)
}

fn row(engine: Engine, what: &str, measured: &str, beside: &str) {
    println!("{:<11} {what:<24} {measured}{beside}", format!("{engine:?}").to_lowercase());
}
