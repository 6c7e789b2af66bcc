//! `iamctl rp diff`.

use std::path::PathBuf;

use api::Exit;
use api::relying_party::{PartyChange, PartyPlan};
use clap::Args;

use super::plan;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show only what differs between manifests and the server; exit 7 when something does
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl rp diff -f fixtures/relying-parties
  git show HEAD~1:party.yaml | iamctl rp diff -f -")]
pub struct Diff {
    /// A manifest, a folder of them, or '-' for standard input
    #[arg(short, long, required = true, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub file: Vec<PathBuf>,
}

impl Verb for Diff {
    type Row = PartyPlan;

    async fn run(self, session: &Session) -> Result<Answer<PartyPlan>, Failure> {
        let mut plans = plan::plan(session, self.file).await?;
        plans.retain(|plan| plan.change != PartyChange::Unchanged);
        let exit = if plans.is_empty() { Exit::Done } else { Exit::Differs };
        Ok(Answer::list(plans).exit(exit))
    }
}
