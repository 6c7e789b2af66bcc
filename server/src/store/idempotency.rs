//! Replies kept for repetition, 24 hours at least.

use std::time::Duration;

use domain::Timestamp;
use futures_util::TryFutureExt;
use serde_json::Value;

use super::conn::on;
use super::{Read, Store, StoreError, Write};
use crate::app::{Caller, Idempotency};

/// How long a key answers with its first reply, at least.
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

/// Whether a key is free again. By time that has passed for certain: by a clock that runs ahead, a write that is repeated
/// within its day would be done twice.
fn aged_out(created_at: i64, passed: Timestamp) -> bool {
    passed.saturating_since(Timestamp::from_micros(created_at)) > KEPT
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
        if read.passed_for_certain(now).await?.is_some_and(|passed| aged_out(row.created_at, passed)) {
            return Ok(Known::Nothing);
        }
        if row.operation != operation || row.body_digest != idempotency.body_mac {
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
             ON CONFLICT (operator, key) DO NOTHING"
        )
        .bind(operator)
        .bind(&idempotency.key)
        .bind(operation)
        .bind(&idempotency.body_mac[..])
        .bind(sealed)
        .bind(now.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected())
        });
        if done.map_err(|error| self.error(error))? == 1 {
            return Ok(());
        }
        // A key that has aged out is taken over; one that is alive is somebody else's reply.
        let Some(passed) = self.passed_for_certain(now).await? else { return Err(StoreError::Unique) };
        let done = on!(*self.conn(), |c| {
            sqlx::query(
                "UPDATE idempotency SET operation = $3, body_digest = $4, reply_sealed = $5, created_at = $6
             WHERE operator = $1 AND key = $2 AND created_at < $7",
            )
            .bind(operator)
            .bind(&idempotency.key)
            .bind(operation)
            .bind(&idempotency.body_mac[..])
            .bind(sealed)
            .bind(now.micros())
            .bind(passed.minus(KEPT).micros())
            .execute(c)
            .map_ok(|done| done.rows_affected())
        });
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Unique),
        }
    }

    /// Forgets replies that were a day old when `passed` was; gives how many.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep_replies(&mut self, passed: Timestamp) -> Result<u64, StoreError> {
        let before = passed.minus(KEPT).micros();
        let done = on!(*self.conn(), |c| sqlx::query("DELETE FROM idempotency WHERE created_at < $1")
            .bind(before)
            .execute(c)
            .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }
}
