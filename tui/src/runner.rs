//! The loop: events come in on one channel, the state takes them in, its actions are performed, the screen is drawn.

use std::io;
use std::time::Duration;

use client::surroundings::now;
use client::{Connection, events};
use domain::Environment;
use futures_util::StreamExt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinError, JoinSet};

use crate::action::Action;
use crate::event::{Event, Feed, Happened, Sent, Trouble};
use crate::failure::Failure;
use crate::perform::perform;
use crate::record::{Opened, Recorder};
use crate::state::{Look, Place, State};
use crate::terminal::{Screen, listen};
use crate::{Left, Options};

/// Events that may wait; whoever sends more waits too.
const WAITING: usize = 1_024;

type Heard = Result<Event, io::Error>;

/// Opens the dashboard and stays until it is left. The terminal is as it was afterwards, however it ends.
///
/// # Errors
/// When there is no terminal, it fails, or the recording cannot be written.
pub async fn run(connection: Connection, options: Options) -> Result<Left, Failure> {
    let mut hangup = signal(SignalKind::hangup()).map_err(Failure::Terminal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Terminal)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Terminal)?;
    let mut screen = Screen::take(options.color)?;
    let opened = Opened {
        at: now(),
        place: place(&connection),
        look: Look { ascii: options.ascii, color: options.color },
        size: Screen::size()?,
    };
    let mut recorder = match &options.record {
        Some(file) => Some(Recorder::create(file, &opened).map_err(|cause| Failure::Recording { file: file.clone(), cause })?),
        None => None,
    };
    let (to, mut from) = mpsc::channel(WAITING);
    listen(to.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(follow(connection.clone(), to.clone()));
    let (mut state, actions) = State::open(opened.place, opened.look, options.grammar, opened.size, opened.at);
    let mut work = Work { connection, to, tasks };
    if work.perform(actions) == Next::Leave {
        return Ok(Left::Quit);
    }
    screen.draw(&state)?;
    loop {
        let wakes = state.wakes().map(|at| at.saturating_since(now()));
        let heard = tokio::select! {
            heard = from.recv() => heard,
            () = sleep(wakes) => Some(Ok(Event::Tick)),
            Some(ended) = work.tasks.join_next(), if !work.tasks.is_empty() => {
                came_down(ended)?;
                continue;
            }
            _ = interrupt.recv() => return Ok(Left::Signal),
            _ = terminate.recv() => return Ok(Left::Signal),
            _ = hangup.recv() => return Ok(Left::Signal),
        };
        let mut changed = false;
        let mut next = heard;
        // What came meanwhile is taken in before the next frame.
        while let Some(heard) = next.take() {
            let happened = Happened { at: now(), event: heard.map_err(Failure::Terminal)? };
            if let (Some(recorder), Some(file)) = (&mut recorder, &options.record) {
                let written = recorder.write(&state, &happened);
                written.map_err(|cause| Failure::Recording { file: file.clone(), cause })?;
            }
            // A change only asks for a refresh, which shows it.
            changed |= !matches!(happened.event, Event::Feed(Feed::Change(_)));
            let actions = state.apply(happened);
            if work.perform(actions) == Next::Leave {
                return Ok(Left::Quit);
            }
            next = waiting(&mut from);
        }
        if changed {
            screen.draw(&state)?;
        }
    }
}

fn waiting(from: &mut Receiver<Heard>) -> Option<Heard> {
    from.try_recv().ok()
}

async fn sleep(span: Option<Duration>) {
    match span {
        Some(span) => tokio::time::sleep(span).await,
        None => std::future::pending().await,
    }
}

/// A task that ended well has sent its event; one that came down takes the dashboard with it.
fn came_down(ended: Result<(), JoinError>) -> Result<(), Failure> {
    ended.map_err(|error| Failure::Defect(error.to_string()))
}

fn place(connection: &Connection) -> Place {
    let context = connection.context();
    Place {
        context: context.map(|context| context.file.name.clone()).unwrap_or_default(),
        server: connection.server().to_owned(),
        // Where it is not known, care is due.
        environment: context.map_or(Environment::Production, |context| context.file.environment),
        operator: context.map(|context| context.file.operator.to_string()).unwrap_or_default(),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Stay,
    Leave,
}

struct Work {
    connection: Connection,
    to: Sender<Heard>,
    tasks: JoinSet<()>,
}

impl Work {
    fn perform(&mut self, actions: Vec<Action>) -> Next {
        for action in actions {
            match action {
                Action::Leave => return Next::Leave,
                Action::Call { ticket, call, key } => {
                    let (connection, to) = (self.connection.clone(), self.to.clone());
                    self.tasks.spawn(async move {
                        let answer = Box::new(perform(&connection, call, key).await);
                        // Nobody listens any more once the dashboard is left.
                        let _ = to.send(Ok(Event::Answer { ticket, answer })).await;
                    });
                }
            }
        }
        Next::Stay
    }
}

/// Sends on what the change feed tells, until the server says that it is not for this operator.
async fn follow(connection: Connection, to: Sender<Heard>) {
    let mut feed = std::pin::pin!(connection.events(None));
    while let Some(told) = feed.next().await {
        let feed = match told {
            Ok(events::Feed::Live) => Feed::Live,
            Ok(events::Feed::Change(change)) => Feed::Change(change),
            Ok(events::Feed::Lost { cause, .. }) => Feed::Lost(Trouble::of(&cause, Sent::Regularly)),
            Err(error) => Feed::Denied(Trouble::of(&error, Sent::Regularly)),
        };
        if to.send(Ok(Event::Feed(feed))).await.is_err() {
            return;
        }
    }
}
