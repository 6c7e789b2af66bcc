//! Jobs: what is asked, how far it is, how it ended.

use api::job::{JobState, JobView};
use domain::{JobId, OperatorId, Timestamp};
use futures_util::TryFutureExt;

use super::conn::{on, on_locked};
use super::{Read, StoreError, Write};

/// A job as stored, without what it works on.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct JobRow {
    /// Id, uuid v7.
    pub id: Vec<u8>,
    /// The operation that asked for it.
    pub kind: String,
    /// State.
    pub state: String,
    /// Who asked.
    pub operator: String,
    /// How far it is, in its own words; empty at first.
    pub progress: String,
    /// Units done.
    pub done: i64,
    /// Units in all; 0 while not known.
    pub total: i64,
    /// What it is at.
    pub message: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Somebody wants it stopped.
    pub cancel_requested: bool,
    /// When it was asked for.
    pub created_at: i64,
    /// When it began.
    pub started_at: Option<i64>,
    /// When it ended.
    pub finished_at: Option<i64>,
}

impl JobRow {
    /// A job that waits for its turn.
    #[must_use]
    pub fn queued(id: JobId, kind: &str, operator: &OperatorId, message: String, now: Timestamp) -> Self {
        Self {
            id: id.as_bytes().to_vec(),
            kind: kind.to_owned(),
            state: JobState::Queued.as_str().to_owned(),
            operator: operator.to_string(),
            progress: String::new(),
            done: 0,
            total: 0,
            message,
            error: None,
            cancel_requested: false,
            created_at: now.micros(),
            started_at: None,
            finished_at: None,
        }
    }

    /// Id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn job(&self) -> Result<JobId, StoreError> {
        JobId::from_bytes(&self.id).map_err(|_| StoreError::Broken(anyhow::anyhow!("a job row has a bad id")))
    }

    /// State.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn state(&self) -> Result<JobState, StoreError> {
        JobState::ALL
            .iter()
            .copied()
            .find(|state| state.as_str() == self.state)
            .ok_or_else(|| StoreError::Broken(anyhow::anyhow!("a job row has a bad state")))
    }

    /// The row in another state; one that is over has ended now.
    #[must_use]
    pub fn become_state(self, state: JobState, now: Timestamp) -> Self {
        Self {
            state: state.as_str().to_owned(),
            started_at: self.started_at.or((state == JobState::Running).then(|| now.micros())),
            finished_at: state.is_over().then(|| now.micros()),
            ..self
        }
    }

    /// What the office sees of it.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn view(self) -> Result<JobView, StoreError> {
        let units = |count: i64| u64::try_from(count).unwrap_or(0);
        Ok(JobView {
            job: self.job()?,
            state: self.state()?,
            kind: self.kind,
            operator: self.operator,
            done: units(self.done),
            total: units(self.total),
            message: self.message,
            created_at: Timestamp::from_micros(self.created_at),
            started_at: self.started_at.map(Timestamp::from_micros),
            finished_at: self.finished_at.map(Timestamp::from_micros),
            error: self.error,
        })
    }
}

impl Read {
    /// Jobs, newest first, from before `after` on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn jobs(&mut self, state: Option<JobState>, after: Option<JobId>, limit: i64) -> Result<Vec<JobRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, kind, state, operator, progress, done, total, message, error, cancel_requested, created_at, started_at,
               finished_at
             FROM job WHERE (CAST($1 AS TEXT) IS NULL OR state = $1) AND id < $2 ORDER BY id DESC LIMIT $3"
        )
        .bind(state.map(JobState::as_str))
        .bind(after.map_or_else(|| vec![0xff; 16], |id| id.as_bytes().to_vec()))
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// One job.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn job(&mut self, id: JobId) -> Result<Option<JobRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, kind, state, operator, progress, done, total, message, error, cancel_requested, created_at, started_at,
               finished_at
             FROM job WHERE id = $1"
        )
        .bind(&id.as_bytes()[..])
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// The newest job of a kind.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn last_job(&mut self, kind: &str) -> Result<Option<JobRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, kind, state, operator, progress, done, total, message, error, cancel_requested, created_at, started_at,
               finished_at
             FROM job WHERE kind = $1 ORDER BY id DESC LIMIT 1"
        )
        .bind(kind)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// What a job works on.
    ///
    /// # Errors
    /// When the database cannot be reached or the job is gone.
    pub async fn job_payload(&mut self, id: JobId) -> Result<String, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT payload FROM job WHERE id = $1").bind(&id.as_bytes()[..]).fetch_one(c))
            .map_err(|error| self.error(error))
    }

    /// The job that is to be worked on: one under way before one that waits, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn next_job(&mut self) -> Result<Option<JobRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, kind, state, operator, progress, done, total, message, error, cancel_requested, created_at, started_at,
               finished_at
             FROM job WHERE finished_at IS NULL ORDER BY CASE WHEN state = 'running' THEN 0 ELSE 1 END, created_at, id LIMIT 1"
        )
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Puts a job into the queue.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_job(&mut self, row: &JobRow, payload: &str) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "INSERT INTO job (id, kind, state, operator, payload, progress, done, total, message, cancel_requested, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        )
        .bind(&row.id)
        .bind(&row.kind)
        .bind(&row.state)
        .bind(&row.operator)
        .bind(payload)
        .bind(&row.progress)
        .bind(row.done)
        .bind(row.total)
        .bind(&row.message)
        .bind(row.cancel_requested)
        .bind(row.created_at)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }

    /// One job, locked for the rest of the transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn job_locked(&mut self, id: JobId) -> Result<Option<JobRow>, StoreError> {
        let row: Result<Option<JobRow>, _> = on_locked!(
            *self.conn(),
            "SELECT id, kind, state, operator, progress, done, total, message, error, cancel_requested, created_at, started_at,
               finished_at
             FROM job WHERE id = $1",
            |c, sql| sqlx::query_as(sql).bind(&id.as_bytes()[..]).fetch_optional(c)
        );
        row.map_err(|error| self.error(error))
    }

    /// Puts how a locked job stands.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_job(&mut self, row: &JobRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "UPDATE job SET state = $1, progress = $2, done = $3, total = $4, message = $5, error = $6, cancel_requested = $7,
               started_at = $8, finished_at = $9
             WHERE id = $10"
        )
        .bind(&row.state)
        .bind(&row.progress)
        .bind(row.done)
        .bind(row.total)
        .bind(&row.message)
        .bind(&row.error)
        .bind(row.cancel_requested)
        .bind(row.started_at)
        .bind(row.finished_at)
        .bind(&row.id)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }
}
