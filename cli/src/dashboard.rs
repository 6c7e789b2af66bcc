//! `iamctl dashboard`.

use std::path::PathBuf;

use api::Exit;
use clap::Args;
use client::surroundings;

use crate::failure::Failure;
use crate::flags::Format;
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
                tell(session, &failure, session.flags.output.unwrap_or(Format::Table));
                failure.exit
            }
        }
    }

    async fn open(self, session: &Session) -> Result<Exit, Failure> {
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
