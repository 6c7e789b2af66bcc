//! `iamctl`: everything an operator does.
//!
//! Invariant: a command returns a reply; only [`output`] prints data. Beside it [`progress`], [`prompt`] and [`usage`] write on
//! standard error.
//! Invariant: this program speaks to the server over the admin contract alone; Cargo keeps the server's crate out of it.

mod account;
mod arguments;
mod audit;
mod cert;
mod completions;
mod context;
mod dashboard;
mod doctor;
mod early;
mod enrol;
mod events;
mod explain;
mod failure;
mod files;
mod flags;
mod help;
mod hotline;
mod job;
mod key;
mod man;
mod noun;
mod operator;
mod output;
mod progress;
mod prompt;
mod registration;
mod rp;
mod sandbox;
mod service;
mod session;
mod stats;
mod usage;
mod verb;
mod whoami;
mod words;

use std::ffi::OsString;
use std::process::ExitCode;

use api::Exit;
use clap::FromArgMatches;

use crate::arguments::Arguments;
use crate::early::Early;
use crate::output::Terminal;
use crate::session::Session;

pub use arguments::command;
pub use man::pages as man_pages;

/// Runs the program with these arguments, its name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let terminal = Terminal::find();
    let early = Early::of(arguments.get(1..).unwrap_or_default());
    let parsed = command().color(usage::clap_color(early.color)).try_get_matches_from(&arguments);
    let exit = match parsed.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => run(arguments, terminal),
        Err(error) => usage::tell(&error, &arguments, early, terminal),
    };
    ExitCode::from(exit.code())
}

fn run(arguments: Arguments, terminal: Terminal) -> Exit {
    let session = Session::new(arguments.globals, terminal);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::aside(&format!("error: the system refuses what a program needs to run: {error}"));
            return Exit::Failed;
        }
    };
    let exit = runtime.block_on(arguments.command.perform(&session));
    // A question that nobody answered holds a thread; an interrupted program does not wait for it.
    runtime.shutdown_background();
    exit
}
