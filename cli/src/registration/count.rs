//! `iamctl registration count`.

use api::registration::{CountRegistrations, RegistrationCount};
use clap::Args;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Count registrations by channel and place, and what they came to
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl registration count -o csv")]
pub struct Count {}

impl Verb for Count {
    type Row = RegistrationCount;

    async fn run(self, session: &Session) -> Result<Answer<RegistrationCount>, Failure> {
        Ok(Answer::list(session.call(&CountRegistrations {}).await?))
    }
}
