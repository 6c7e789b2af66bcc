//! `iamctl sandbox phone approve`.

use api::app::request::Decision;
use clap::Args;
use domain::{AccountId, Claim};

use super::decide::{Answered, Asked, decide};
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// Approve a request on a virtual phone, as its citizen would in the app
#[derive(Debug, Args)]
#[command(after_help = "REQUEST is the address of the page that shows the QR code, the id in it, the
comparison code on it, its app link, or the auth_req_id of a CIBA request.
Without --citizen, the phone is that of the citizen who was asked; where nobody
has taken the request up yet, the newest whose account can answer it.
It comes back when the decision is durable.

Examples:
  iamctl sandbox phone approve K7Q-M2X
  iamctl sandbox phone approve K7Q-M2X --citizen A0000000012 --release name")]
pub struct Approve {
    /// The request, in any of its forms
    request: String,
    /// Whose phone
    #[arg(long, value_name = "ACCOUNT")]
    citizen: Option<AccountId>,
    /// Release these claims only, by comma; all that are asked for when absent
    #[arg(long, value_name = "A,B", value_delimiter = ',', value_parser = word::<Claim>(Claim::WORDS), hide_possible_values = true)]
    release: Option<Vec<Claim>>,
}

impl Verb for Approve {
    type Row = Answered;

    async fn run(self, session: &Session) -> Result<Answer<Answered>, Failure> {
        let Self { request, citizen, release: claims } = self;
        Ok(Answer::one(decide(session, Asked { request, citizen, decision: Decision::Approved, claims }).await?))
    }
}
