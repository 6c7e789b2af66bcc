//! `iamctl cert revoke`.

use api::certificate::{CertificateRevocation, RevokeCertificate};
use clap::Args;
use client::times::people;
use domain::{RevocationReason, Serial, Timestamp};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{REVOCATION_REASONS, word};

/// Revoke a certificate, from this moment and for good
#[derive(Debug, Args)]
#[command(after_help = "Nobody is let in by it any more from the next request on. Others learn it by
OCSP within a minute and by the revocation list within five. A second revocation
for the same reason changes nothing and says so; another reason is refused.

Examples:
  iamctl cert revoke 4be1a9f2b3c4d5e6f708192a3b4c5d6e --reason key-compromise")]
pub struct Revoke {
    /// The serial number, in hex
    serial: Serial,
    /// The reason
    #[arg(long, value_parser = word::<RevocationReason>(REVOCATION_REASONS))]
    reason: RevocationReason,
}

impl Verb for Revoke {
    type Row = CertificateRevocation;

    async fn run(self, session: &Session) -> Result<Answer<CertificateRevocation>, Failure> {
        // A serial number has 32 digits; the first eight tell it apart well enough to be typed.
        let short: String = self.serial.as_str().chars().take(8).collect();
        let what = format!("Revoke certificate {}? From now on nobody accepts it, and nothing brings it back.", self.serial);
        session.confirm_by::<RevokeCertificate>(&what, &[&short, self.serial.as_str()]).await?;
        let revoked = session.call(&RevokeCertificate { serial: self.serial, reason: self.reason }).await?;
        let already = revoked.already.then(|| {
            let certificate = &revoked.certificate;
            already(&format!("certificate {}", certificate.serial), self.reason, certificate.revoked_at)
        });
        Ok(already.into_iter().fold(Answer::one(revoked), Answer::tell))
    }
}

/// The word about what was revoked before, for the same reason.
pub(crate) fn already(what: &str, reason: RevocationReason, at: Option<Timestamp>) -> String {
    let since = at.map(|at| format!(" since {}", people(at))).unwrap_or_default();
    format!("{what} is revoked{since} ({reason}): nothing was changed")
}
