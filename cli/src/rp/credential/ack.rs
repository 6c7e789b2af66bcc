//! `iamctl rp credential ack`.

use api::rotation::{AcknowledgeKeys, PartyReadiness};
use clap::{ArgGroup, Args};
use domain::{Kid, PlanRef, RelyingPartyId};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Note that a relying party says it has a new key of ours
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["plan", "kid"]).required(true).multiple(true))]
#[command(after_help = "For a party whose fetches of the JWKS cannot be told from others'. Its word
counts in the readiness ledger, with who noted it; see 'iamctl key plan'.

Examples:
  iamctl rp credential ack sandbox-bank --plan R7K39QDX
  iamctl rp credential ack sandbox-bank \\
    --kid WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q")]
pub struct Ack {
    /// The relying party's id
    rp: RelyingPartyId,
    /// The rotation whose new keys it has
    #[arg(long)]
    plan: Option<PlanRef>,
    /// A key that it has; may be given several times
    // A thumbprint may begin with a hyphen.
    #[arg(long, allow_hyphen_values = true)]
    kid: Vec<Kid>,
}

impl Verb for Ack {
    type Row = PartyReadiness;

    async fn run(self, session: &Session) -> Result<Answer<PartyReadiness>, Failure> {
        let op = AcknowledgeKeys { rp: self.rp, kids: self.kid, plan: self.plan };
        Ok(Answer::one(session.call(&op).await?))
    }
}
