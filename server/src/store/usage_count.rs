//! Counters of uses, and the tail of events that no counter holds yet. Only read here; `store/usage.rs` writes them.
//!
//! A snapshot holds each event once: in the counters or in an inbox. Uses are those with the outcome `completed`; what came to
//! nothing is counted apart, by those who ask for it.
//!
//! Statements over ranges of days are not kept prepared: PostgreSQL would soon plan them for any range, and sort on disk what a
//! plan for the range asked for walks through in order.

use domain::{Day, Outcome, Timestamp};

use super::conn::on;
use super::{Read, StoreError};
use crate::stats::window::{Days, Extent, Months};

/// How requests ended, as far as counters are read for it. Codes of outcomes lie in a range each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Completed: uses.
    Completed,
    /// Failed, refused, timed out or cancelled.
    NotCompleted,
}

impl Ended {
    /// The first code of an outcome and the last.
    pub(super) const fn codes(self) -> (i16, i16) {
        let completed = Outcome::Completed.code();
        match self {
            Self::Completed => (completed, completed),
            Self::NotCompleted => (completed + 1, i16::MAX),
        }
    }
}

/// Requests to a service in a month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct MonthRow {
    /// Month of the events.
    pub event_month: i32,
    /// Code of the service.
    pub service: i32,
    /// How many.
    pub count: i64,
}

/// Requests to a service on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct DayRow {
    /// Day of the events.
    pub event_day: i32,
    /// Code of the service.
    pub service: i32,
    /// How many.
    pub count: i64,
}

/// Requests under one number: a function's code, a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct NumberRow {
    /// The number.
    pub number: i32,
    /// How many.
    pub count: i64,
}

#[derive(sqlx::FromRow)]
pub(super) struct ExtentRow {
    first_event: Option<i32>,
    last_event: Option<i32>,
    first_recorded: Option<i32>,
    last_recorded: Option<i32>,
}

