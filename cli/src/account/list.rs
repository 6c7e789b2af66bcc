//! `iamctl account list`.

use api::account::{AccountSummary, ListAccounts};
use clap::Args;
use domain::{AccountState, Channel, Tier};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// List accounts; no personal data
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl account list --state suspended
  iamctl account list --limit 1000 -o csv")]
pub struct List {
    /// Only this state
    #[arg(long, value_parser = word::<AccountState>(AccountState::WORDS))]
    state: Option<AccountState>,
    /// Only this tier
    #[arg(long, value_parser = word::<Tier>(Tier::WORDS))]
    tier: Option<Tier>,
    /// Only this channel
    #[arg(long, value_parser = word::<Channel>(Channel::WORDS))]
    channel: Option<Channel>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = AccountSummary;

    async fn run(self, session: &Session) -> Result<Answer<AccountSummary>, Failure> {
        session.list(
            ListAccounts { state: self.state, tier: self.tier, channel: self.channel, ..ListAccounts::default() },
            &self.list,
        )
    }
}
