//! `iamctl hotline close`.

use api::hotline::{CallClosed, CloseCall};
use clap::Args;
use domain::CallRef;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Close a call
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl hotline close HC3NQK8N1")]
pub struct Close {
    /// The call's reference
    call: CallRef,
}

impl Verb for Close {
    type Row = CallClosed;

    async fn run(self, session: &Session) -> Result<Answer<CallClosed>, Failure> {
        Ok(Answer::one(session.call(&CloseCall { call: self.call }).await?))
    }
}
