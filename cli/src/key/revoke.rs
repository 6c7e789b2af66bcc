//! `iamctl key revoke`.

use api::key::{KeyRevocation, RevokeKey};
use clap::Args;
use domain::{Kid, RevocationReason};

use super::rotate::{not_told, unready};
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{REVOCATION_REASONS, word};

/// Stop trusting a key at once; an active one is replaced in the same step
#[derive(Debug, Args)]
#[command(after_help = "The reply names the relying parties that no notice reaches: call them.

Examples:
  iamctl key revoke WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q \\
    --reason key-compromise")]
pub struct Revoke {
    /// The key's id
    // A thumbprint may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: Kid,
    /// The reason
    #[arg(long, value_parser = word::<RevocationReason>(REVOCATION_REASONS))]
    reason: RevocationReason,
}

impl Verb for Revoke {
    type Row = KeyRevocation;

    async fn run(self, session: &Session) -> Result<Answer<KeyRevocation>, Failure> {
        // A thumbprint has 43 characters; the first eight tell it apart well enough to be typed.
        let name: String = self.kid.as_str().chars().take(8).collect();
        session
            .confirm::<RevokeKey>(&format!("Revoke key {}: everything signed with it stops being good?", self.kid), &name)
            .await?;
        let revoked = session.call(&RevokeKey { kid: self.kid, reason: self.reason }).await?;
        // A log has to show both as well.
        if let Some(readiness) = revoked.readiness.filter(|readiness| readiness.awaited() > 0) {
            session.say(&unready(&readiness));
        }
        if let Some(told) = revoked.notices.as_ref().and_then(not_told) {
            session.say(&told);
        }
        Ok(Answer::one(revoked))
    }
}
