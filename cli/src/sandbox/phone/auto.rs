//! `iamctl sandbox phone auto`.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use api::Exit;
use clap::{Args, ValueEnum};
use client::files::Lock;
use client::phone::{Auto as Note, Drawer, RUN};
use client::tabular::Column;
use client::{Context, Tabular, surroundings};
use domain::AccountId;
use serde::Serialize;

use super::decide::phone_of;
use crate::failure::{Failure, NOTHING_CHANGED};
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// How long a process that has just been started is looked at.
const MOMENT: Duration = Duration::from_millis(300);
/// How often what is waited for is looked at, and how many times: ten seconds, longer than a process lives that nobody has noted.
const LOOKS: (Duration, u32) = (Duration::from_millis(50), 200);

/// Have virtual phones approve what waits for them by themselves
#[derive(Debug, Args)]
#[command(after_help = "'on' starts a process that goes on in the background: it approves every request
that waits for its citizens, with all the claims asked for, and takes up those
that nobody has taken up yet. 'off' ends it. It lives no longer than this
machine runs; nothing starts it again. Its log lies beside the phones.

Examples:
  iamctl sandbox phone auto on
  iamctl sandbox phone auto on --citizen A0000000012
  iamctl sandbox phone auto off")]
pub struct Auto {
    /// On or off
    #[arg(value_enum)]
    switch: Switch,
    /// Only this citizen's phone; every phone when absent
    #[arg(long, value_name = "ACCOUNT")]
    citizen: Option<AccountId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Switch {
    /// Start it
    On,
    /// End it
    Off,
}

/// How it stands.
#[derive(Debug, Clone, Serialize)]
pub struct AutoView {
    state: Switch,
    /// For whom it answers; null for every phone.
    citizens: Option<BTreeSet<AccountId>>,
    /// The process.
    pid: Option<i32>,
    /// Where it says what it does.
    log: PathBuf,
}

impl AutoView {
    fn of(note: Option<&Note>, drawer: &Drawer) -> Self {
        Self {
            state: if note.is_some() { Switch::On } else { Switch::Off },
            citizens: note.and_then(|note| note.citizens.clone()),
            pid: note.map(|note| note.pid),
            log: Note::log(drawer),
        }
    }

    fn whom(&self) -> String {
        match (&self.citizens, self.state) {
            (_, Switch::Off) => String::new(),
            (None, Switch::On) => "all".to_owned(),
            (Some(citizens), Switch::On) => citizens.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        }
    }
}

impl Tabular for AutoView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("state", "AUTO", |row: &Self| if row.state == Switch::On { "on" } else { "off" }.to_owned()),
                Column::text("citizens", "CITIZENS", Self::whom),
                Column::number("pid", "PROCESS", Self::process, Self::process),
                Column::text("log", "LOG", |row: &Self| row.log.display().to_string()),
            ]
        }
    }
}

impl AutoView {
    fn process(&self) -> String {
        self.pid.map(|pid| pid.to_string()).unwrap_or_default()
    }
}

impl Verb for Auto {
    type Row = AutoView;

    async fn run(self, session: &Session) -> Result<Answer<AutoView>, Failure> {
        session.no_dry_run("sandbox phone auto", "starts and ends a process of this machine")?;
        session.no_idempotency_key("sandbox phone auto", "starts and ends a process of this machine")?;
        let (context, _) = session.context()?;
        let drawer = Drawer::of(&context)?;
        if let Some(account) = self.citizen {
            phone_of(&drawer, account)?;
        }
        let _held = hold(&drawer).await?;
        let running = Note::running(&drawer)?;
        let note = match self.switch {
            Switch::On => Some(on(&context, &drawer, running, self.citizen).await?),
            Switch::Off => off(&drawer, running, self.citizen).await?,
        };
        Ok(Answer::one(AutoView::of(note.as_ref(), &drawer)))
    }
}

/// Starts the process, or has the one that runs answer for this citizen too.
async fn on(context: &Context, drawer: &Drawer, running: Option<Note>, citizen: Option<AccountId>) -> Result<Note, Failure> {
    if let Some(mut note) = running {
        match (&mut note.citizens, citizen) {
            (Some(citizens), Some(citizen)) => drop(citizens.insert(citizen)),
            (citizens, None) => *citizens = None,
            (None, Some(_)) => {}
        }
        note.note(drawer)?;
        return Ok(note);
    }
    let mut child = start(context, drawer)?;
    let citizens = citizen.map(|citizen| BTreeSet::from([citizen]));
    let note = Note { pid: i32::try_from(child.id()).unwrap_or_default(), citizens, since: surroundings::now() };
    note.note(drawer)?;
    tokio::time::sleep(MOMENT).await;
    match child.try_wait() {
        Ok(None) => Ok(note),
        Ok(Some(_)) | Err(_) => {
            Note::forget(drawer)?;
            let message = format!("the process ended at once; {} says why", Note::log(drawer).display());
            Err(Failure::new(Exit::Failed, "phone.auto", message))
        }
    }
}

/// Ends the process, unless it goes on for others.
async fn off(drawer: &Drawer, running: Option<Note>, citizen: Option<AccountId>) -> Result<Option<Note>, Failure> {
    if let (Some(mut note), Some(citizen)) = (running.clone(), citizen) {
        let all = || drawer.phones().map(|phones| phones.into_iter().map(|kept| kept.account).collect());
        let mut left: BTreeSet<AccountId> = match note.citizens.take() {
            Some(citizens) => citizens,
            None => all()?,
        };
        left.remove(&citizen);
        if !left.is_empty() {
            note.citizens = Some(left);
            note.note(drawer)?;
            return Ok(Some(note));
        }
    }
    if let Some(note) = &running {
        note.stop();
    }
    Note::forget(drawer)?;
    let (pause, times) = LOOKS;
    for _ in 0..times {
        if running.as_ref().is_none_or(|note| !note.runs()) && Note::none_alive(drawer)? {
            return Ok(None);
        }
        tokio::time::sleep(pause).await;
    }
    let message = match running {
        Some(note) => format!("process {} does not end", note.pid),
        None => "a process that was started before does not end".to_owned(),
    };
    Err(Failure::new(Exit::Failed, "phone.auto", message))
}

/// Waits until nobody else starts or ends the process.
async fn hold(drawer: &Drawer) -> Result<Lock, Failure> {
    let (pause, times) = LOOKS;
    for _ in 0..times {
        if let Some(held) = Note::hold(drawer)? {
            return Ok(held);
        }
        tokio::time::sleep(pause).await;
    }
    let failure = Failure::new(Exit::Conflict, "phone.auto", "another 'sandbox phone auto' is under way");
    Err(failure.changed(NOTHING_CHANGED).hint("wait for it, and try again"))
}

fn start(context: &Context, drawer: &Drawer) -> Result<Child, Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(Exit::Failed, "phone.auto", format!("the process cannot be started: {error}")).changed(NOTHING_CHANGED)
    };
    client::files::private_folder(drawer.folder())?;
    let log = || OpenOptions::new().create(true).append(true).mode(0o600).open(Note::log(drawer));
    // Not the folder this is called from, which may go away; the context's path may be relative to it.
    let path = std::path::absolute(&context.path).map_err(failed)?;
    Command::new(std::env::current_exe().map_err(failed)?)
        .arg("--context-file")
        .arg(path)
        .args(["--output", "jsonl"])
        .args(RUN)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log().map_err(failed)?)
        .stderr(log().map_err(failed)?)
        .spawn()
        .map_err(failed)
}
