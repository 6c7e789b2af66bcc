//! Effects outside the database, written with the change that causes them and delivered afterwards.

use std::time::Duration;

use domain::Timestamp;
use futures_util::TryFutureExt;

use super::conn::{on, on_locked};
use super::{Read, StoreError, Write};

/// A message on its way.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OutboxRow {
    /// Id, uuid v7.
    pub id: Vec<u8>,
    /// What kind, e.g. `account.suspended`.
    pub kind: String,
    /// Whom it is for.
    pub receiver: String,
    /// What it is about.
    pub subject: String,
    /// JSON, no personal data.
    pub payload: String,
    /// `pending`, `acknowledged` or `failed`.
    pub state: String,
    /// Tries so far.
    pub attempts: i32,
    /// When it is due.
    pub next_at: i64,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it was written.
    pub created_at: i64,
}

/// Messages of one kind that wait for one receiver.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WaitingNotices {
    /// What kind.
    pub kind: String,
    /// Whom they are for.
    pub receiver: String,
    /// How many.
    pub notices: i64,
    /// When the newest one was written.
    pub newest: i64,
}

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver has confirmed.
    Acknowledged,
    /// Try again then.
    Again {
        /// When.
        at: Timestamp,
        /// Why.
        error: String,
    },
    /// Given up.
    Failed {
        /// Why.
        error: String,
    },
}

impl Write {
    /// Writes a message, due at once.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn enqueue(
        &mut self,
        id: uuid::Uuid,
        kind: &str,
        receiver: &str,
        subject: &str,
        payload: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO outbox (id, kind, receiver, subject, payload, state, attempts, next_at, created_at)
             VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, $6)"
        )
        .bind(&id.as_bytes()[..])
        .bind(kind)
        .bind(receiver)
        .bind(subject)
        .bind(payload)
        .bind(now.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Takes `limit` of the messages that are due, at most `each` for one receiver, and holds them for `lease`, so that no other
    /// worker sends them meanwhile. Each row comes with the number of this try, by which its outcome is noted. They are chosen among
    /// the 5000 that have waited longest, so that choosing takes no longer however many wait.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn claim_due(
        &mut self,
        now: Timestamp,
        lease: Duration,
        limit: i64,
        each: i64,
    ) -> Result<Vec<OutboxRow>, StoreError> {
        let rows: Result<Vec<OutboxRow>, _> = on_locked!(
            *self.conn(),
            "SELECT id, kind, receiver, subject, payload, state, attempts, next_at, last_error, created_at
             FROM outbox WHERE state = 'pending' AND next_at <= $1
               AND id IN (SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY receiver ORDER BY next_at, id) AS turn
                                          FROM (SELECT id, receiver, next_at FROM outbox WHERE state = 'pending' AND next_at <= $1
                                                ORDER BY next_at LIMIT 5000) AS due) AS queues
                          WHERE turn <= $3)
             ORDER BY next_at LIMIT $2",
            |c, sql| sqlx::query_as(sql).bind(now.micros()).bind(limit).bind(each).fetch_all(c)
        );
        let mut rows = rows.map_err(|error| self.error(error))?;
        for row in &mut rows {
            let done =
                on!(*self.conn(), |c| sqlx::query("UPDATE outbox SET next_at = $1, attempts = attempts + 1 WHERE id = $2")
                    .bind(now.plus(lease).micros())
                    .bind(&row.id)
                    .execute(c)
                    .map_ok(|_| ()));
            done.map_err(|error| self.error(error))?;
            row.attempts += 1;
        }
        Ok(rows)
    }

    /// Notes how a try ended; false when somebody else has taken the message since, whose word counts.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn note_delivery(&mut self, row: &OutboxRow, delivery: &Delivery, now: Timestamp) -> Result<bool, StoreError> {
        let (state, next_at, error, finished) = match delivery {
            Delivery::Acknowledged => ("acknowledged", now, None, Some(now.micros())),
            Delivery::Again { at, error } => ("pending", *at, Some(error), None),
            Delivery::Failed { error } => ("failed", now, Some(error), Some(now.micros())),
        };
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE outbox SET state = $1, next_at = $2, last_error = $3, finished_at = $4
             WHERE id = $5 AND attempts = $6 AND state = 'pending'"
        )
        .bind(state)
        .bind(next_at.micros())
        .bind(error)
        .bind(finished)
        .bind(&row.id)
        .bind(row.attempts)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        Ok(done.map_err(|error| self.error(error))? == 1)
    }
}

impl Read {
    /// The messages about one subject.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn outbox_about(&mut self, subject: &str) -> Result<Vec<OutboxRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, kind, receiver, subject, payload, state, attempts, next_at, last_error, created_at
             FROM outbox WHERE subject = $1 ORDER BY receiver, id"
        )
        .bind(subject)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The messages that wait, by kind and receiver.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn outbox_waiting(&mut self) -> Result<Vec<WaitingNotices>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kind, receiver, COUNT(*) AS notices, MAX(created_at) AS newest FROM outbox WHERE state = 'pending'
             GROUP BY kind, receiver ORDER BY receiver, kind"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Messages that wait, and the earliest moment one is due.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn outbox_pending(&mut self) -> Result<(i64, Option<i64>), StoreError> {
        on!(self.conn, |c| sqlx::query_as("SELECT COUNT(*), MIN(next_at) FROM outbox WHERE state = 'pending'").fetch_one(c))
            .map_err(|error| self.error(error))
    }
}
