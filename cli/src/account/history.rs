//! `iamctl account history`.

use api::account::{AccountEventView, AccountHistory};
use clap::Args;
use domain::AccountId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show what was done to an account, by whom and when, oldest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl account history A1706F1WHX9")]
pub struct History {
    /// The account's reference
    account: AccountId,
}

impl Verb for History {
    type Row = AccountEventView;

    async fn run(self, session: &Session) -> Result<Answer<AccountEventView>, Failure> {
        Ok(Answer::list(session.call(&AccountHistory { account: self.account }).await?))
    }
}
