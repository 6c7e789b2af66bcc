//! `iamctl cert issue`.

use std::path::PathBuf;

use api::certificate::{IssueCertificate, IssuedCertificate};
use clap::Args;
use domain::RelyingPartyId;

use super::{answer, prepared, request, seconds};
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Issue a client certificate to a relying party
#[derive(Debug, Args)]
#[command(after_help = "The party makes the key and sends a certificate signing request (PEM or DER);
the key never leaves it. Whatever the request asks for, the certificate says
what our records say; what was asked for and not given is listed.

Examples:
  iamctl cert issue --rp inland-revenue-department --csr ird.csr
  iamctl cert issue --rp sandbox-bank --csr - --validity 7d --out bank.crt")]
pub struct Issue {
    /// The relying party's id
    #[arg(long)]
    rp: RelyingPartyId,
    /// The request; '-' is standard input
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    csr: PathBuf,
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

impl Verb for Issue {
    type Row = IssuedCertificate;

    async fn run(self, session: &Session) -> Result<Answer<IssuedCertificate>, Failure> {
        let csr = request(self.csr).await?;
        let out = prepared(self.out, self.force).await?;
        let issued = session.call(&IssueCertificate { rp: self.rp, csr, validity: self.validity }).await?;
        answer(session, issued, out)
    }
}
