//! Counters of what happened to accounts, and the tail of events that no counter holds yet. Only read here;
//! `store/account_event.rs` writes them. Statements over ranges of days are not kept prepared, see `store/usage_count.rs`.

use domain::{Day, Tier};

use super::conn::on;
use super::usage_count::{ExtentRow, Tail, TailRow};
use super::{Read, StoreError};
use crate::stats::window::{Days, Extent, Months};

/// Events of accounts of one kind and tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct AccountCountRow {
    /// Code of the kind.
    pub kind: i16,
    /// Code of the tier.
    pub tier: i16,
    /// How many.
    pub count: i64,
}

impl Read {
    /// The days on which the counters of accounts begin and end.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_extent(&mut self) -> Result<Option<Extent>, StoreError> {
        let row: Result<ExtentRow, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT (SELECT MIN(event_day) FROM account_daily) AS first_event,
                    (SELECT MAX(event_day) FROM account_daily) AS last_event,
                    (SELECT MIN(recorded_day) FROM account_daily) AS first_recorded,
                    (SELECT MAX(recorded_day) FROM account_daily) AS last_recorded"
        )
        .fetch_one(c));
        row.map(|row| row.extent()).map_err(|error| self.error(error))
    }

    /// The days of account events that no counter holds yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_tail(&mut self) -> Result<Option<Tail>, StoreError> {
        let row: Result<TailRow, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT MIN(event_day) AS first_event, MAX(event_day) AS last_event, MAX(recorded_at) AS last_recorded
             FROM account_event_inbox"
        )
        .fetch_one(c));
        row.map(|row| row.tail()).map_err(|error| self.error(error))
    }

    /// Events of accounts by kind and tier out of the monthly counters.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_months(&mut self, months: &Months) -> Result<Vec<AccountCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kind, tier, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_monthly WHERE event_month BETWEEN $1 AND $2 AND recorded_month <= $3 GROUP BY kind, tier"
        )
        .bind(months.from.number())
        .bind(months.to.number())
        .bind(months.recorded_to.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Events of accounts out of the daily counters, found by days of events.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_days(&mut self, days: &Days) -> Result<Vec<AccountCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kind, tier, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_daily WHERE event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4 GROUP BY kind, tier"
        )
        .bind(days.from.number())
        .bind(days.to.number())
        .bind(days.recorded_from.number())
        .bind(days.recorded_to.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The same, found by days of recording.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_recorded(&mut self, days: &Days) -> Result<Vec<AccountCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kind, tier, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_daily WHERE +event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4 GROUP BY kind, tier"
        )
        .bind(days.from.number())
        .bind(days.to.number())
        .bind(days.recorded_from.number())
        .bind(days.recorded_to.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Events of accounts that no counter holds yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_waiting(&mut self, from: Day, to: Day, known_at: Day) -> Result<Vec<AccountCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kind, tier, CAST(COUNT(*) AS BIGINT) AS count
             FROM account_event_inbox WHERE event_day BETWEEN $1 AND $2 AND recorded_at < $3 GROUP BY kind, tier"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.end().micros())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Suspended accounts of a tier, out of the index of accounts that are not active.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn suspended_accounts(&mut self, tier: Tier) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT COUNT(*) FROM account WHERE state <> 'active' AND state = 'suspended' AND tier = $1"
        )
        .bind(tier.as_str())
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }
}
