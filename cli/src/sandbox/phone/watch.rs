//! `iamctl sandbox phone watch`: what answers for virtual phones by itself, as long as its note names it.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use api::app::request::Decision;
use api::sandbox::{ListRequests, WaitingRequest};
use clap::Args;
use client::files::Lock;
use client::phone::{Auto as Note, Drawer, Kept, Line, Phone};
use client::{CallOptions, Connection};
use domain::CitizenRequestId;
use futures_util::stream;

use super::decide::{Answered, answer, on_any_screen, on_its_screen};
use super::in_turn::InTurn;
use crate::failure::Failure;
use crate::output::{Answer, Body, aside};
use crate::session::Session;
use crate::verb::{Ends, Verb};

/// How often it looks what waits.
const PAUSE: Duration = Duration::from_millis(400);
/// How often a request is tried that does not go through.
const TRIES: u32 = 3;
/// Looks within which the note has to name this process: it is written once the process is there.
const FIRST_LOOKS: u32 = 20;

/// Answer for virtual phones until the note beside them names another
#[derive(Debug, Args)]
pub struct Watch {}

struct Watching {
    connection: Connection,
    ca: Vec<u8>,
    drawer: Drawer,
    line: Option<(String, Line)>,
    ready: VecDeque<Answered>,
    failed: BTreeMap<CitizenRequestId, u32>,
    looks: u32,
    trouble: Option<String>,
    /// Says that this process is there, as long as it is.
    _alive: Lock,
}

impl Verb for Watch {
    type Row = Answered;
    const ENDS: Ends = Ends::WhenInterrupted;

    async fn run(self, session: &Session) -> Result<Answer<Answered>, Failure> {
        // A terminal that is closed takes along what belongs to its session.
        if let Err(error) = rustix::process::setsid() {
            session.verbose(|| format!("this process belongs to its terminal's session: {error}"));
        }
        let (context, _) = session.context()?;
        let drawer = Drawer::of(&context)?;
        let watching = Watching {
            connection: session.connection()?.clone(),
            ca: context.read_ca()?,
            _alive: Note::alive(&drawer)?,
            drawer,
            line: None,
            ready: VecDeque::new(),
            failed: BTreeMap::new(),
            looks: 0,
            trouble: None,
        };
        let answers = stream::try_unfold(watching, |mut watching| async move {
            loop {
                if let Some(answered) = watching.ready.pop_front() {
                    return Ok(Some((answered, watching)));
                }
                let Some(note) = watching.wanted()? else { return Ok(None) };
                if let Some(note) = note {
                    let looked = watching.look(&note).await;
                    watching.tell(looked.err());
                }
                if watching.ready.is_empty() {
                    tokio::time::sleep(PAUSE).await;
                }
            }
        });
        Ok(Answer::of(Body::Live(Box::pin(answers))))
    }
}

impl Watching {
    /// The note that names this process; none when another or nobody is named, `Some(None)` as long as it may not be written yet.
    fn wanted(&mut self) -> Result<Option<Option<Note>>, Failure> {
        let own = i32::try_from(std::process::id()).unwrap_or_default();
        let note = Note::noted(&self.drawer)?.filter(|note| note.pid == own);
        if note.is_some() {
            self.looks = FIRST_LOOKS;
        } else {
            self.looks += 1;
        }
        Ok(if note.is_none() && self.looks > FIRST_LOOKS { None } else { Some(note) })
    }

    /// Answers what waits.
    async fn look(&mut self, note: &Note) -> Result<(), Failure> {
        let waiting = self.connection.call(&ListRequests::default(), &CallOptions::default()).await?.reply;
        let mut phones = self.drawer.phones()?;
        phones.retain(|kept| note.answers_for(kept.account));
        self.failed.retain(|id, _| waiting.requests.iter().any(|request| request.request == *id));
        for request in waiting.requests {
            let whose = phones.iter().filter(|kept| request.account.is_none_or(|account| account == kept.account));
            let whose: Vec<Kept> = whose.cloned().collect();
            if whose.is_empty() || self.failed.get(&request.request).is_some_and(|times| *times >= TRIES) {
                continue;
            }
            match self.approve(&waiting.public_url, whose, &request).await {
                Ok(answered) => self.ready.push_back(answered),
                Err(failure) => {
                    *self.failed.entry(request.request).or_default() += 1;
                    aside(&format!("{}: {} ({})", request.request, failure.message, failure.code));
                }
            }
        }
        Ok(())
    }

    async fn approve(&mut self, public_url: &str, whose: Vec<Kept>, request: &WaitingRequest) -> Result<Answered, Failure> {
        let line = match &self.line {
            Some((url, line)) if url == public_url => line.clone(),
            _ => {
                let line = Line::open(public_url, &self.ca)?;
                self.line = Some((public_url.to_owned(), line.clone()));
                line
            }
        };
        let mut turns = InTurn::new(whose);
        let (phone, shown) = match request.account {
            Some(_) => on_its_screen(Phone::new(line, &turns.next()?)?, request).await?,
            None => on_any_screen(&mut turns, &line, request).await.map(|(_, phone, shown)| (phone, shown))?,
        };
        Ok(answer(&phone, shown, Decision::Approved, None).await?)
    }

    /// Tells what keeps it from looking, once each time it changes: a server that is down is asked again and again.
    fn tell(&mut self, failure: Option<Failure>) {
        let trouble = failure.map(|failure| format!("{} ({})", failure.message, failure.code));
        if let Some(text) = trouble.as_ref().filter(|text| self.trouble.as_ref() != Some(text)) {
            aside(text);
        }
        self.trouble = trouble;
    }
}
