//! Counters, and the tail of events that no counter holds yet. Only read here; `store/usage.rs` and `store/account_event.rs`
//! write them.
//!
//! A snapshot holds each event once: in the counters or in an inbox. Uses are those with the outcome `completed`; everything
//! else is counted beside them as not completed.

use domain::{Day, Outcome, Tier, Timestamp};

use super::engine::on;
use super::{Read, StoreError};
use crate::stats::window::{Days, Extent, Months};

/// Uses of a service in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct MonthRow {
    /// Month of the events.
    pub event_month: i32,
    /// Code of the service.
    pub service: i32,
    /// Completed.
    pub uses: i64,
    /// Not completed.
    pub not_completed: i64,
}

/// Uses of a service on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct DayRow {
    /// Day of the events.
    pub event_day: i32,
    /// Code of the service.
    pub service: i32,
    /// Completed.
    pub uses: i64,
    /// Not completed.
    pub not_completed: i64,
}

/// Uses under one number: a function's code, a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct NumberRow {
    /// The number.
    pub number: i32,
    /// Completed.
    pub uses: i64,
    /// Not completed.
    pub not_completed: i64,
}

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

#[derive(sqlx::FromRow)]
struct ExtentRow {
    first_event: Option<i32>,
    last_event: Option<i32>,
    first_recorded: Option<i32>,
    last_recorded: Option<i32>,
}

impl ExtentRow {
    fn extent(&self) -> Option<Extent> {
        Some(Extent {
            first_event: Day::from_number(self.first_event?),
            last_event: Day::from_number(self.last_event?),
            first_recorded: Day::from_number(self.first_recorded?),
            last_recorded: Day::from_number(self.last_recorded?),
        })
    }
}

#[derive(sqlx::FromRow)]
struct TailRow {
    first_event: Option<i32>,
    last_event: Option<i32>,
    last_recorded: Option<i64>,
}

/// The days of an inbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tail {
    /// First day something happened.
    pub first_event: Day,
    /// Last day something happened.
    pub last_event: Day,
    /// Last day something was recorded.
    pub last_recorded: Day,
}

impl TailRow {
    fn tail(&self) -> Option<Tail> {
        Some(Tail {
            first_event: Day::from_number(self.first_event?),
            last_event: Day::from_number(self.last_event?),
            last_recorded: Timestamp::from_micros(self.last_recorded?).hk_day(),
        })
    }
}

