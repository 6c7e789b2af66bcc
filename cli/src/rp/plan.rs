//! `iamctl rp plan`.

use std::path::PathBuf;

use api::Exit;
use api::relying_party::{PartyChange, PartyPlan, PlanParties};
use clap::Args;

use crate::failure::Failure;
use crate::files::manifests;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show what applying manifests would change, field by field; changes nothing
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl rp plan -f fixtures/relying-parties
  iamctl rp plan -f party.yaml --exit-code || echo 'something would change'")]
pub struct Plan {
    /// A manifest, a folder of them, or '-' for standard input
    #[arg(short, long, required = true, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub file: Vec<PathBuf>,
    /// Exit with 7 when something would change
    #[arg(long)]
    pub exit_code: bool,
}

impl Verb for Plan {
    type Row = PartyPlan;

    async fn run(self, session: &Session) -> Result<Answer<PartyPlan>, Failure> {
        let plans = plan(session, self.file).await?;
        let exit = if self.exit_code && differs(&plans) { Exit::Differs } else { Exit::Done };
        let total = total(&plans);
        Ok(Answer::list(plans).exit(exit).tell(total))
    }
}

/// Reads the manifests and asks the server what they would change.
pub async fn plan(session: &Session, files: Vec<PathBuf>) -> Result<Vec<PartyPlan>, Failure> {
    let mut read = manifests::read(files, session.context()?.0.file.environment).await?;
    let manifests = std::mem::take(&mut read.manifests);
    session.call(&PlanParties { manifests }).await.map_err(|failure| read.located(failure))
}

/// `30 relying parties: 2 to be created, 1 updated, 27 unchanged`.
fn total(plans: &[PartyPlan]) -> String {
    let count = |change| plans.iter().filter(|plan| plan.change == change).count();
    let parties = if plans.len() == 1 { "1 relying party".to_owned() } else { format!("{} relying parties", plans.len()) };
    format!(
        "{parties}: {} to be created, {} updated, {} unchanged",
        count(PartyChange::Created),
        count(PartyChange::Updated),
        count(PartyChange::Unchanged)
    )
}

/// Whether anything would change.
pub fn differs(plans: &[PartyPlan]) -> bool {
    plans.iter().any(|plan| plan.change != PartyChange::Unchanged)
}
