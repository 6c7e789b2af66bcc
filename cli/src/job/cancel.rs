//! `iamctl job cancel`.

use api::job::{CancelJob, JobView};
use clap::Args;
use domain::JobId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Stop a job; what it has done so far stays
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl job cancel 01890a5d-ac96-774b-bcce-b302099a8057 --yes")]
pub struct Cancel {
    /// The job's id
    job: JobId,
}

impl Verb for Cancel {
    type Row = JobView;

    async fn run(self, session: &Session) -> Result<Answer<JobView>, Failure> {
        session
            .confirm::<CancelJob>(&format!("Stop job {}; what it has done so far stays?", self.job), &self.job.to_string())
            .await?;
        Ok(Answer::one(session.call(&CancelJob { job: self.job }).await?))
    }
}
