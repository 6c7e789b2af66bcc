//! `iamctl cert show`.

use api::certificate::{CertificateDetail, ShowCertificate};
use clap::Args;
use domain::Serial;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show one certificate, its issuers, and what depends on it
#[derive(Debug, Args)]
#[command(after_help = "The certificate and its issuers, PEM, stand below its facts and in '-o json'
('pem', 'chain'); they are no columns.

Examples:
  iamctl cert show 4be1a9f2b3c4d5e6f708192a3b4c5d6e
  iamctl cert show 4B:E1:A9:F2:B3:C4:D5:E6:F7:08:19:2A:3B:4C:5D:6E -o json")]
pub struct Show {
    /// The serial number, in hex
    serial: Serial,
}

impl Verb for Show {
    type Row = CertificateDetail;

    async fn run(self, session: &Session) -> Result<Answer<CertificateDetail>, Failure> {
        Ok(Answer::one(session.call(&ShowCertificate { serial: self.serial }).await?))
    }
}
