//! `iamctl stats verify`.

use api::Exit;
use api::stats::{Verification, VerifyMonth};
use clap::Args;
use domain::Month;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Count a month again from its raw events, and hold it against the counters and what was frozen
#[derive(Debug, Args)]
#[command(after_help = "Anything that does not agree to the unit is exit 1.

Examples:
  iamctl stats verify 2022-05
  iamctl stats verify 2022-05 -o json")]
pub struct Verify {
    /// The month
    #[arg(value_name = "MONTH")]
    month: Month,
}

impl Verb for Verify {
    type Row = Verification;

    async fn run(self, session: &Session) -> Result<Answer<Verification>, Failure> {
        let told = session.call(&VerifyMonth { month: self.month }).await?;
        let exit = if told.ok { Exit::Done } else { Exit::Failed };
        Ok(Answer::one(told).exit(exit))
    }
}
