//! `iamctl stats definitions`.

use std::path::PathBuf;

use api::stats::{DefinitionRow, ListDefinitions, RecordDefinitions};
use clap::Args;
use domain::Day;

use crate::failure::Failure;
use crate::files::one;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::day;

/// What each figure and table means, version by version; with -f, put new versions on record
#[derive(Debug, Args)]
#[command(after_help = "What is on record never changes. A definition that means something else has the
next version; reports as known on an earlier day keep the one before.

Examples:
  iamctl stats definitions
  iamctl stats definitions --known-at 2022-06-10 -o json
  iamctl stats definitions -f definitions.yaml --dry-run")]
pub struct Definitions {
    /// Only those in force in a report as known at the end of this day
    #[arg(long, value_name = "DATE", value_parser = day, conflicts_with = "file")]
    known_at: Option<Day>,
    /// Definitions to put on record; those that are there already may stand in the file as they are
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
}

impl Verb for Definitions {
    type Row = DefinitionRow;

    async fn run(self, session: &Session) -> Result<Answer<DefinitionRow>, Failure> {
        let Some(file) = self.file else {
            return Ok(Answer::list(session.call(&ListDefinitions { known_at: self.known_at }).await?));
        };
        let definitions: domain::Definitions = one::read("definitions", file).await?;
        let question = format!("Put definitions on record for good ({} in the file)?", definitions.figures.len());
        session.confirm::<RecordDefinitions>(&question, "").await?;
        Ok(Answer::list(session.call(&RecordDefinitions { definitions }).await?))
    }
}
