use api::job::{CancelJob, JobState, JobView};
use domain::Refusal;
use serde_json::json;

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{JobRow, StoreError, Write};

/// Stops a job: at once when it waits, after the batch under way when it runs. What it has committed stays.
pub async fn cancel(app: &App, caller: &Caller, op: CancelJob) -> Result<JobView, Failure> {
    let mut tx = begin(app).await?;
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

/// How often the writer is asked for: five times its own patience is less than the caller's.
const TRIES: u32 = 5;

/// On SQLite the batch under way holds the one writer, perhaps for longer than a statement waits: whoever wants to stop the job
/// that is in everybody's way waits for its end.
async fn begin(app: &App) -> Result<Write, StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match app.store.write().await {
            Err(StoreError::Unavailable(_)) if tries < TRIES => {}
            begun => return begun,
        }
    }
}
