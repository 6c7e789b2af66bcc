//! `iamctl operator enable`.

use api::operator::{EnableOperator, OperatorView};
use clap::Args;
use domain::OperatorId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Let a disabled operator in again
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl operator enable duty-officer-3 --yes")]
pub struct Enable {
    /// The operator's id
    operator: OperatorId,
}

impl Verb for Enable {
    type Row = OperatorView;

    async fn run(self, session: &Session) -> Result<Answer<OperatorView>, Failure> {
        session.confirm::<EnableOperator>(&format!("Enable operator {}?", self.operator), self.operator.as_str()).await?;
        Ok(Answer::one(session.call(&EnableOperator { operator: self.operator }).await?))
    }
}
