//! `iamctl key pause`.

use api::rotation::{PausePlan, PlanView};
use clap::Args;
use domain::PlanRef;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Stop a rotation until it is resumed
#[derive(Debug, Args)]
#[command(after_help = "Before the new key has taken over it stays published and does not sign;
afterwards the old one goes on being accepted. 'iamctl key resume' goes on.

Examples:
  iamctl key pause R7K39QDX")]
pub struct Pause {
    /// The rotation's plan
    plan: PlanRef,
}

impl Verb for Pause {
    type Row = PlanView;

    async fn run(self, session: &Session) -> Result<Answer<PlanView>, Failure> {
        Ok(Answer::one(session.call(&PausePlan { plan: self.plan }).await?))
    }
}
