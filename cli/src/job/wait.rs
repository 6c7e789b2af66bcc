//! `iamctl job wait`.

use std::time::Duration;

use api::Exit;
use api::job::{JobState, JobView, ShowJob};
use clap::Args;
use client::audit_log::Calls;
use domain::JobId;
use tokio::time::Instant;

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
    /// The job's id
    job: JobId,
}

impl Verb for Wait {
    type Row = JobView;

    async fn run(self, session: &Session) -> Result<Answer<JobView>, Failure> {
        let job = session.call(&ShowJob { job: self.job }).await?;
        wait(session, job).await
    }
}

/// How often a job is looked at, and how long it may be out of sight.
struct Patience {
    pause: Duration,
    lost: Duration,
}

const PATIENCE: Patience = Patience { pause: Duration::from_millis(300), lost: Duration::from_secs(10) };

/// Watches a job until it is over.
pub async fn wait(session: &Session, job: JobView) -> Result<Answer<JobView>, Failure> {
    let progress = Progress::new(session.terminal, job.total);
    session.goes_on(format!("the job goes on; {}", next(job.job)));
    let job = watch(session, job, &progress, PATIENCE).await?;
    progress.over();
    let exit = if job.state == JobState::Done { Exit::Done } else { Exit::Failed };
    Ok(Answer::one(job).exit(exit))
}

async fn watch(
    caller: &impl Calls<Error = Failure>,
    mut job: JobView,
    progress: &Progress,
    patience: Patience,
) -> Result<JobView, Failure> {
    let mut lost: Option<Instant> = None;
    while !job.state.is_over() {
        progress.told(job.done, job.total, &job.message);
        tokio::time::sleep(patience.pause).await;
        match caller.call(&ShowJob { job: job.job }).await {
            Ok(seen) => (job, lost) = (seen, None),
            Err(failure)
                if failure.exit == Exit::Unavailable && lost.get_or_insert_with(Instant::now).elapsed() < patience.lost => {}
            Err(failure) => {
                let id = job.job;
                return Err(failure.changed(format!("job {id} was accepted and goes on, whatever becomes of this command")).hint(next(id)));
            }
        }
    }
    Ok(job)
}

fn next(job: JobId) -> String {
    format!("'iamctl job wait {job}' waits for it again")
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use api::Operation;

    use super::*;
    use crate::output::Terminal;

    /// A server that answers with these states, and is not there where there is none.
    struct Server(RefCell<Vec<Option<&'static str>>>);

    fn job(state: &str) -> serde_json::Value {
        serde_json::json!({
            "job": "01890a5d-ac96-774b-bcce-b302099a8057", "kind": "sandbox.populate", "state": state, "operator": "a-b", "done": 1,
            "total": 3, "message": "", "created_at": "2022-05-31T00:00:00Z", "started_at": null, "finished_at": null,
        })
    }

    impl Calls for Server {
        type Error = Failure;

        async fn call<O: Operation>(&self, _: &O) -> Result<O::Reply, Failure> {
            match self.0.borrow_mut().remove(0) {
                Some(state) => Ok(serde_json::from_value(job(state)).unwrap()),
                None => Err(Failure::new(Exit::Unavailable, "server.unreachable", "gone")),
            }
        }
    }

    async fn watched(answers: &[Option<&'static str>], lost: Duration) -> Result<JobView, Failure> {
        let progress = Progress::new(Terminal { input: false, output: false, error: false }, 3);
        let running = serde_json::from_value(job("running")).unwrap();
        let patience = Patience { pause: Duration::ZERO, lost };
        watch(&Server(RefCell::new(answers.to_vec())), running, &progress, patience).await
    }

    #[tokio::test]
    async fn a_job_that_is_out_of_sight_for_a_moment_is_waited_for() {
        let answers = [None, None, Some("running"), None, Some("done")];
        assert_eq!(watched(&answers, Duration::from_secs(3_600)).await.unwrap().state, JobState::Done);
    }

    #[tokio::test]
    async fn a_job_that_stays_out_of_sight_is_said_to_go_on() {
        let failure = watched(&[None], Duration::ZERO).await.unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Unavailable, "server.unreachable"));
        assert!(failure.changed.as_ref().unwrap().contains("01890a5d-ac96-774b-bcce-b302099a8057 was accepted and goes on"));
        assert_eq!(failure.hint.as_deref(), Some("'iamctl job wait 01890a5d-ac96-774b-bcce-b302099a8057' waits for it again"));
    }
}
