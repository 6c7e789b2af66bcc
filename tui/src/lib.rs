//! The terminal dashboard: what the platform is doing, live, and the four jobs by keyboard.
//!
//! Invariant: keys, ticks, resizes and server replies are events on one channel; only the state's `apply` changes state;
//! drawing reads state and changes nothing; the runner performs the actions that the state asks for.

mod failure;

use std::path::PathBuf;

pub use failure::Failure;

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

/// Opens the dashboard and stays until it is left. The terminal is as it was afterwards, however it ends.
///
/// # Errors
/// When there is no terminal, or it fails.
pub async fn run(connection: client::Connection, options: Options) -> Result<Left, Failure> {
    let _ = (connection, options);
    Err(Failure::NoTerminal("it is being built"))
}
