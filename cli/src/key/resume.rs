//! `iamctl key resume`.

use api::rotation::{PlanView, ResumePlan};
use clap::Args;
use domain::PlanRef;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Let a rotation go on that is paused, or held for parties that are not ready
#[derive(Debug, Args)]
#[command(after_help = "What fell due meanwhile is done at once. A rotation that is held goes on by
itself when every relying party that counts is ready; '--override' goes on
without them.

Examples:
  iamctl key resume R7K39QDX
  iamctl key resume R7K39QDX --override --reason 'told by phone, ticket 4711'")]
pub struct Resume {
    /// The rotation's plan
    plan: PlanRef,
    /// Go on although relying parties are not ready; --reason says why
    #[arg(long = "override", id = "override", requires = "reason")]
    regardless: bool,
    /// Why it goes on without them, kept in the audit log
    #[arg(long, value_name = "TEXT", requires = "override")]
    reason: Option<String>,
}

impl Verb for Resume {
    type Row = PlanView;

    async fn run(self, session: &Session) -> Result<Answer<PlanView>, Failure> {
        let how = if self.regardless { " WITHOUT the relying parties that are not ready" } else { "" };
        session.confirm::<ResumePlan>(&format!("Let rotation {} go on{how}?", self.plan), &self.plan.to_string()).await?;
        Ok(Answer::one(session.call(&ResumePlan { plan: self.plan, override_reason: self.reason }).await?))
    }
}
