//! `iamctl rp apply`.

use std::path::PathBuf;

use api::relying_party::{ApplyParties, PartyApplied, PartyChange, PartyPlan, PlanParties};
use clap::Args;
use client::Tabular;

use crate::failure::Failure;
use crate::files::manifests;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Bring relying parties to the state of their manifests: all of them or, if one is refused, none
#[derive(Debug, Args)]
#[command(after_help = "The files are checked whole first; every mistake is reported with file, line
and column. A party that is as its manifest says is left alone ('unchanged').

Credentials that a manifest no longer lists are superseded; those that came by
'rp credential add', or that this platform issued, are left alone. A manifest
that lists a revoked credential or a blocked key is refused.

Examples:
  iamctl rp apply -f fixtures/relying-parties --dry-run
  iamctl rp apply -f fixtures/relying-parties --yes -o json")]
pub struct Apply {
    /// A manifest, a folder of them, or '-' for standard input
    #[arg(short, long, required = true, value_name = "FILE", value_hint = clap::ValueHint::AnyPath)]
    pub file: Vec<PathBuf>,
}

impl Verb for Apply {
    type Row = PartyApplied;

    async fn run(self, session: &Session) -> Result<Answer<PartyApplied>, Failure> {
        let mut read = manifests::read(self.file, session.context()?.0.file.environment).await?;
        let mut op = ApplyParties { manifests: std::mem::take(&mut read.manifests) };
        if session.would_ask() {
            let asked = PlanParties { manifests: std::mem::take(&mut op.manifests) };
            let plans = session.call(&asked).await.map_err(|failure| read.located(failure))?;
            op.manifests = asked.manifests;
            if let Some(question) = question(session, &plans) {
                session.confirm::<ApplyParties>(&question, "").await?;
            }
        } else {
            session.confirm::<ApplyParties>(&format!("Apply {} manifests", op.manifests.len()), "").await?;
        }
        Ok(Answer::list(session.call(&op).await.map_err(|failure| read.located(failure))?))
    }
}

/// Shows the person what would change and puts the question; none when nothing would change.
fn question(session: &Session, plans: &[PartyPlan]) -> Option<String> {
    let count = |change| plans.iter().filter(|plan| plan.change == change).count();
    let (created, updated) = (count(PartyChange::Created), count(PartyChange::Updated));
    if created + updated == 0 {
        return None;
    }
    for plan in plans.iter().filter(|plan| plan.change != PartyChange::Unchanged) {
        plan.lines().into_iter().flatten().for_each(|line| session.say(&line.text));
    }
    Some(format!("Create {created} and update {updated} relying parties?"))
}
