//! `iamctl rp list`.

use api::relying_party::{ListParties, PartySummary};
use clap::Args;
use domain::{PartyState, Sector};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// List the relying parties
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl rp list --sector private
  iamctl rp list -o name")]
pub struct List {
    /// Only this sector
    #[arg(long, value_parser = word::<Sector>(Sector::WORDS))]
    sector: Option<Sector>,
    /// Only this state
    #[arg(long, value_parser = word::<PartyState>(PartyState::WORDS))]
    state: Option<PartyState>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = PartySummary;

    async fn run(self, session: &Session) -> Result<Answer<PartySummary>, Failure> {
        session.list(ListParties { sector: self.sector, state: self.state, ..ListParties::default() }, &self.list)
    }
}
