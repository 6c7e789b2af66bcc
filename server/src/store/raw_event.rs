//! Raw events in the order of their numbers, without whom they were of.

use domain::Day;

use super::conn::on;
use super::{Read, StoreError};

/// A raw use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct RawUseRow {
    /// Its number.
    pub id: i64,
    /// Day of the use.
    pub event_day: i32,
    /// Day on which it was put on record.
    pub recorded_day: i32,
    /// Service.
    pub service: i32,
    /// Function.
    pub function: i16,
    /// Tier.
    pub tier: i16,
    /// Channel.
    pub channel: i16,
    /// Outcome.
    pub outcome: i16,
    /// 1, or -1 for one that takes an earlier one off.
    pub count: i16,
}

/// A raw event of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct RawAccountRow {
    /// Its number.
    pub id: i64,
    /// Day of the event.
    pub event_day: i32,
    /// Day on which it was put on record.
    pub recorded_day: i32,
    /// Kind.
    pub kind: i16,
    /// Tier.
    pub tier: i16,
    /// Channel.
    pub channel: i16,
}

impl Read {
    /// Raw uses of some days, as known at the end of a day, from behind the number `after` on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn raw_uses(
        &mut self,
        from: Day,
        to: Day,
        known_at: Day,
        after: i64,
        limit: i64,
    ) -> Result<Vec<RawUseRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, event_day, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER) AS recorded_day, service, function,
                    tier, channel, outcome, count
             FROM usage_event WHERE id > $1 AND event_day BETWEEN $2 AND $3 AND recorded_at < $4 ORDER BY id LIMIT $5"
        )
        .bind(after)
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.end().micros())
        .bind(limit)
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Raw events of accounts, in the same way.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn raw_account_events(
        &mut self,
        from: Day,
        to: Day,
        known_at: Day,
        after: i64,
        limit: i64,
    ) -> Result<Vec<RawAccountRow>, StoreError> {
        on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT id, event_day, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER) AS recorded_day, kind, tier, channel
             FROM account_event WHERE id > $1 AND event_day BETWEEN $2 AND $3 AND recorded_at < $4 ORDER BY id LIMIT $5"
        )
        .bind(after)
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.end().micros())
        .bind(limit)
        .persistent(false)
        .fetch_all(c)
        })
        .map_err(|error| self.error(error))
    }
}
