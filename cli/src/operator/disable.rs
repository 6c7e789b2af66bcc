//! `iamctl operator disable`.

use api::operator::{DisableOperator, OperatorView};
use clap::Args;
use domain::OperatorId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Shut an operator out; their open connection is refused at its next request
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl operator disable duty-officer-3 --yes")]
pub struct Disable {
    /// The operator's id
    operator: OperatorId,
}

impl Verb for Disable {
    type Row = OperatorView;

    async fn run(self, session: &Session) -> Result<Answer<OperatorView>, Failure> {
        session.confirm::<DisableOperator>(&format!("Disable operator {}?", self.operator), self.operator.as_str()).await?;
        Ok(Answer::one(session.call(&DisableOperator { operator: self.operator }).await?))
    }
}
