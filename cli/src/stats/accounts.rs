//! `iamctl stats accounts`.

use api::stats::{AccountsBy, AccountsReport, AccountsRow, View};
use clap::Args;
use domain::Day;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{ACCOUNTS_BY, VIEWS, day, word};

/// Registered accounts, broken down
#[derive(Debug, Args)]
#[command(after_help = "Suspended accounts are registered, closed ones are not. Groups of a few are left
out, but for an auditor.

Examples:
  iamctl stats accounts --by age --as-at 2022-05-31
  iamctl stats accounts --by month -o csv --bom > accounts.csv")]
pub struct Accounts {
    /// What the accounts are divided by
    #[arg(long, value_parser = word::<AccountsBy>(ACCOUNTS_BY))]
    by: AccountsBy,
    /// Events up to the end of this day; that of --known-at when absent
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_at: Option<Day>,
    /// As recorded up to the end of this day; the last one counted when absent. A day is final an hour after it ended
    #[arg(long, value_name = "DATE", value_parser = day)]
    known_at: Option<Day>,
    /// For whose eyes; an auditor's own when absent, the public's for anybody else
    #[arg(long, value_parser = word::<View>(VIEWS))]
    view: Option<View>,
}

impl Verb for Accounts {
    type Row = AccountsRow;

    async fn run(self, session: &Session) -> Result<Answer<AccountsRow>, Failure> {
        let op = AccountsReport { by: self.by, as_at: self.as_at, known_at: self.known_at, view: self.view };
        Ok(Answer::list(session.call(&op).await?))
    }
}
