//! `iamctl hotline open`.

use api::hotline::{CallOpened, OpenCall};
use clap::Args;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Open a call and get the reference that is read to the caller
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl hotline open
  CALL=$(iamctl hotline open -o name)")]
pub struct Open {}

impl Verb for Open {
    type Row = CallOpened;

    async fn run(self, session: &Session) -> Result<Answer<CallOpened>, Failure> {
        Ok(Answer::one(session.call(&OpenCall {}).await?))
    }
}
