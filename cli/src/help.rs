//! `iamctl help`.

use api::Exit;
use clap::Args;
use client::Tabular;
use client::tabular::Column;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Print the help of a command; 'help exit-codes' lists what a script sees
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl help rp apply
  iamctl help exit-codes")]
pub struct Help {
    /// A command, or 'exit-codes'
    topic: Vec<String>,
}

/// Help, or one exit code.
#[derive(Debug, Clone, Serialize)]
pub struct HelpText {
    #[serde(skip_serializing_if = "Option::is_none")]
    exit: Option<u8>,
    meaning: String,
}

impl Tabular for HelpText {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::number(
                    "exit",
                    "EXIT",
                    |row: &Self| row.exit.map(|exit| exit.to_string()).unwrap_or_default(),
                    |row: &Self| row.exit.map(|exit| exit.to_string()).unwrap_or_default(),
                ),
                Column::text("meaning", "MEANING", |row: &Self| row.meaning.clone()),
            ]
        }
    }

    fn verbatim(&self) -> Option<&str> {
        self.exit.is_none().then_some(self.meaning.as_str())
    }
}

impl Verb for Help {
    type Row = HelpText;

    async fn run(self, _: &Session) -> Result<Answer<HelpText>, Failure> {
        if self.topic == ["exit-codes"] {
            let codes =
                Exit::ALL.iter().map(|(exit, meaning)| HelpText { exit: Some(exit.code()), meaning: (*meaning).to_owned() });
            return Ok(Answer::list(codes.collect()));
        }
        let mut root = crate::command();
        // Built, so that flags of every command and usage lines are in place.
        root.build();
        let mut at = &root;
        for word in &self.topic {
            at = at.find_subcommand(word).ok_or_else(|| {
                let names: Vec<&str> = at.get_subcommands().map(clap::Command::get_name).collect();
                let failure =
                    Failure::usage("usage.unknown-command", format!("there is no command '{}'", client::safe::visible(word)));
                match domain::suggest(word, &names) {
                    Some(near) => failure.hint(format!("did you mean '{near}'?")),
                    None => failure.hint("'iamctl --help' lists the commands"),
                }
            })?;
        }
        Ok(Answer::one(HelpText { exit: None, meaning: at.clone().render_help().to_string() }))
    }
}