impl ExtentRow {
    pub(super) fn extent(&self) -> Option<Extent> {
        Some(Extent {
            first_event: Day::from_number(self.first_event?),
            last_event: Day::from_number(self.last_event?),
            first_recorded: Day::from_number(self.first_recorded?),
            last_recorded: Day::from_number(self.last_recorded?),
        })
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct TailRow {
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
    pub(super) fn tail(&self) -> Option<Tail> {
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

    /// The days of the first and the last use that was on record by the end of a day, counted yet or not. The plus keeps the
    /// engines to the order of the key: both ends are found at once there.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_span(&mut self, known_at: Day) -> Result<Option<(Day, Day)>, StoreError> {
        let ends: Result<Vec<Option<i32>>, _> = on!(self.conn, |c| {
            sqlx::query_scalar(
            "SELECT * FROM (SELECT event_day FROM usage_daily WHERE +recorded_day <= $1 ORDER BY event_day LIMIT 1) AS first_counted
             UNION ALL
             SELECT * FROM (SELECT event_day FROM usage_daily WHERE +recorded_day <= $1 ORDER BY event_day DESC LIMIT 1) AS last_counted
             UNION ALL
             SELECT MIN(event_day) FROM usage_inbox WHERE recorded_at < $2
             UNION ALL
             SELECT MAX(event_day) FROM usage_inbox WHERE recorded_at < $2"
        )
        .bind(known_at.number())
        .bind(known_at.end().micros())
        .persistent(false)
        .fetch_all(c)
        });
        let days: Vec<i32> = ends.map_err(|error| self.error(error))?.into_iter().flatten().collect();
        let ends = days.iter().min().zip(days.iter().max());
        Ok(ends.map(|(first, last)| (Day::from_number(*first), Day::from_number(*last))))
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

    /// Completed uses of a party's services from a day on, counted yet or not, by the code of the service. A service may stand
    /// twice: what is counted and what waits.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn uses_of_party(&mut self, rp: &str, from: Day) -> Result<Vec<NumberRow>, StoreError> {
        let (completed, _) = Ended::Completed.codes();
        on!(self.conn, |c| sqlx::query_as(
            "SELECT service AS number, CAST(SUM(count) AS BIGINT) AS count FROM usage_daily
             WHERE event_day >= $1 AND outcome = $2 AND service IN (SELECT code FROM service WHERE relying_party = $3)
             GROUP BY service
             UNION ALL
             SELECT service AS number, COUNT(*) AS count FROM usage_inbox
             WHERE event_day >= $1 AND outcome = $2 AND service IN (SELECT code FROM service WHERE relying_party = $3)
             GROUP BY service"
        )
        .bind(from.number())
        .bind(completed)
        .bind(rp)
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Requests by month and service out of the monthly counters.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_months(&mut self, months: &Months, ended: Ended) -> Result<Vec<MonthRow>, StoreError> {
        let (first, last) = ended.codes();
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month, service, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM usage_monthly
             WHERE event_month BETWEEN $1 AND $2 AND recorded_month <= $3 AND outcome BETWEEN $4 AND $5
             GROUP BY event_month, service"
        )
        .bind(months.from.number())
        .bind(months.to.number())
        .bind(months.recorded_to.number())
        .bind(first)
        .bind(last)
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Requests by day and service out of the daily counters, found by days of events; to one service only, where one is given.
    /// In the order of the key, so that nothing needs sorting; a day stands there once for each day of recording.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_days(&mut self, days: &Days, service: Option<i32>, ended: Ended) -> Result<Vec<DayRow>, StoreError> {
        let (first, last) = ended.codes();
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day, service, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM usage_daily
             WHERE event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4 AND outcome BETWEEN $5 AND $6
               AND (CAST($7 AS INTEGER) IS NULL OR service = $7)
             GROUP BY event_day, recorded_day, service"
        )
        .bind(days.from.number())
        .bind(days.to.number())
        .bind(days.recorded_from.number())
        .bind(days.recorded_to.number())
        .bind(first)
        .bind(last)
        .bind(service)
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Requests by day and service out of the daily counters, found by one day of recording after the other: in the index each
    /// of them begins with the oldest event, so that the days of events that are not wanted are not walked through.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_recorded(&mut self, days: &Days, ended: Ended) -> Result<Vec<DayRow>, StoreError> {
        let (first, last) = ended.codes();
        on!(self.conn, |c| sqlx::query_as(
            "WITH RECURSIVE recorded (day) AS (
               SELECT CAST($3 AS INTEGER) UNION ALL SELECT day + 1 FROM recorded WHERE day < CAST($4 AS INTEGER))
             SELECT event_day, service, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM recorded CROSS JOIN usage_daily
             WHERE recorded_day = recorded.day AND event_day BETWEEN $1 AND $2 AND outcome BETWEEN $5 AND $6
             GROUP BY event_day, service"
        )
        .bind(days.from.number())
        .bind(days.to.number())
        .bind(days.recorded_from.number())
        .bind(days.recorded_to.number())
        .bind(first)
        .bind(last)
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Requests by day and service that no counter holds yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_waiting(&mut self, from: Day, to: Day, known_at: Day, ended: Ended) -> Result<Vec<DayRow>, StoreError> {
        let (first, last) = ended.codes();
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day, service, CAST(COUNT(*) AS BIGINT) AS count
             FROM usage_inbox WHERE event_day BETWEEN $1 AND $2 AND recorded_at < $3 AND outcome BETWEEN $4 AND $5
             GROUP BY event_day, service"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.end().micros())
        .bind(first)
        .bind(last)
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Requests by day out of the daily counters.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_by_day(&mut self, from: Day, to: Day, known_at: Day, ended: Ended) -> Result<Vec<NumberRow>, StoreError> {
        let (first, last) = ended.codes();
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS number, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM usage_daily
             WHERE event_day BETWEEN $1 AND $2 AND recorded_day <= $3 AND outcome BETWEEN $4 AND $5
             GROUP BY event_day"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.number())
        .bind(first)
        .bind(last)
        .persistent(false)
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_what_was_completed_and_nothing_else() {
        for outcome in Outcome::ALL {
            let within = |ended: Ended| (ended.codes().0..=ended.codes().1).contains(&outcome.code());
            assert_eq!(
                (within(Ended::Completed), within(Ended::NotCompleted)),
                (outcome.is_use(), !outcome.is_use()),
                "{outcome}"
            );
        }
    }
}
