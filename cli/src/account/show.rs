//! `iamctl account show`.

use api::account::{AccountView, ShowAccount};
use clap::Args;
use domain::AccountId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show one account, masked
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl account show A1706F1WHX9")]
pub struct Show {
    /// The account's reference
    account: AccountId,
}

impl Verb for Show {
    type Row = AccountView;

    async fn run(self, session: &Session) -> Result<Answer<AccountView>, Failure> {
        Ok(Answer::one(session.call(&ShowAccount { account: self.account }).await?))
    }
}
