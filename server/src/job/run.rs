//! The runner: takes the next job, does it batch by batch, each in a transaction that also says how far the job is.

use api::Operation;
use api::job::JobState;
use api::sandbox::Populate;
use domain::JobId;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::failure::Failure;
use crate::housekeeping::within;
use crate::sandbox::populating::Populating;
use crate::store::{Housekeeping, JobRow, Leader, Write};

/// How far a batch has brought a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advance {
    /// Where to go on, in the job's own words.
    pub(crate) progress: String,
    /// Units done.
    pub(crate) done: u64,
    /// Units in all.
    pub(crate) total: u64,
    /// What it is at; at the end what it did.
    pub(crate) message: String,
    /// What the audit entry of the batch says.
    pub(crate) facts: Value,
    /// Whether there is more.
    pub(crate) next: Next,
}

/// Whether there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another batch.
    Batch,
    /// Nothing: the job is done.
    Nothing,
}

/// The work of a job, by its kind.
enum Work {
    Populate(Box<Populating>),
}

impl Work {
    /// Takes a job up where it stands.
    async fn take_up(app: &App, row: &JobRow, payload: &str) -> Result<Self, Failure> {
        match row.kind.as_str() {
            Populate::NAME => Ok(Self::Populate(Box::new(Populating::take_up(app, row, payload).await?))),
            other => Err(Failure::invalid("job.kind", format!("this version of iamd does not know jobs of the kind '{other}'"))),
        }
    }

    async fn prepare(&mut self, app: &App) -> Result<(), Failure> {
        match self {
            Self::Populate(populating) => populating.prepare(app).await,
        }
    }

    async fn batch(&mut self, app: &App, tx: &mut Write) -> Result<Advance, Failure> {
        match self {
            Self::Populate(populating) => populating.batch(app, tx).await,
        }
    }
}

/// How the work on a job ended for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stopped {
    /// It is over: done, failed or cancelled.
    Over,
    /// This node stops, or another one goes on.
    Elsewhere,
}

/// Does the next job, if there is one, until it is over or the node stops; gives whether there may be another. A job that
/// was under way when a node died goes on from its last committed batch.
///
/// # Errors
/// When the database cannot be reached: the job stays as it stands and is taken up again.
pub async fn run_next(app: &App, stop: &CancellationToken) -> anyhow::Result<bool> {
    let Some(waiting) = app.store.read().await?.next_job().await? else { return Ok(false) };
    let Some(tenure) = app.store.engine().tenure(Leader::Jobs).await? else { return Ok(false) };
    let ended = match claim(app).await {
        Ok(Some(row)) => run(app, &row, stop).await.map(|stopped| stopped == Stopped::Over),
        Ok(None) => Ok(false),
        Err(error) => Err(error),
    };
    tenure.end().await;
    match &ended {
        Ok(_) => app.held_up.no_longer(),
        Err(error) => app.held_up.by(waiting.job()?, &format!("{error:#}")),
    }
    ended
}

/// The job that is to be done now, marked as running.
async fn claim(app: &App) -> anyhow::Result<Option<JobRow>> {
    let mut tx = app.store.write().await?;
    let Some(next) = tx.next_job().await? else { return Ok(None) };
    // Locked and looked at again: it may have been cancelled meanwhile.
    let Some(row) = tx.job_locked(next.job()?).await?.filter(|row| row.finished_at.is_none()) else { return Ok(None) };
    let row = row.become_state(JobState::Running, app.clock.now());
    tx.put_job(&row).await?;
    tx.commit_housekeeping(Housekeeping::Progress).await?;
    Ok(Some(row))
}

async fn run(app: &App, row: &JobRow, stop: &CancellationToken) -> anyhow::Result<Stopped> {
    let job = row.job()?;
    let payload = app.store.read().await?.job_payload(job).await?;
    tracing::info!(%job, kind = row.kind, done = row.done, "a job is taken up");
    let mut work = match Work::take_up(app, row, &payload).await {
        Ok(work) => work,
        Err(failure) => return fail(app, job, failure).await,
    };
    let mut stands = row.progress.clone();
    while !stop.is_cancelled() {
        if let Err(failure) = work.prepare(app).await {
            return fail(app, job, failure).await;
        }
        if let Some(stopped) = within(batch(app, job, &mut work, &mut stands)).await? {
            return Ok(stopped);
        }
        // The one writer of SQLite is lent to whoever waits for it.
        tokio::task::yield_now().await;
    }
    Ok(Stopped::Elsewhere)
}

