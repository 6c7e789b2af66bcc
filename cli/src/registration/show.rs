//! `iamctl registration show`.

use api::registration::{RegistrationDetail, ShowRegistration};
use clap::Args;
use domain::RegistrationId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show a registration: how it ended, its account, and when its photos were deleted
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl registration show 019a2b3c-4d5e-7f60-8a9b-0c1d2e3f4a5b")]
pub struct Show {
    /// The registration's id
    registration: RegistrationId,
}

impl Verb for Show {
    type Row = RegistrationDetail;

    async fn run(self, session: &Session) -> Result<Answer<RegistrationDetail>, Failure> {
        Ok(Answer::one(session.call(&ShowRegistration { registration: self.registration }).await?))
    }
}
