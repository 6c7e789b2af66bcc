//! `iamctl key plan`.

use api::rotation::{ListPlans, PlanRotation, PlanView, ShowPlan};
use clap::{ArgGroup, Args};
use domain::{ActivateAt, KeyAlgorithm, KeyPurpose, PlanRef, PlanState};

use super::rotate::activate;
use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// Plan a rotation and see who is ready for it; show a plan again, or list them
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["plan", "purpose", "list"]).required(true).multiple(true),
    override_usage = "iamctl key plan [OPTIONS] --purpose PURPOSE
       iamctl key plan [OPTIONS] PLAN
       iamctl key plan [OPTIONS] --list")]
#[command(after_help = "With --purpose a plan is written down: its steps with dates, the settings behind
them, and the readiness ledger. Nothing happens until 'iamctl key rotate --plan'
runs it; a plan that is not run within a week lapses, and so does one whose line
is planned anew.

The ledger says of each relying party which key set its systems fetched last, as
far as that is known: by the address that each client was given, by its
certificate, or by its word ('iamctl rp credential ack'). Each client of a party
counts by itself: its own address speaks for it, the party's word for all of
them, a certificate only where there is one client. Who is unknown counts as not
ready.

Examples:
  iamctl key plan --purpose token-signing
  iamctl key plan --purpose token-signing --at 2022-06-01T02:00:00+08:00
  iamctl key plan R7K39QDX
  iamctl key plan --list --state held")]
pub struct Plan {
    /// The plan to show
    #[arg(conflicts_with_all = ["purpose", "list"])]
    plan: Option<PlanRef>,
    /// The purpose of the keys
    #[arg(long, value_parser = word::<KeyPurpose>(KeyPurpose::WORDS), hide_possible_values = true)]
    purpose: Option<KeyPurpose>,
    /// The line of keys, where the purpose has several
    #[arg(long, value_name = "NAME", requires = "purpose", conflicts_with = "list")]
    line: Option<String>,
    /// Only this algorithm; every one of the line when absent
    #[arg(long, value_parser = word::<KeyAlgorithm>(KeyAlgorithm::WORDS), hide_possible_values = true, requires = "purpose",
          conflicts_with = "list")]
    algorithm: Option<KeyAlgorithm>,
    /// When the new key takes over; after the publish interval when absent
    #[arg(long, value_name = "now|TIME", value_parser = activate, requires = "purpose", conflicts_with = "list",
          alias = "activate")]
    at: Option<ActivateAt>,
    /// List the plans, newest first; --purpose and --state narrow it
    #[arg(long)]
    list: bool,
    /// Only plans in this state
    #[arg(long, value_parser = word::<PlanState>(PlanState::WORDS), hide_possible_values = true, requires = "list")]
    state: Option<PlanState>,
    #[command(flatten)]
    rows: ListFlags,
}

impl Verb for Plan {
    type Row = PlanView;

    async fn run(self, session: &Session) -> Result<Answer<PlanView>, Failure> {
        if let Some(plan) = self.plan {
            return Ok(Answer::one(session.call(&ShowPlan { plan }).await?));
        }
        let Some(purpose) = self.purpose.filter(|_| !self.list) else {
            let op = ListPlans { purpose: self.purpose, state: self.state, ..ListPlans::default() };
            return session.list(op, &self.rows);
        };
        let op =
            PlanRotation { purpose, name: self.line, algorithm: self.algorithm, activate: self.at.unwrap_or_default() };
        let plan = session.call(&op).await?;
        let run = format!("run it: iamctl key rotate --plan {}", plan.plan);
        Ok(Answer::one(plan).tell(run))
    }
}
