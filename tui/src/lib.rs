//! The terminal dashboard: what the platform is doing, live, and the four jobs by keyboard.
//!
//! Invariant: keys, ticks, resizes and server replies are events on one channel; only the state's `apply` changes state;
//! drawing reads state and changes nothing; the runner performs the actions that the state asks for.

mod action;
mod call;
mod command;
mod event;
mod export;
mod failure;
mod grammar;
mod key;
mod perform;
mod record;
mod runner;
mod secret;
mod state;
mod terminal;
mod theme;
mod view;
mod words;
mod write;

use std::path::PathBuf;

pub use action::Action;
pub use call::{Call, KeyLine, MonthFigures, Read, Reply, Wanted, Write};
pub use event::{Event, Feed, Happened, Pasted, Sent, Ticket, Trouble};
pub use failure::Failure;
pub use grammar::{examples, understands};
pub use key::{Code, Key, Named, NoKey};
pub use record::{Opened, Recorder, replay};
pub use runner::run;
pub use secret::Secret;
pub use state::{Look, Place, SMALLEST, State};
pub use view::draw;

/// How the dashboard looks and what it is given.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Frames and marks out of ASCII: for a locale that is not UTF-8, or one in which their width is ambiguous.
    pub ascii: bool,
    /// Whether colour is used; bold, reverse and underline are used either way.
    pub color: bool,
    /// The command line's own grammar, for what is typed after `:`.
    pub grammar: Option<clap::Command>,
    /// Write the session's events to this file, one JSON line each, without what was typed of a person.
    pub record: Option<PathBuf>,
}

/// How the dashboard was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// By a key.
    Quit,
    /// By a signal: SIGINT, SIGTERM or SIGHUP.
    Signal,
}
