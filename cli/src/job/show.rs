//! `iamctl job show`.

use api::job::{JobView, ShowJob};
use clap::Args;
use domain::JobId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show one job
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl job show 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct Show {
    /// The job's id
    job: JobId,
}

impl Verb for Show {
    type Row = JobView;

    async fn run(self, session: &Session) -> Result<Answer<JobView>, Failure> {
        Ok(Answer::one(session.call(&ShowJob { job: self.job }).await?))
    }
}
