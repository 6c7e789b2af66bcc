//! `iamctl operator show`.

use api::operator::{OperatorView, ShowOperator};
use clap::Args;
use domain::OperatorId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show one operator with their certificates
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl operator show duty-officer-3")]
pub struct Show {
    /// The operator's id
    operator: OperatorId,
}

impl Verb for Show {
    type Row = OperatorView;

    async fn run(self, session: &Session) -> Result<Answer<OperatorView>, Failure> {
        Ok(Answer::one(session.call(&ShowOperator { operator: self.operator }).await?))
    }
}
