//! `iamctl rp resume`.

use api::relying_party::{PartyView, ResumeParty};
use clap::Args;
use domain::RelyingPartyId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Let a suspended relying party go on
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl rp resume sandbox-bank --reason 'new credential in place'")]
pub struct Resume {
    /// The relying party's id
    rp: RelyingPartyId,
    /// The reason, kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Verb for Resume {
    type Row = PartyView;

    async fn run(self, session: &Session) -> Result<Answer<PartyView>, Failure> {
        session.confirm::<ResumeParty>(&format!("Resume relying party {}?", self.rp), self.rp.as_str()).await?;
        Ok(Answer::one(session.call(&ResumeParty { rp: self.rp, reason: self.reason }).await?))
    }
}
