//! `iamctl job wait`.

use std::time::Duration;

use api::Exit;
use api::job::{JobState, JobView, ShowJob};
use clap::Args;
use domain::JobId;

use crate::failure::Failure;
use crate::output::Answer;
use crate::progress::Progress;
use crate::session::Session;
use crate::verb::Verb;

/// Wait until a job is over; exit 1 when it failed or was cancelled
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl job wait 01890a5d-ac96-774b-bcce-b302099a8057")]
pub struct Wait {
    /// Which
    job: JobId,
}

impl Verb for Wait {
    type Row = JobView;

    async fn run(self, session: &Session) -> Result<Answer<JobView>, Failure> {
        let job = session.call(&ShowJob { job: self.job }).await?;
        wait(session, job).await
    }
}

/// Watches a job until it is over.
pub async fn wait(session: &Session, mut job: JobView) -> Result<Answer<JobView>, Failure> {
    const PAUSE: Duration = Duration::from_millis(300);
    let progress = Progress::new(session.terminal, job.total);
    session.goes_on(format!("the job goes on; 'iamctl job wait {}' waits for it again", job.job));
    while !job.state.is_over() {
        progress.at(job.done, job.total, &job.message);
        tokio::time::sleep(PAUSE).await;
        job = session.call(&ShowJob { job: job.job }).await?;
    }
    progress.over();
    let exit = if job.state == JobState::Done { Exit::Done } else { Exit::Failed };
    Ok(Answer::one(job).exit(exit))
}
