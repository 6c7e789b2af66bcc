//! `iamctl rp suspend`.

use api::relying_party::{PartyView, SuspendParty};
use clap::Args;
use domain::RelyingPartyId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Stop a relying party at once: none of its services is accessible any more
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl rp suspend sandbox-bank --reason 'credential leaked, case 4711'")]
pub struct Suspend {
    /// The relying party's id
    rp: RelyingPartyId,
    /// The reason, kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Verb for Suspend {
    type Row = PartyView;

    async fn run(self, session: &Session) -> Result<Answer<PartyView>, Failure> {
        session
            .confirm::<SuspendParty>(
                &format!("Suspend relying party {}: nobody can use its services until it is resumed?", self.rp),
                self.rp.as_str(),
            )
            .await?;
        Ok(Answer::one(session.call(&SuspendParty { rp: self.rp, reason: self.reason }).await?))
    }
}
