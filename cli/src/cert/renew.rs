//! `iamctl cert renew`.

use std::path::PathBuf;

use api::certificate::{IssuedCertificate, RenewCertificate};
use clap::Args;
use domain::Serial;

use super::{answer, prepared, request, seconds};
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Issue a relying party's certificate anew; the old one stays good until it ends
#[derive(Debug, Args)]
#[command(after_help = "Without '--csr' the same key is certified again. Old and new are both good
until the old one ends, so that the party can change over when it likes.

Examples:
  iamctl cert renew 4be1a9f2b3c4d5e6f708192a3b4c5d6e --out ird.crt
  iamctl cert renew 4be1a9f2b3c4d5e6f708192a3b4c5d6e --csr new-key.csr")]
pub struct Renew {
    /// The serial number of the certificate that ends, in hex
    serial: Serial,
    /// A request with a new key; '-' is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    csr: Option<PathBuf>,
    /// A shorter life than the usual 365 days, never a longer: 90d, 36h, 45m
    #[arg(long, value_name = "LIFE", value_parser = seconds)]
    validity: Option<u64>,
    /// Write the certificate and its issuers to this file, PEM
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    out: Option<PathBuf>,
    /// Let '--out' take the place of a file that is there
    #[arg(long, requires = "out")]
    force: bool,
}

impl Verb for Renew {
    type Row = IssuedCertificate;

    async fn run(self, session: &Session) -> Result<Answer<IssuedCertificate>, Failure> {
        let csr = match self.csr {
            Some(path) => Some(request(path).await?),
            None => None,
        };
        let out = prepared(self.out, self.force).await?;
        let issued = session.call(&RenewCertificate { serial: self.serial, csr, validity: self.validity }).await?;
        answer(session, issued, out)
    }
}
