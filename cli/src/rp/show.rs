//! `iamctl rp show`.

use api::relying_party::{PartyView, ShowParty};
use clap::Args;
use domain::RelyingPartyId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show one relying party with its services and credentials
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl rp show inland-revenue-department
  iamctl rp show inland-revenue-department -o yaml")]
pub struct Show {
    /// The relying party's id
    rp: RelyingPartyId,
}

impl Verb for Show {
    type Row = PartyView;

    async fn run(self, session: &Session) -> Result<Answer<PartyView>, Failure> {
        Ok(Answer::one(session.call(&ShowParty { rp: self.rp }).await?))
    }
}
