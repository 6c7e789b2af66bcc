//! `iamctl key abort`.

use api::rotation::{AbortPlan, PlanView};
use clap::Args;
use domain::PlanRef;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Call a rotation off before the new key signs
#[derive(Debug, Args)]
#[command(after_help = "What it has published is retired without having signed anything. Once the new
key signs, nothing goes back: 'iamctl key rotate' makes another one.

Examples:
  iamctl key abort R7K39QDX")]
pub struct Abort {
    /// The rotation's plan
    plan: PlanRef,
}

impl Verb for Abort {
    type Row = PlanView;

    async fn run(self, session: &Session) -> Result<Answer<PlanView>, Failure> {
        let what = format!("Call rotation {} off and retire the keys that it has published?", self.plan);
        session.confirm::<AbortPlan>(&what, &self.plan.to_string()).await?;
        Ok(Answer::one(session.call(&AbortPlan { plan: self.plan }).await?))
    }
}
