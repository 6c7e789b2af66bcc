//! Counters of uses with their function, tier and channel: for those tables that ask for it. Otherwise as `store/usage_count.rs`, and
//! only read when they are, for there are many more rows.

use domain::Day;

use super::conn::on;
use super::usage_count::Ended;
use super::{Read, StoreError};
use crate::stats::window::{Days, Months};

/// Requests to a function of a service in a month or on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct DetailRow {
    /// Month of the events, from the monthly counters; from the others their day.
    pub event: i32,
    /// Code of the service.
    pub service: i32,
    /// Code of the function.
    pub function: i16,
    /// Code of the tier.
    pub tier: i16,
    /// Code of the way of use.
    pub channel: i16,
    /// How many.
    pub count: i64,
}

impl Read {
    /// Requests by month out of the monthly counters.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn detail_months(&mut self, months: &Months, ended: Ended) -> Result<Vec<DetailRow>, StoreError> {
        let (first, last) = ended.codes();
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month AS event, service, function, tier, channel, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM usage_monthly
             WHERE event_month BETWEEN $1 AND $2 AND recorded_month <= $3 AND outcome BETWEEN $4 AND $5
             GROUP BY event_month, service, function, tier, channel"
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

    /// Requests by day out of the daily counters, found by days of events; to one service only, where one is given.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn detail_days(&mut self, days: &Days, service: Option<i32>, ended: Ended) -> Result<Vec<DetailRow>, StoreError> {
        let (first, last) = ended.codes();
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, service, function, tier, channel, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM usage_daily
             WHERE event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4 AND outcome BETWEEN $5 AND $6
               AND (CAST($7 AS INTEGER) IS NULL OR service = $7)
             GROUP BY event_day, service, function, tier, channel"
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

    /// The same, found by one day of recording after the other.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn detail_recorded(&mut self, days: &Days, ended: Ended) -> Result<Vec<DetailRow>, StoreError> {
        let (first, last) = ended.codes();
        on!(self.conn, |c| sqlx::query_as(
            "WITH RECURSIVE recorded (day) AS (
               SELECT CAST($3 AS INTEGER) UNION ALL SELECT day + 1 FROM recorded WHERE day < CAST($4 AS INTEGER))
             SELECT event_day AS event, service, function, tier, channel, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM recorded CROSS JOIN usage_daily
             WHERE recorded_day = recorded.day AND event_day BETWEEN $1 AND $2 AND outcome BETWEEN $5 AND $6
             GROUP BY event_day, service, function, tier, channel"
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

    /// Requests by day that no counter holds yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn detail_waiting(
        &mut self,
        from: Day,
        to: Day,
        known_at: Day,
        ended: Ended,
    ) -> Result<Vec<DetailRow>, StoreError> {
        let (first, last) = ended.codes();
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, service, function, tier, channel, CAST(COUNT(*) AS BIGINT) AS count
             FROM usage_inbox WHERE event_day BETWEEN $1 AND $2 AND recorded_at < $3 AND outcome BETWEEN $4 AND $5
             GROUP BY event_day, service, function, tier, channel"
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
}
