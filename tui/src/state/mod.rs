//! What the dashboard knows. [`State::apply`] alone changes it; drawing reads it.

pub(crate) mod answers;
pub(crate) mod certificates;
pub(crate) mod ending;
pub(crate) mod global;
pub(crate) mod hotline;
pub(crate) mod keys;
pub(crate) mod link;
pub(crate) mod loaded;
pub(crate) mod overview;
pub(crate) mod palette;
pub(crate) mod parties;
pub(crate) mod popup;
pub(crate) mod rotating;
pub(crate) mod rotations;
pub(crate) mod statistics;
pub(crate) mod typing;
pub(crate) mod views;
pub(crate) mod wanted;

use std::collections::BTreeMap;
use std::time::Duration;

use api::Role;
use api::instance::{Check, Overview};
use api::operator::Identity;
use domain::{Environment, Timestamp};
use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::call::{Call, Read, Write};
use crate::command::Whether;
use crate::event::{Event, Feed, Happened, Ticket, Trouble};
use crate::key::{Key, Named};
use link::{FeedState, Link};
use loaded::Loaded;
use popup::Popup;
pub(crate) use views::View;

/// The smallest terminal that the views fit into.
pub const SMALLEST: (u16, u16) = (80, 24);

/// Where the dashboard is connected to, as the context says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The context's name.
    pub context: String,
    /// The server's address.
    pub server: String,
    /// Sandbox or production.
    pub environment: Environment,
    /// The operator's id.
    pub operator: String,
}

/// How it is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Frames and marks out of ASCII.
    pub ascii: bool,
    /// With colour.
    pub color: bool,
}

/// What a call under way was for.
#[derive(Debug)]
pub(crate) enum Asked {
    Read(Read),
    Find,
    Export,
    Write(Write),
}

/// A line about what was just done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) text: String,
    /// The command that does the same.
    pub(crate) command: Option<String>,
    /// When it has been there long enough; none while the call is under way.
    pub(crate) until: Option<Timestamp>,
}

/// How long a line about what was done stays.
const NOTICE: Duration = Duration::from_secs(20);

/// What the dashboard knows.
pub struct State {
    pub(crate) place: Place,
    pub(crate) look: Look,
    pub(crate) grammar: Option<clap::Command>,
    pub(crate) now: Timestamp,
    pub(crate) size: (u16, u16),
    pub(crate) view: View,
    pub(crate) link: Link,
    pub(crate) identity: Loaded<Identity>,
    pub(crate) overview: Loaded<Overview>,
    pub(crate) checks: Loaded<Vec<Check>>,
    pub(crate) parties: parties::Parties,
    pub(crate) keys: keys::Keys,
    pub(crate) certificates: certificates::Certificates,
    pub(crate) rotations: rotations::Rotations,
    pub(crate) statistics: statistics::Statistics,
    pub(crate) ending: ending::Ending,
    pub(crate) hotline: hotline::Hotline,
    pub(crate) popup: Option<Popup>,
    pub(crate) notice: Option<Notice>,
    pub(crate) pending: BTreeMap<Ticket, Asked>,
    /// Whether the operator has chosen a view; until then their roles choose it.
    pub(crate) chosen: bool,
    tickets: u64,
    actions: Vec<Action>,
}

impl State {
    /// A dashboard that has just been opened, and the first questions to the server.
    #[must_use]
    pub fn open(
        place: Place,
        look: Look,
        grammar: Option<clap::Command>,
        size: (u16, u16),
        now: Timestamp,
    ) -> (Self, Vec<Action>) {
        let mut state = Self {
            place,
            look,
            grammar,
            now,
            size,
            view: View::Overview,
            link: Link::new(now),
            identity: Loaded::default(),
            overview: Loaded::default(),
            checks: Loaded::default(),
            parties: parties::Parties::default(),
            keys: keys::Keys::default(),
            certificates: certificates::Certificates::default(),
            rotations: rotations::Rotations::default(),
            statistics: statistics::Statistics::default(),
            ending: ending::Ending::default(),
            hotline: hotline::Hotline::default(),
            popup: None,
            notice: None,
            pending: BTreeMap::new(),
            chosen: false,
            tickets: 0,
            actions: Vec::new(),
        };
        state.refresh();
        let actions = std::mem::take(&mut state.actions);
        (state, actions)
    }

