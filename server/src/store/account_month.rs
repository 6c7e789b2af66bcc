//! Counters of what happened to accounts, by month or day, kind and tier alone: few rows, for figures that ask for no more.

use domain::Day;

use super::conn::on;
use super::{PersonCountRow, Read, StoreError};
use crate::stats::window::{Days, Months};

impl Read {
    /// Events of accounts by month out of the monthly counters; channel, year of birth and sex are 0.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tier_months(&mut self, months: &Months) -> Result<Vec<PersonCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month AS event, kind, tier, CAST(0 AS SMALLINT) AS channel, CAST(0 AS SMALLINT) AS birth_year,
                    CAST(0 AS SMALLINT) AS sex, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_monthly WHERE event_month BETWEEN $1 AND $2 AND recorded_month <= $3
             GROUP BY event_month, kind, tier"
        )
        .bind(months.from.number())
        .bind(months.to.number())
        .bind(months.recorded_to.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Events of accounts by day out of the daily counters, found by days of events.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tier_days(&mut self, days: &Days) -> Result<Vec<PersonCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, kind, tier, CAST(0 AS SMALLINT) AS channel, CAST(0 AS SMALLINT) AS birth_year,
                    CAST(0 AS SMALLINT) AS sex, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_daily WHERE event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4
             GROUP BY event_day, kind, tier"
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
    pub async fn tier_recorded(&mut self, days: &Days) -> Result<Vec<PersonCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, kind, tier, CAST(0 AS SMALLINT) AS channel, CAST(0 AS SMALLINT) AS birth_year,
                    CAST(0 AS SMALLINT) AS sex, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_daily WHERE +event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4
             GROUP BY event_day, kind, tier"
        )
        .bind(days.from.number())
        .bind(days.to.number())
        .bind(days.recorded_from.number())
        .bind(days.recorded_to.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Events of accounts by day that no counter holds yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tier_waiting(&mut self, from: Day, to: Day, known_at: Day) -> Result<Vec<PersonCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, kind, tier, CAST(0 AS SMALLINT) AS channel, CAST(0 AS SMALLINT) AS birth_year,
                    CAST(0 AS SMALLINT) AS sex, CAST(COUNT(*) AS BIGINT) AS count
             FROM account_event_inbox WHERE event_day BETWEEN $1 AND $2 AND recorded_at < $3
             GROUP BY event_day, kind, tier"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.end().micros())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}
