//! `iamctl key show`.

use api::key::{KeyDetail, ShowKey};
use clap::Args;
use domain::Kid;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show one key generation, its public part, and what comes next
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl key show WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q")]
pub struct Show {
    /// The key's id
    // A thumbprint may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    kid: Kid,
}

impl Verb for Show {
    type Row = KeyDetail;

    async fn run(self, session: &Session) -> Result<Answer<KeyDetail>, Failure> {
        Ok(Answer::one(session.call(&ShowKey { kid: self.kid }).await?))
    }
}
