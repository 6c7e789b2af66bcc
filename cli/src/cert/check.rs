//! `iamctl cert check`.

use std::path::PathBuf;

use api::Exit;
use api::certificate::{CheckCertificates, CheckedCertificate};
use clap::Args;

use super::read_text;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Look over the certificates in use, or one that somebody holds
#[derive(Debug, Args)]
#[command(after_help = "Every certificate but citizens' is held to the rules it was issued by, to its
issuer's signature, and to its end. Exit 1 when something is wrong with one.

Examples:
  iamctl cert check
  iamctl cert check --within 60 -o json
  iamctl cert check ird.crt")]
pub struct Check {
    /// A certificate in PEM; '-' is standard input; all of ours when absent
    #[arg(value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: Option<PathBuf>,
    /// What ends within this many days counts as wrong
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    within: u32,
}

impl Verb for Check {
    type Row = CheckedCertificate;

    async fn run(self, session: &Session) -> Result<Answer<CheckedCertificate>, Failure> {
        let pem = match self.file {
            Some(path) => Some(read_text(path).await?),
            None => None,
        };
        let checked = session.call(&CheckCertificates { pem, ends_within_days: Some(self.within) }).await?;
        let bad = checked.iter().filter(|certificate| !certificate.ok).count();
        let answer = Answer::list(checked);
        Ok(if bad == 0 { answer } else { answer.exit(Exit::Failed).tell(format!("{bad} with findings")) })
    }
}