impl Read {
    /// The days on which the counters of uses begin and end: four look-ups at the ends of indexes.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_extent(&mut self) -> Result<Option<Extent>, StoreError> {
        let row: Result<ExtentRow, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT (SELECT MIN(event_day) FROM usage_daily) AS first_event,
                    (SELECT MAX(event_day) FROM usage_daily) AS last_event,
                    (SELECT MIN(recorded_day) FROM usage_daily) AS first_recorded,
                    (SELECT MAX(recorded_day) FROM usage_daily) AS last_recorded"
        )
        .fetch_one(c));
        row.map(|row| row.extent()).map_err(|error| self.error(error))
    }

    /// The days of uses that no counter holds yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_tail(&mut self) -> Result<Option<Tail>, StoreError> {
        let row: Result<TailRow, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT MIN(event_day) AS first_event, MAX(event_day) AS last_event, MAX(recorded_at) AS last_recorded
             FROM usage_inbox"
        )
        .fetch_one(c));
        row.map(|row| row.tail()).map_err(|error| self.error(error))
    }

    /// Uses by month and service, in that order, out of the monthly counters.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_months(&mut self, months: &Months) -> Result<Vec<MonthRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month, service,
                    CAST(COALESCE(SUM(CASE WHEN outcome = $4 THEN count END), 0) AS BIGINT) AS uses,
                    CAST(COALESCE(SUM(CASE WHEN outcome <> $4 THEN count END), 0) AS BIGINT) AS not_completed
             FROM usage_monthly WHERE event_month BETWEEN $1 AND $2 AND recorded_month <= $3
             GROUP BY event_month, service ORDER BY event_month, service"
        )
        .bind(months.from.number())
        .bind(months.to.number())
        .bind(months.recorded_to.number())
        .bind(Outcome::Completed.code())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Uses by day and service out of the daily counters, found by days of events; of one service only, where one is given.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_days(&mut self, days: &Days, service: Option<i32>) -> Result<Vec<DayRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day, service,
                    CAST(COALESCE(SUM(CASE WHEN outcome = $5 THEN count END), 0) AS BIGINT) AS uses,
                    CAST(COALESCE(SUM(CASE WHEN outcome <> $5 THEN count END), 0) AS BIGINT) AS not_completed
             FROM usage_daily WHERE event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4
               AND (CAST($6 AS INTEGER) IS NULL OR service = $6)
             GROUP BY event_day, service ORDER BY event_day, service"
        )
        .bind(days.from.number())
        .bind(days.to.number())
        .bind(days.recorded_from.number())
        .bind(days.recorded_to.number())
        .bind(Outcome::Completed.code())
        .bind(service)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Uses by day and service out of the daily counters, found by one day of recording after the other: in the index each of
    /// them begins with the oldest event, so that the days of events that are not wanted are not walked through.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_recorded(&mut self, days: &Days) -> Result<Vec<DayRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "WITH RECURSIVE recorded (day) AS (
               SELECT CAST($3 AS INTEGER) UNION ALL SELECT day + 1 FROM recorded WHERE day < CAST($4 AS INTEGER))
             SELECT event_day, service,
                    CAST(COALESCE(SUM(CASE WHEN outcome = $5 THEN count END), 0) AS BIGINT) AS uses,
                    CAST(COALESCE(SUM(CASE WHEN outcome <> $5 THEN count END), 0) AS BIGINT) AS not_completed
             FROM recorded CROSS JOIN usage_daily WHERE recorded_day = recorded.day AND event_day BETWEEN $1 AND $2
             GROUP BY event_day, service ORDER BY event_day, service"
        )
        .bind(days.from.number())
        .bind(days.to.number())
        .bind(days.recorded_from.number())
        .bind(days.recorded_to.number())
        .bind(Outcome::Completed.code())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Uses by day and service that no counter holds yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_waiting(&mut self, from: Day, to: Day, known_at: Day) -> Result<Vec<DayRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day, service,
                    CAST(COALESCE(SUM(CASE WHEN outcome = $4 THEN 1 END), 0) AS BIGINT) AS uses,
                    CAST(COALESCE(SUM(CASE WHEN outcome <> $4 THEN 1 END), 0) AS BIGINT) AS not_completed
             FROM usage_inbox WHERE event_day BETWEEN $1 AND $2 AND recorded_at < $3
             GROUP BY event_day, service ORDER BY event_day, service"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.end().micros())
        .bind(Outcome::Completed.code())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Uses by function out of the monthly counters.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_months_by_function(&mut self, months: &Months) -> Result<Vec<NumberRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT CAST(function AS INTEGER) AS number,
                    CAST(COALESCE(SUM(CASE WHEN outcome = $4 THEN count END), 0) AS BIGINT) AS uses,
                    CAST(COALESCE(SUM(CASE WHEN outcome <> $4 THEN count END), 0) AS BIGINT) AS not_completed
             FROM usage_monthly WHERE event_month BETWEEN $1 AND $2 AND recorded_month <= $3
             GROUP BY function ORDER BY function"
        )
        .bind(months.from.number())
        .bind(months.to.number())
        .bind(months.recorded_to.number())
        .bind(Outcome::Completed.code())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Uses by function out of the daily counters, found by days of recording: the plus keeps the engines from walking through
    /// all days of events instead.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_recorded_by_function(&mut self, days: &Days) -> Result<Vec<NumberRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT CAST(function AS INTEGER) AS number,
                    CAST(COALESCE(SUM(CASE WHEN outcome = $5 THEN count END), 0) AS BIGINT) AS uses,
                    CAST(COALESCE(SUM(CASE WHEN outcome <> $5 THEN count END), 0) AS BIGINT) AS not_completed
             FROM usage_daily WHERE +event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4
             GROUP BY function ORDER BY function"
        )
        .bind(days.from.number())
        .bind(days.to.number())
        .bind(days.recorded_from.number())
        .bind(days.recorded_to.number())
        .bind(Outcome::Completed.code())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Uses by function that no counter holds yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_waiting_by_function(&mut self, from: Day, to: Day, known_at: Day) -> Result<Vec<NumberRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT CAST(function AS INTEGER) AS number,
                    CAST(COALESCE(SUM(CASE WHEN outcome = $4 THEN 1 END), 0) AS BIGINT) AS uses,
                    CAST(COALESCE(SUM(CASE WHEN outcome <> $4 THEN 1 END), 0) AS BIGINT) AS not_completed
             FROM usage_inbox WHERE event_day BETWEEN $1 AND $2 AND recorded_at < $3
             GROUP BY function ORDER BY function"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.end().micros())
        .bind(Outcome::Completed.code())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Uses by day out of the daily counters.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_by_day(&mut self, from: Day, to: Day, known_at: Day) -> Result<Vec<NumberRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS number,
                    CAST(COALESCE(SUM(CASE WHEN outcome = $4 THEN count END), 0) AS BIGINT) AS uses,
                    CAST(COALESCE(SUM(CASE WHEN outcome <> $4 THEN count END), 0) AS BIGINT) AS not_completed
             FROM usage_daily WHERE event_day BETWEEN $1 AND $2 AND recorded_day <= $3
             GROUP BY event_day ORDER BY event_day"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.number())
        .bind(Outcome::Completed.code())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

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
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Completed uses in all, whenever they were.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn uses_in_all(&mut self) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT (SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM usage_monthly WHERE outcome = $1)
                  + (SELECT COUNT(*) FROM usage_inbox WHERE outcome = $1)"
        )
        .bind(Outcome::Completed.code())
        .fetch_one(c))
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

    /// Relying parties that are active.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn active_parties(&mut self) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT COUNT(*) FROM relying_party WHERE state = 'active'").fetch_one(c))
            .map_err(|error| self.error(error))
    }
}
