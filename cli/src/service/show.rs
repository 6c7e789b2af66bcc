//! `iamctl service show`.

use api::service::{ServiceView, ShowService};
use clap::Args;
use domain::ClientId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show one service
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl service show inland-revenue-department.etax")]
pub struct Show {
    /// The service: the relying party's id, a dot, the service's id
    #[arg(value_name = "RP.SERVICE")]
    service: ClientId,
}

impl Verb for Show {
    type Row = ServiceView;

    async fn run(self, session: &Session) -> Result<Answer<ServiceView>, Failure> {
        Ok(Answer::one(session.call(&ShowService { service: self.service }).await?))
    }
}