    /// Takes in what happened and says what is to be done.
    pub fn apply(&mut self, happened: Happened) -> Vec<Action> {
        self.now = happened.at;
        match happened.event {
            Event::Key(key) => self.key(key),
            Event::Paste(pasted) => self.paste(&pasted),
            Event::Resize { columns, rows } => self.resize(columns, rows),
            Event::Tick => self.tick(),
            Event::Answer { ticket, answer } => self.answered(ticket, *answer),
            Event::Feed(feed) => self.fed(feed),
        }
        std::mem::take(&mut self.actions)
    }

    /// When it wants to be woken by a tick; none when nothing will change by itself.
    #[must_use]
    pub fn wakes(&self) -> Option<Timestamp> {
        let second = Duration::from_secs(1);
        // A call that is open and a server that is away are counted in seconds, the rest in minutes.
        let counts = self.hotline.is_open() || self.link.away.is_some();
        let minute = self.now.plus(second * 60);
        let clock = if counts { self.now.plus(second) } else { minute };
        let notice = self.notice.as_ref().and_then(|notice| notice.until);
        [Some(clock), notice, Some(self.link.due())].into_iter().flatten().min()
    }

    fn tick(&mut self) {
        if self.notice.as_ref().and_then(|notice| notice.until).is_some_and(|until| until <= self.now) {
            self.notice = None;
        }
        if self.link.due() <= self.now {
            if self.pending.values().any(|asked| matches!(asked, Asked::Read(_))) {
                // Whoever is slow is not asked twice at a time.
                self.link.asked(self.now);
                self.link.want(self.now);
            } else {
                self.refresh();
            }
        }
    }

    fn resize(&mut self, columns: u16, rows: u16) {
        let wider = columns > self.size.0;
        self.size = (columns, rows);
        if wider && self.view == View::Overview {
            self.refresh();
        }
    }

    fn fed(&mut self, feed: Feed) {
        match feed {
            Feed::Live => {
                self.link.feed = FeedState::Live;
                if self.link.away.is_some() || self.identity.value.is_none() {
                    self.link.reached();
                    self.ask(Read::WhoAmI);
                    self.refresh();
                }
            }
            Feed::Change(change) => {
                self.link.changed(self.now);
                self.ending.changed(&change.action);
                if change.action.starts_with("operator.") && change.subject == self.place.operator {
                    // What this operator may do has perhaps changed.
                    self.ask(Read::WhoAmI);
                }
            }
            Feed::Lost(trouble) => {
                self.link.feed = FeedState::Lost;
                self.link.not_reached(self.now, &trouble.message);
            }
            Feed::Denied(trouble) => {
                self.link.feed = FeedState::Denied;
                if self.identity.value.is_none() {
                    self.identity.failed(trouble);
                }
            }
        }
    }

    fn key(&mut self, key: Key) {
        if key == Key::of(crate::key::Code::Char('c')).with_ctrl() {
            // Asked twice it does not ask back.
            if matches!(self.popup, Some(Popup::Leaving)) {
                return self.leave();
            }
            return global::quit(self);
        }
        if self.is_too_small() {
            // Nothing is seen of a view or of what stands in front of it, but for the question whether to leave.
            return match &self.popup {
                Some(Popup::Leaving) => popup::key(self, key),
                _ if key.typed() == Some('q') => global::quit(self),
                _ => {}
            };
        }
        if self.popup.is_some() {
            return popup::key(self, key);
        }
        if self.type_into(key) {
            return;
        }
        let commands = self.view.commands().iter().chain(global::COMMANDS);
        // A view may use a key in several stages, of which one at a time is enabled.
        let mut refused = None;
        for command in commands.filter(|command| command.answers_to(key)) {
            match (command.enabled)(self) {
                Ok(()) => return (command.run)(self),
                Err(why) => refused = refused.or(Some((command.name, why))),
            }
        }
        if let Some((name, why)) = refused {
            self.tell(format!("{name}: {why}"), None);
        } else if key.name() != Some(Named::Esc) && key.typed().is_some_and(|typed| !typed.is_whitespace()) {
            self.tell(format!("'{key}' does nothing here; ? shows the keys"), None);
        }
    }

