use api::job::{CancelJob, JobState, JobView};
use domain::Refusal;
use serde_json::json;

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::JobRow;

/// Stops a job: at once when it waits, after the batch under way when it runs. What it has committed stays.
pub async fn cancel(app: &App, caller: &Caller, op: CancelJob) -> Result<JobView, Failure> {
    let mut tx = app.store.write().await?;
    let row = tx.job_locked(op.job).await?.ok_or_else(|| Failure::not_found("job", op.job))?;
    let was = row.state()?;
    let row = match was {
        JobState::Queued => {
            let message = "cancelled before it began".to_owned();
            JobRow { message, cancel_requested: true, ..row.become_state(JobState::Cancelled, app.clock.now()) }
        }
        JobState::Running => JobRow { cancel_requested: true, ..row },
        JobState::Done | JobState::Failed | JobState::Cancelled => {
            let message = format!("job {} is {} already", op.job, was.as_str());
            return Err(Refusal::new("job.over", message).hint("see 'iamctl job list'").into());
        }
    };
    tx.put_job(&row).await?;
    let view = row.view()?;
    let done = tx.commit(caller.record(&op).facts(json!({ "was": was })), view).await?;
    app.wake.jobs.notify_one();
    Ok(done)
}
