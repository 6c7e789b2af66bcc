//! Different people who used the platform in a month: a bit an account and month, sealed, and how many bits were new on which day
//! of recording. What is sealed in a row `usage/users.rs` knows.

use domain::{Day, Month};
use futures_util::TryFutureExt;

use super::conn::on;
use super::{NumberRow, Read, StoreError, Write};

/// A use that waits, as far as it may be the first one of its account in its month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct WaitingUser {
    /// Day of the use.
    pub event_day: i32,
    /// The account's ordinal.
    pub ordinal: i64,
}

impl Read {
    /// The sealed bits of 8 192 accounts.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_users(&mut self, month: Month, chunk: i32) -> Result<Option<Vec<u8>>, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT sealed FROM usage_month_users WHERE event_month = $1 AND chunk = $2")
            .bind(month.number())
            .bind(chunk)
            .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Which chunks of 8 192 accounts have somebody in a month.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_users_chunks(&mut self, month: Month) -> Result<Vec<i32>, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT chunk FROM usage_month_users WHERE event_month = $1 ORDER BY chunk")
            .bind(month.number())
            .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Different people by month, as counted by the end of a day; months without any are not there.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn users_by_month(&mut self, from: Month, to: Month, known_at: Day) -> Result<Vec<NumberRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month AS number, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count FROM usage_users_daily
             WHERE event_month BETWEEN $1 AND $2 AND recorded_day <= $3 GROUP BY event_month ORDER BY event_month"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Accounts with a completed use that waits to be counted, by day.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn waiting_users(&mut self, from: Day, to: Day, known_at: Day) -> Result<Vec<WaitingUser>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT DISTINCT event_day, ordinal FROM usage_inbox
             WHERE event_day BETWEEN $1 AND $2 AND recorded_at < $3 AND ordinal >= 0 AND outcome = 1 AND count > 0
             ORDER BY event_day, ordinal"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.end().micros())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// What the counts of a month must be: every raw use with an account looked at again, by the day on which the first one of each
    /// was put on record.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn recount_users(&mut self, month: Month) -> Result<Vec<NumberRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT recorded AS number, COUNT(*) AS count FROM
               (SELECT CAST((MIN(recorded_at) + 28800000000) / 86400000000 AS INTEGER) AS recorded FROM usage_event
                WHERE event_day BETWEEN $1 AND $2 AND outcome = 1 AND count > 0 AND pseudonym <> 0 GROUP BY pseudonym) AS users
             GROUP BY recorded ORDER BY recorded"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The counts of a month by day of recording.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn users_by_recorded_day(&mut self, month: Month) -> Result<Vec<NumberRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT recorded_day AS number, count FROM usage_users_daily WHERE event_month = $1 ORDER BY recorded_day"
        )
        .bind(month.number())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Puts the sealed bits of 8 192 accounts.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_month_users(&mut self, month: Month, chunk: i32, sealed: &[u8]) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO usage_month_users (event_month, chunk, sealed) VALUES ($1, $2, $3)
             ON CONFLICT (event_month, chunk) DO UPDATE SET sealed = excluded.sealed"
        )
        .bind(month.number())
        .bind(chunk)
        .bind(sealed)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Adds to the people who are new in a month.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn add_users(&mut self, month: Month, recorded: Day, count: i64) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO usage_users_daily (event_month, recorded_day, count) VALUES ($1, $2, $3)
             ON CONFLICT (event_month, recorded_day) DO UPDATE SET count = usage_users_daily.count + excluded.count"
        )
        .bind(month.number())
        .bind(recorded.number())
        .bind(count)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
