//! `iamctl hotline suspend`.

use api::account::{SuspendAccount, Suspension};
use clap::Args;
use domain::{AccountId, CallRef, SuspensionReason};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// Stop every use of the caller's account at once
#[derive(Debug, Args)]
#[command(
    override_usage = "iamctl hotline suspend [OPTIONS] ACCOUNT --call CALL --reason REASON",
    after_help = "Suspending protects, so nothing is asked. There is no way back but a new
registration.

Examples:
  iamctl hotline suspend A1706F1WHX9 --call HC3NQK8N1 --reason lost-device"
)]
pub struct Suspend {
    /// The account's reference
    account: AccountId,
    /// The call it belongs to
    #[arg(long)]
    call: CallRef,
    /// The reason
    #[arg(long, value_parser = word::<SuspensionReason>(SuspensionReason::WORDS))]
    reason: SuspensionReason,
    /// What the reason 'other' needs; kept sealed
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

impl Verb for Suspend {
    type Row = Suspension;

    async fn run(self, session: &Session) -> Result<Answer<Suspension>, Failure> {
        let op = SuspendAccount { account: self.account, reason: self.reason, call: Some(self.call), note: self.note };
        Ok(Answer::one(session.suspend(&op).await?))
    }
}
