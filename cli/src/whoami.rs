//! `iamctl whoami`.

use api::operator::{Identity, WhoAmI};
use clap::Args;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show who the server takes you for
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl whoami
  iamctl whoami -o json")]
pub struct Whoami {}

impl Verb for Whoami {
    type Row = Identity;

    async fn run(self, session: &Session) -> Result<Answer<Identity>, Failure> {
        Ok(Answer::one(session.call(&WhoAmI {}).await?))
    }
}
