//! `iamctl rp credential revoke`.

use api::credential::{CredentialRevocation, RevokeCredential};
use clap::Args;
use domain::{CredentialId, RevocationReason};

use crate::cert::revoke::already;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{REVOCATION_REASONS, word};

/// Withdraw a credential for good; the last one too
#[derive(Debug, Args)]
#[command(after_help = "With an address go all keys under it. For the reason key-compromise the key is
blocked everywhere, too; 'rp credential leaked' does that and lists what the key
can have touched. A manifest that still lists the credential is refused until it
is taken out there. A second revocation for the same reason changes nothing and
says so; another reason is refused.

Examples:
  iamctl rp credential revoke CR0000000012 --reason superseded
  iamctl rp credential revoke CR0000000012 --reason key-compromise --yes")]
pub struct Revoke {
    /// The credential's id
    credential: CredentialId,
    /// The reason
    #[arg(long, value_parser = word::<RevocationReason>(REVOCATION_REASONS))]
    reason: RevocationReason,
}

impl Verb for Revoke {
    type Row = CredentialRevocation;

    async fn run(self, session: &Session) -> Result<Answer<CredentialRevocation>, Failure> {
        let id = self.credential.to_string();
        session.confirm::<RevokeCredential>(&format!("Revoke credential {id}: nobody logs in with it any more?"), &id).await?;
        let revoked = session.call(&RevokeCredential { credential: self.credential, reason: self.reason }).await?;
        let (rp, left) = (revoked.credential.rp.clone(), revoked.left);
        let already = revoked.already.then(|| {
            let at = revoked.credential.revoked.as_ref().map(|it| it.at);
            already(&format!("credential {id}"), self.reason, at)
        });
        let answer = already.into_iter().fold(Answer::one(revoked), Answer::tell);
        Ok(if left == 0 { answer.tell(nobody_left(rp.as_str())) } else { answer })
    }
}

/// The word about a party without credentials.
pub(super) fn nobody_left(rp: &str) -> String {
    format!("{rp} has no credential left and cannot log anybody in: 'iamctl rp credential add {rp} …'")
}
