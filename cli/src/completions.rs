//! `iamctl completions`.

use clap::{Args, Command, ValueEnum};
use client::Tabular;
use client::tabular::Column;
use serde::Serialize;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Print what makes a shell complete commands, flags and words
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl completions bash > /etc/bash_completion.d/iamctl
  iamctl completions zsh > \"${fpath[1]}/_iamctl\"
  iamctl completions fish > ~/.config/fish/completions/iamctl.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// A completion script.
#[derive(Debug, Clone, Serialize)]
pub struct Script {
    shell: &'static str,
    script: String,
}

impl Tabular for Script {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("shell", "SHELL", |row: &Self| row.shell.to_owned()),
                Column::text("script", "SCRIPT", |row: &Self| row.script.clone()),
            ]
        }
    }

    fn verbatim(&self) -> Option<&str> {
        Some(&self.script)
    }
}

impl Verb for Completions {
    type Row = Script;

    async fn run(self, _: &Session) -> Result<Answer<Script>, Failure> {
        let (shell, generator) = match self.shell {
            Shell::Bash => ("bash", clap_complete::Shell::Bash),
            Shell::Zsh => ("zsh", clap_complete::Shell::Zsh),
            Shell::Fish => ("fish", clap_complete::Shell::Fish),
        };
        let mut bytes = Vec::new();
        clap_complete::generate(generator, &mut offered(), "iamctl", &mut bytes);
        Ok(Answer::one(Script { shell, script: String::from_utf8_lossy(&bytes).into_owned() }))
    }
}

/// The command line without what its help does not show.
fn offered() -> Command {
    let whole = crate::command();
    Command::new("iamctl")
        .version(env!("CARGO_PKG_VERSION"))
        .about(whole.get_about().cloned().unwrap_or_default())
        .disable_help_subcommand(true)
        .args(whole.get_arguments())
        .subcommands(whole.get_subcommands().filter(|command| !command.is_hide_set()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_hidden_is_not_offered() {
        let offered = offered();
        let names: Vec<&str> = offered.get_subcommands().map(Command::get_name).collect();
        assert!(names.contains(&"rp") && names.contains(&"dashboard") && !names.contains(&"man"), "{names:?}");
        assert!(offered.get_arguments().any(|flag| flag.get_long() == Some("output")));
    }
}
