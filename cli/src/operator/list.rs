//! `iamctl operator list`.

use api::operator::{ListOperators, OperatorView};
use clap::Args;

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// List the operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl operator list")]
pub struct List {
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = OperatorView;

    async fn run(self, session: &Session) -> Result<Answer<OperatorView>, Failure> {
        session.list(ListOperators::default(), &self.list)
    }
}
