//! `iamctl rp history`.

use api::relying_party::{PartyHistory, PartyVersion};
use clap::Args;
use domain::RelyingPartyId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show how a relying party came to be what it is, newest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl rp history inland-revenue-department
  iamctl rp history inland-revenue-department -o wide")]
pub struct History {
    /// The relying party's id
    rp: RelyingPartyId,
}

impl Verb for History {
    type Row = PartyVersion;

    async fn run(self, session: &Session) -> Result<Answer<PartyVersion>, Failure> {
        Ok(Answer::list(session.call(&PartyHistory { rp: self.rp }).await?))
    }
}
