//! `iamctl account suspend`.

use api::account::{SuspendAccount, Suspension};
use clap::Args;
use domain::{AccountId, CallRef, SuspensionReason};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// Stop every use of an account at once
#[derive(Debug, Args)]
#[command(after_help = "A second suspend of the same account changes nothing and says so.

Examples:
  iamctl account suspend A1706F1WHX9 --reason suspected-fraud
  iamctl account suspend A1706F1WHX9 --reason other --note 'court order 12/2022'")]
pub struct Suspend {
    /// The account's reference
    account: AccountId,
    /// The reason
    #[arg(long, value_parser = word::<SuspensionReason>(SuspensionReason::WORDS))]
    reason: SuspensionReason,
    /// The call it came in by; hotline agents must name one
    #[arg(long)]
    call: Option<CallRef>,
    /// What the reason 'other' needs; kept sealed
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Verb for Suspend {
    type Row = Suspension;

    async fn run(self, session: &Session) -> Result<Answer<Suspension>, Failure> {
        let op = SuspendAccount { account: self.account, reason: self.reason, call: self.call, note: self.note };
        Ok(Answer::one(session.suspend(&op).await?))
    }
}
