//! A real `iamd`, and `iamctl` beside it: processes that can be killed.

mod rows;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

use client::{Connection, Context, ContextFile};
use serde_json::Value;
use tempfile::TempDir;

use crate::Engine;
use crate::soft_token::{self, SoftToken};
use crate::world::postgres::Database;

/// A program of the workspace, as `cargo build` left it beside this test.
///
/// # Panics
/// With the command to run, when it was not built: `scripts/test` builds it first.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let path = here.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.exists(), "{name} is not built; run: cargo build --workspace --bins");
    path
}

/// Runs a program to its end, away from the caller's own settings.
///
/// # Panics
/// When it cannot be started.
pub fn run(program_name: &str, home: &Path, arguments: &[&str], input: &str) -> Output {
    finish(command(program_name, home), arguments, input)
}

fn finish(mut command: Command, arguments: &[&str], input: &str) -> Output {
    let mut child = command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // It may end without reading everything.
    let writer = std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn command(name: &str, home: &Path) -> Command {
    let mut command = Command::new(program(name));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin");
    command
}

/// An instance made by the real `iamd init`, in a temporary folder.
pub struct Daemon {
    /// Its data folder.
    pub data_dir: PathBuf,
    /// PostgreSQL's side of it.
    pub database: Option<Database>,
    /// The token that its keys lie in.
    pub token: Option<SoftToken>,
    ports: [u16; 4],
    folder: TempDir,
}

/// A running `iamd serve`. Dropped, it is killed.
pub struct Running {
    /// Where it listens.
    pub admin: SocketAddr,
    /// Where it listens.
    pub public: SocketAddr,
    /// Where it listens.
    pub pki: SocketAddr,
    /// Where it listens.
    pub metrics: SocketAddr,
    /// Its process.
    pub child: Child,
    log: Arc<Mutex<Vec<String>>>,
    told: Receiver<()>,
}

impl Daemon {
    /// Makes an instance.
    ///
    /// # Panics
    /// When `iamd init` refuses.
    pub async fn new(engine: Engine) -> Self {
        Self::made(engine, None).await
    }

    /// Makes an instance whose keys lie in a token.
    ///
    /// # Panics
    /// When `iamd init` refuses.
    pub async fn with_token(engine: Engine) -> Self {
        Self::made(engine, Some(SoftToken::make())).await
    }

    async fn made(engine: Engine, token: Option<SoftToken>) -> Self {
        let daemon = Self::unmade(engine, token).await;
        let made = daemon.iamd(&daemon.init_arguments());
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        daemon
    }

    /// What an instance is made from: folder, ports, database, token; nothing is made yet.
    ///
    /// # Panics
    /// When there is no such database.
    pub async fn unmade(engine: Engine, token: Option<SoftToken>) -> Self {
        let folder = TempDir::with_prefix("iam-daemon-").unwrap();
        let data_dir = folder.path().join("data");
        let database = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Database::create().await),
        };
        Self { data_dir, database, token, ports: free_ports(), folder }
    }

    /// `iamd init` as it makes the instance.
    #[must_use]
    pub fn init_arguments(&self) -> Vec<String> {
        let [admin, public, pki, metrics] = self.ports;
        let mut arguments = vec![
            "init".to_owned(),
            "--data-dir".to_owned(),
            self.data_dir.display().to_string(),
            "--environment".to_owned(),
            "sandbox".to_owned(),
            format!("--admin-listen=127.0.0.1:{admin}"),
            format!("--public-listen=127.0.0.1:{public}"),
            format!("--pki-listen=127.0.0.1:{pki}"),
            format!("--metrics-listen=127.0.0.1:{metrics}"),
        ];
        arguments.extend(self.database.as_ref().map(|database| format!("--database-url={}", database.url())));
        arguments.extend(self.token.iter().flat_map(SoftToken::flags));
        arguments
    }

    /// `iamd` in the surroundings of this instance: SoftHSM finds its tokens by a variable.
    fn command(&self) -> Command {
        let mut command = command("iamd", self.folder());
        if let Some(token) = &self.token {
            command.env(soft_token::VARIABLE, token.configuration());
        }
        command
    }

    /// A folder for the test's own files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `iamd` to its end.
    pub fn iamd(&self, arguments: &[impl AsRef<str>]) -> Output {
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        finish(self.command(), &arguments, "")
    }

    /// Runs `iamd` by the shell, which can open files for it; `line` is what follows its name.
    pub fn iamd_by_shell(&self, line: &str) -> Output {
        let mut command = self.command();
        let program = command.get_program().to_string_lossy().into_owned();
        let environment: Vec<_> =
            command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
        command = Command::new("sh");
        command.env_clear().envs(environment).current_dir(self.folder());
        finish(command, &["-c", &format!("exec {program} {line}")], "")
    }

    /// Types at the terminal of `iamd` once it asks for something; gives how it ended and what the terminal showed.
    ///
    /// # Panics
    /// When `script` cannot be started.
    pub fn iamd_at_a_terminal(&self, line: &str, asks: &str, typed: &str) -> (ExitStatus, String) {
        let mut script = Command::new("script");
        let iamd = self.command();
        let environment = iamd.get_envs().filter_map(|(name, value)| Some((name, value?)));
        script.env_clear().envs(environment).current_dir(self.folder());
        let line = format!("{} {line}", iamd.get_program().to_string_lossy());
        script.args(["--quiet", "--return", "--command", &line, "/dev/null"]);
        let mut child = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (mut keyboard, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (mut shown, mut byte, mut asked) = (Vec::new(), [0], false);
        while std::io::Read::read(&mut screen, &mut byte).unwrap() > 0 {
            shown.push(byte[0]);
            if !asked && shown.ends_with(asks.as_bytes()) {
                asked = true;
                writeln!(keyboard, "{typed}").unwrap();
            }
        }
        (child.wait().unwrap(), String::from_utf8_lossy(&shown).into_owned())
    }

    /// Serves, and waits until it says so.
    ///
    /// # Panics
    /// With its log, when it ends instead.
    #[must_use]
    pub fn serves(&self) -> Running {
        self.serves_in(&self.data_dir)
    }

    /// Serves another node of the instance, from its own folder.
    ///
    /// # Panics
    /// With its log, when it ends instead.
    #[must_use]
    pub fn serves_in(&self, data_dir: &Path) -> Running {
        let mut child = self
            .command()
            .arg("serve")
            .arg("--data-dir")
            .arg(data_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = channel();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let lines = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                lines.lock().unwrap().push(line);
                let _ = tell.send(());
            }
        });
        let mut running = Running {
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            public: SocketAddr::from(([127, 0, 0, 1], 0)),
            pki: SocketAddr::from(([127, 0, 0, 1], 0)),
            metrics: SocketAddr::from(([127, 0, 0, 1], 0)),
            child,
            log,
            told,
        };
        let event = running.waits_for("serving");
        let address = |name: &str| event["fields"][name].as_str().unwrap().parse().unwrap();
        (running.admin, running.public) = (address("admin"), address("public"));
        (running.pki, running.metrics) = (address("pki"), address("metrics"));
        running
    }

    /// Runs `iamctl` as the first operator to its end.
    pub fn iamctl(&self, arguments: &[&str], input: &str) -> Output {
        let context = self.data_dir.join("first-operator/context.yaml").display().to_string();
        let mut all = vec!["--context-file", context.as_str()];
        all.extend(arguments);
        run("iamctl", self.folder(), &all, input)
    }

    /// Runs `iamctl` as the first operator in a shell that was told something before: a limit, what to do about a signal.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn iamctl_by_shell(&self, before: &str, arguments: &[&str]) -> Output {
        let mut shell = Command::new("sh");
        shell.env_clear().env("HOME", self.folder()).env("PATH", "/usr/bin:/bin").current_dir(self.folder());
        shell.arg("-c").arg(format!("{before}; exec \"$@\"")).arg("sh").arg(program("iamctl"));
        shell.arg("--context-file").arg(self.data_dir.join("first-operator/context.yaml"));
        finish(shell, arguments, "")
    }

    /// Starts `iamctl` as the first operator and waits until it hears an interruption.
    ///
    /// # Panics
    /// When it cannot be started, or ends before.
    #[must_use]
    pub fn starts_iamctl(&self, arguments: &[&str]) -> Child {
        let mut child = command("iamctl", self.folder())
            .arg("--context-file")
            .arg(self.data_dir.join("first-operator/context.yaml"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        let hears = |line: &str| {
            let caught = line.strip_prefix("SigCgt:").map(|mask| u64::from_str_radix(mask.trim(), 16).unwrap());
            caught.is_some_and(|mask| mask & 0b10 != 0)
        };
        while !std::fs::read_to_string(&status).unwrap().lines().any(hears) {
            assert!(child.try_wait().unwrap().is_none(), "iamctl {arguments:?} ended");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        child
    }

    /// Runs `iamctl … -o json`, which must succeed.
    ///
    /// # Panics
    /// When it does not, or prints no JSON.
    pub fn json(&self, arguments: &[&str], input: &str) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["-o", "json", "--yes"]);
        let output = self.iamctl(&all, input);
        assert!(output.status.success(), "iamctl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// A connection of the first operator.
    ///
    /// # Panics
    /// When the context cannot be read.
    #[must_use]
    pub fn connects(&self) -> Connection {
        Connection::open(&Context::read(&self.data_dir.join("first-operator/context.yaml")).unwrap()).unwrap()
    }

    /// A connection of the first operator to another node.
    ///
    /// # Panics
    /// When the context cannot be read.
    #[must_use]
    pub fn connects_to(&self, node: &Running) -> Connection {
        let context = Context::read(&self.data_dir.join("first-operator/context.yaml")).unwrap();
        let file = ContextFile { server: format!("https://{}", node.admin), ..context.file };
        Connection::open(&Context { file, path: context.path }).unwrap()
    }
}

impl Running {
    /// Waits for a log event of these words.
    ///
    /// # Panics
    /// With the whole log, when the process ends without it.
    pub fn waits_for(&self, words: &str) -> Value {
        let mut seen = 0;
        loop {
            let lines = self.log();
            for line in &lines[seen..] {
                let event: Value = serde_json::from_str(line).unwrap_or_default();
                if event["fields"]["message"] == words {
                    return event;
                }
            }
            seen = lines.len();
            assert!(self.told.recv().is_ok(), "iamd ended without '{words}':\n{}", self.log().join("\n"));
        }
    }

    /// What it has logged.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// `kill -9`, at once.
    ///
    /// # Panics
    /// When it is gone already.
    pub fn is_killed(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How many threads it has.
    ///
    /// # Panics
    /// When it is gone already.
    #[must_use]
    pub fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap().count()
    }

    /// Sends a signal.
    ///
    /// # Panics
    /// When it is gone already.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Stops it as a service manager does, and gives how it ended.
    ///
    /// # Panics
    /// When it is gone already.
    pub fn stops(&mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Ports that were free a moment ago. An instance keeps its ports through a restart, so the system cannot choose each time.
fn free_ports() -> [u16; 4] {
    // Below those that the system gives to whoever connects, and each process begins somewhere else: a port that is free now is
    // free when the server comes to it.
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let begin = std::process::id().wrapping_mul(44);
    let taken = || 12_000 + begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
    let free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    [(); 4].map(|()| std::iter::repeat_with(|| u16::try_from(taken()).unwrap()).find(free).unwrap())
}
