//! `iamctl sandbox phone refuse`.

use api::app::request::Decision;
use clap::Args;
use domain::AccountId;

use super::decide::{Answered, Asked, decide};
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Refuse a request on a virtual phone, as its citizen would in the app
#[derive(Debug, Args)]
#[command(after_help = "REQUEST takes the same forms as for 'approve', and the phone is chosen in the
same way.

Examples:
  iamctl sandbox phone refuse K7Q-M2X
  iamctl sandbox phone refuse K7Q-M2X --citizen A0000000012")]
pub struct Refuse {
    /// The request, in any of its forms
    request: String,
    /// Whose phone
    #[arg(long, value_name = "ACCOUNT")]
    citizen: Option<AccountId>,
}

impl Verb for Refuse {
    type Row = Answered;

    async fn run(self, session: &Session) -> Result<Answer<Answered>, Failure> {
        let Self { request, citizen } = self;
        Ok(Answer::one(decide(session, Asked { request, citizen, decision: Decision::Refused, claims: None }).await?))
    }
}
