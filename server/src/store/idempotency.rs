//! Replies kept for repetition, 24 hours.

use std::time::Duration;

use domain::Timestamp;
use futures_util::TryFutureExt;
use serde_json::Value;

use super::engine::on;
use super::{Read, Store, StoreError, Write};
use crate::app::{Caller, Idempotency};

/// How long a key answers with its first reply.
pub const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// What is known under a key.
pub enum Known {
    /// Nothing: go on.
    Nothing,
    /// The first reply to the same request.
    Reply(Value),
    /// The key was used for another request.
    OtherRequest,
}

#[derive(sqlx::FromRow)]
struct Row {
    operation: String,
    body_digest: Vec<u8>,
    reply_sealed: Vec<u8>,
    created_at: i64,
}

impl Store {
    /// Looks the caller's key up.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn known_reply(&self, caller: &Caller, operation: &str, now: Timestamp) -> Result<Known, StoreError> {
        let Some(idempotency) = &caller.idempotency else { return Ok(Known::Nothing) };
        let mut read = self.read().await?;
        let Some(row) = read.reply_row(caller.operator.as_str(), &idempotency.key).await? else { return Ok(Known::Nothing) };
        if now.saturating_since(Timestamp::from_micros(row.created_at)) > KEPT {
            return Ok(Known::Nothing);
        }
        if row.operation != operation || row.body_digest != idempotency.body_digest {
            return Ok(Known::OtherRequest);
        }
        Ok(Known::Reply(Write::open_reply(&self.ledger, caller, &idempotency.key, &row.reply_sealed)?))
    }
}

impl Read {
    async fn reply_row(&mut self, operator: &str, key: &str) -> Result<Option<Row>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT operation, body_digest, reply_sealed, created_at FROM idempotency WHERE operator = $1 AND key = $2"
        )
        .bind(operator)
        .bind(key)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    pub(super) async fn insert_reply(
        &mut self,
        operator: &str,
        idempotency: &Idempotency,
        operation: &str,
        sealed: &[u8],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "INSERT INTO idempotency (operator, key, operation, body_digest, reply_sealed, created_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (operator, key) DO UPDATE SET operation = excluded.operation, body_digest = excluded.body_digest,
               reply_sealed = excluded.reply_sealed, created_at = excluded.created_at
             WHERE idempotency.created_at < $7"
        )
        .bind(operator)
        .bind(&idempotency.key)
        .bind(operation)
        .bind(&idempotency.body_digest[..])
        .bind(sealed)
        .bind(now.micros())
        .bind(now.minus(KEPT).micros())
        .execute(c)
        .map_ok(|done| done.rows_affected())
        });
        // A key that has aged out is taken over; one that is alive is somebody else's reply.
        match done.map_err(|error| self.error(error))? {
            0 => Err(StoreError::Unique),
            _ => Ok(()),
        }
    }

    /// Forgets replies older than a day; gives how many.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep_replies(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let before = now.minus(KEPT).micros();
        let done = on!(*self.conn(), |c| sqlx::query("DELETE FROM idempotency WHERE created_at < $1")
            .bind(before)
            .execute(c)
            .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }
}