    /// Whether the terminal is smaller than the views.
    pub(crate) fn is_too_small(&self) -> bool {
        self.size.0 < SMALLEST.0 || self.size.1 < SMALLEST.1
    }

    /// Whether the operator holds one of these roles.
    pub(crate) fn may(&self, roles: &[Role]) -> Whether {
        let Some(identity) = &self.identity.value else {
            return Err("the server has not said yet who you are".to_owned());
        };
        if identity.roles.iter().any(|role| roles.contains(role)) {
            return Ok(());
        }
        let wanted: Vec<&str> = roles.iter().map(|role| role.as_str()).collect();
        Err(match wanted.as_slice() {
            [role] => format!("needs the role {role}"),
            roles => format!("needs one of the roles {}", roles.join(", ")),
        })
    }

    /// A write that was sent and not answered.
    pub(crate) fn unanswered(&self) -> Option<&Write> {
        self.pending.values().find_map(|asked| match asked {
            Asked::Write(write) => Some(write),
            _ => None,
        })
    }

    /// Goes to a view.
    pub(crate) fn go(&mut self, view: View) {
        self.chosen = true;
        if self.view != view {
            self.view = view;
            self.refresh();
        }
    }

    /// A line about what was done, or why nothing was.
    pub(crate) fn tell(&mut self, text: impl Into<String>, command: Option<String>) {
        self.notice = Some(Notice { text: text.into(), command, until: Some(self.now.plus(NOTICE)) });
    }

    /// Asks for everything that the view shows, and who we are while that is not known.
    pub(crate) fn refresh(&mut self) {
        self.link.asked(self.now);
        if self.identity.value.is_none() {
            self.ask(Read::WhoAmI);
        }
        self.view.reads(self).into_iter().for_each(|read| self.ask(read));
        ending::refresh(self);
    }

    /// Asks, unless the roles do not reach it or it is under way.
    pub(crate) fn ask(&mut self, read: Read) {
        let known = self.identity.value.is_some();
        let under_way = self.pending.values().any(|asked| matches!(asked, Asked::Read(other) if *other == read));
        if under_way || known && self.may(read.roles()).is_err() {
            return;
        }
        let ticket = self.ticket(Asked::Read(read.clone()));
        self.actions.push(Action::Call { ticket, call: Call::Read(read), key: None });
    }

    /// Sends a write; `key` is the one it was sent under before.
    pub(crate) fn send(&mut self, write: Write, key: Option<String>) {
        let command = write.command();
        self.notice = Some(Notice { text: "sent, waiting for the answer".to_owned(), command: Some(command), until: None });
        let ticket = self.ticket(Asked::Write(write.clone()));
        self.actions.push(Action::Call { ticket, call: Call::Write(write), key });
    }

    /// Sends what a caller named; it leaves the state with it.
    pub(crate) fn find(&mut self, call: domain::CallRef, who: crate::secret::Secret) {
        let ticket = self.ticket(Asked::Find);
        self.actions.push(Action::Call { ticket, call: Call::Find { call, who }, key: None });
    }

    fn ticket(&mut self, asked: Asked) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.pending.insert(ticket, asked);
        ticket
    }

    /// Leaves.
    pub(crate) fn leave(&mut self) {
        self.actions.push(Action::Leave);
    }

    /// Shows what went wrong with a write, and offers to send it again.
    pub(crate) fn trouble(&mut self, trouble: Trouble, write: Option<Write>) {
        let command = write.as_ref().map(Write::command);
        let again = write.filter(|_| trouble.unconfirmed.is_some() || trouble.retryable);
        self.popup = Some(Popup::Trouble { trouble, command, again });
    }
}
