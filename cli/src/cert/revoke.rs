//! `iamctl cert revoke`.

use api::certificate::{CertificateView, RevokeCertificate};
use clap::Args;
use domain::{RevocationReason, Serial};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{REVOCATION_REASONS, word};

/// Revoke a certificate, from this moment and for good
#[derive(Debug, Args)]
#[command(after_help = "Nobody is let in by it any more from the next request on. Others learn it by
OCSP within a minute and by the revocation list within five.

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
    type Row = CertificateView;

    async fn run(self, session: &Session) -> Result<Answer<CertificateView>, Failure> {
        // A serial number has 32 digits; the first eight tell it apart well enough to be typed.
        let short: String = self.serial.as_str().chars().take(8).collect();
        let what = format!("Revoke certificate {}? From now on nobody accepts it, and nothing brings it back.", self.serial);
        session.confirm_by::<RevokeCertificate>(&what, &[&short, self.serial.as_str()]).await?;
        Ok(Answer::one(session.call(&RevokeCertificate { serial: self.serial, reason: self.reason }).await?))
    }
}
