//! `iamctl dashboard`.

use std::path::PathBuf;

use api::Exit;
use clap::Args;
use client::surroundings;

use crate::failure::{Failure, NOTHING_SENT};
use crate::output::Look;
use crate::session::Session;
use crate::verb::tell;

/// Open the dashboard: what the platform is doing, live, and the four jobs by keyboard
#[derive(Debug, Args)]
#[command(after_help = "'?' shows what each view takes, ':' takes the words of this command line, 'q'
leaves. At least 80 columns and 24 lines.

Examples:
  iamctl dashboard
  iamctl dashboard --ascii")]
pub struct Dashboard {
    /// Frames and marks in ASCII; as the locale says when absent
    #[arg(long)]
    ascii: bool,
    /// Write what happens to this file, without what was typed of a person
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    record: Option<PathBuf>,
}

impl Dashboard {
    /// Opens it and stays until it is left. It prints nothing, so it is no verb like the others.
    pub async fn perform(self, session: &Session) -> Exit {
        match self.open(session).await {
            Ok(exit) => exit,
            Err(failure) => {
                tell(session, &failure);
                failure.exit
            }
        }
    }

    async fn open(self, session: &Session) -> Result<Exit, Failure> {
        session.no_dry_run("dashboard", "asks before each write")?;
        if session.flags.idempotency_key.is_some() {
            return Err(Failure::usage("usage.idempotency-key", "the dashboard makes a key of its own for each write")
                .changed(NOTHING_SENT));
        }
        let connection = session.connection()?.clone();
        let options = tui::Options {
            ascii: self.ascii || !surroundings::speaks_utf8(),
            color: Look::of_output(session.flags.color, session.terminal).color,
            grammar: Some(crate::command()),
            record: self.record,
        };
        match tui::run(connection, options).await {
            Ok(tui::Left::Quit) => Ok(Exit::Done),
            Ok(tui::Left::Signal) => Ok(Exit::Interrupted),
            Err(failure) => Err(Failure::new(failure.exit(), failure.code(), failure.to_string()).hint(failure.hint())),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;
    use crate::arguments::{Arguments, Command};
    use crate::output::Terminal;

    #[tokio::test]
    async fn what_would_not_hold_inside_is_refused_before_it_opens() {
        for (flag, code) in [("--dry-run", "usage.dry-run"), ("--idempotency-key=12345678", "usage.idempotency-key")] {
            let matches = crate::command().try_get_matches_from(["iamctl", "dashboard", flag]).unwrap();
            let arguments = Arguments::from_arg_matches(&matches).unwrap();
            let session = Session::new(arguments.globals, Terminal { input: false, output: false, error: false });
            let Command::Dashboard(dashboard) = arguments.command else { panic!("{flag}") };
            let failure = dashboard.open(&session).await.unwrap_err();
            assert_eq!((failure.exit, failure.code.as_str()), (Exit::Usage, code));
        }
    }

    #[test]
    fn the_dashboard_understands_this_command_line() {
        let grammar = crate::command();
        for line in tui::examples() {
            assert_eq!(tui::understands(&grammar, &line), Ok(()), "{line}");
        }
        for (line, why) in
            [("key rotate", "--purpose"), ("rp suspend Nobody! --reason x", "Nobody!"), ("audit export --to log", "")]
        {
            let refused = tui::understands(&grammar, line).unwrap_err();
            assert!(refused.contains(why), "{line}: {refused}");
        }
    }
}
