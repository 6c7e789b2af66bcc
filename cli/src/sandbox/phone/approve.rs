//! `iamctl sandbox phone approve`.

use api::app::request::Decision;
use clap::Args;
use domain::{AccountId, Claim};

use super::decide::{Answered, Asked, decide};
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Approve a request on a virtual phone, as its citizen would in the app
#[derive(Debug, Args)]
#[command(after_help = "REQUEST is the address of the page that shows the QR code, the id in it, the
comparison code on it, its app link, or the auth_req_id of a CIBA request.
Without --citizen, the phone is that of the citizen who was asked; where nobody
has taken the request up yet, the newest whose account can answer it.
It comes back when the decision is durable.

Examples:
  iamctl sandbox phone approve K7Q-M2X
  iamctl sandbox phone approve K7Q-M2X --citizen A0000000012 --release name
  iamctl sandbox phone approve K7Q-M2X --release none")]
pub struct Approve {
    /// The request, in any of its forms
    request: String,
    /// Whose phone
    #[arg(long, value_name = "ACCOUNT")]
    citizen: Option<AccountId>,
    /// Release these claims only, by comma, or 'none'; all asked for when absent
    #[arg(long, value_name = "A,B", value_parser = released)]
    release: Option<Released>,
}

/// What the citizen lets the service know.
#[derive(Debug, Clone)]
struct Released(Vec<Claim>);

fn released(text: &str) -> Result<Released, String> {
    if text == "none" {
        return Ok(Released(Vec::new()));
    }
    let claims = text.split(',').map(str::parse).collect::<Result<_, _>>();
    claims.map(Released).map_err(|_| format!("'none' or, by comma, some of {} is wanted", Claim::WORDS.join(", ")))
}

impl Verb for Approve {
    type Row = Answered;

    async fn run(self, session: &Session) -> Result<Answer<Answered>, Failure> {
        let Self { request, citizen, release } = self;
        let claims = release.map(|Released(claims)| claims);
        Ok(Answer::one(decide(session, Asked { request, citizen, decision: Decision::Approved, claims }).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_citizen_may_release_nothing() {
        assert!(released("none").unwrap().0.is_empty());
        assert_eq!(released("name,phone_number").unwrap().0, [Claim::Name, Claim::PhoneNumber]);
        for wrong in ["", "none,name", "hkic"] {
            assert!(released(wrong).unwrap_err().contains("'none' or, by comma, some of name, "), "{wrong}");
        }
    }
}
