//! `iamctl cert check`.

use std::path::{Path, PathBuf};

use api::Exit;
use api::certificate::{CheckCertificates, CheckedCertificate};
use clap::Args;
use pki::Certificate;

use super::days;
use crate::failure::{Failure, NOTHING_SENT};
use crate::files::{apart, public};
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Look over the certificates in use, or those that somebody holds
#[derive(Debug, Args)]
#[command(after_help = "Every certificate but citizens' is held to the rules it was issued by, to its
issuer's signature, and to its end. Exit 1 when something is wrong with one. Of
a file with a certificate and its issuers, each is looked over.

Examples:
  iamctl cert check
  iamctl cert check --within 60 -o json
  iamctl cert check ird.crt")]
pub struct Check {
    /// Certificates, PEM or DER; '-' is standard input; all of ours when absent
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// What ends within this many days counts as wrong
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = days, allow_negative_numbers = true)]
    within: u32,
}

impl Verb for Check {
    type Row = CheckedCertificate;

    async fn run(self, session: &Session) -> Result<Answer<CheckedCertificate>, Failure> {
        let pem = match self.file {
            Some(path) => Some(apart(move || held(&path)).await?),
            None => None,
        };
        let checked = session.call(&CheckCertificates { pem, ends_within_days: Some(self.within) }).await?;
        let bad = checked.iter().filter(|certificate| !certificate.ok).count();
        let answer = Answer::list(checked);
        Ok(if bad == 0 { answer } else { answer.exit(Exit::Failed).tell(format!("{bad} with findings")) })
    }
}

/// The certificates of a file in PEM, and nothing else of it.
fn held(path: &Path) -> Result<String, Failure> {
    let pem = public::certificates(path)?.iter().map(Certificate::pem).collect::<Result<String, _>>();
    pem.map_err(|error| Failure::usage("cert.unreadable", error.to_string()).changed(NOTHING_SENT))
}