/// One batch in one transaction; nothing when there is more.
async fn batch(app: &App, job: JobId, work: &mut Work, stands: &mut String) -> anyhow::Result<Option<Stopped>> {
    let mut tx = app.store.write().await?;
    let Some(row) = tx.job_locked(job).await? else { return Ok(Some(Stopped::Over)) };
    if row.state()? != JobState::Running {
        return Ok(Some(Stopped::Over));
    }
    if row.progress != *stands {
        tracing::warn!(%job, "another node goes on with this job");
        return Ok(Some(Stopped::Elsewhere));
    }
    if row.cancel_requested {
        return cancel(app, tx, row).await.map(Some);
    }
    let advance = match work.batch(app, &mut tx).await {
        Ok(advance) => advance,
        Err(failure) => {
            drop(tx);
            return fail(app, job, failure).await.map(Some);
        }
    };
    stands.clone_from(&advance.progress);
    let next = advance.next;
    commit(app, tx, row, advance).await?;
    app.held_up.no_longer();
    Ok((next == Next::Nothing).then_some(Stopped::Over))
}

/// The batch and how far the job is, in one transaction with one audit entry.
async fn commit(app: &App, mut tx: Write, row: JobRow, advance: Advance) -> anyhow::Result<()> {
    let subject = row.job()?.to_string();
    let row = match advance.next {
        Next::Batch => row,
        Next::Nothing => row.become_state(JobState::Done, app.clock.now()),
    };
    let row = JobRow {
        progress: advance.progress,
        done: i64::try_from(advance.done)?,
        total: i64::try_from(advance.total)?,
        message: advance.message,
        ..row
    };
    tx.put_job(&row).await?;
    tx.commit_housekeeping(Housekeeping::Step { action: action(&row.kind), subject, facts: advance.facts }).await?;
    app.wake.sealer.notify_one();
    Ok(())
}

async fn cancel(app: &App, mut tx: Write, row: JobRow) -> anyhow::Result<Stopped> {
    let subject = row.job()?.to_string();
    let facts = json!({ "state": "cancelled", "done": row.done, "total": row.total });
    let message = format!("cancelled; {} stays as it is", row.message);
    let row = JobRow { message, ..row.become_state(JobState::Cancelled, app.clock.now()) };
    tx.put_job(&row).await?;
    tx.commit_housekeeping(Housekeeping::Step { action: action(&row.kind), subject, facts }).await?;
    app.wake.sealer.notify_one();
    Ok(Stopped::Over)
}

/// Ends a job that cannot be done; one that only cannot be done now, because the database is away, stays as it is.
async fn fail(app: &App, job: JobId, failure: Failure) -> anyhow::Result<Stopped> {
    let code = failure.code();
    if matches!(failure, Failure::Unavailable { .. }) || failure.is_contended() {
        anyhow::bail!("{}", failure.into_problem(None).message);
    }
    let cause = match &failure {
        Failure::Internal(cause) => format!("{cause:#}"),
        _ => String::new(),
    };
    let problem = failure.into_problem(None);
    let mut error = problem.message;
    for field in problem.fields.iter().take(5) {
        error.push_str(&format!("; {}: {}", field.path, field.message));
    }
    if let Some(hint) = problem.hint {
        error.push_str(&format!(" ({hint})"));
    }
    tracing::error!(%job, code, error, cause, "a job failed");
    let mut tx = app.store.write().await?;
    let Some(row) = tx.job_locked(job).await?.filter(|row| row.finished_at.is_none()) else { return Ok(Stopped::Over) };
    let row = JobRow { error: Some(error), ..row.become_state(JobState::Failed, app.clock.now()) };
    tx.put_job(&row).await?;
    let facts = json!({ "state": "failed", "code": code, "done": row.done, "total": row.total });
    tx.commit_housekeeping(Housekeeping::Step { action: action(&row.kind), subject: job.to_string(), facts }).await?;
    app.wake.sealer.notify_one();
    Ok(Stopped::Over)
}

/// The operation whose job it is, as audit entries name it.
fn action(kind: &str) -> &'static str {
    match kind {
        Populate::NAME => Populate::NAME,
        _ => "job.run",
    }
}
