//! Counters of what happened to accounts, by what statistics keep of the person: year of birth and sex, nothing that leads back.
//! They are added to with those of `store/account_event.rs`, and read for a window as those of `store/account_count.rs` are.

use std::collections::BTreeMap;

use domain::Day;

use super::conn::on;
use super::rows::{Insert, insert_rows};
use super::{Read, StoreError, Write};
use crate::stats::window::{Days, Months};

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub struct PersonKey {
    /// Day of the event; in monthly counters its month.
    pub event: i32,
    /// Day on which it was put on record; in monthly counters its month.
    pub recorded: i32,
    /// Code of the kind.
    pub kind: i16,
    /// Code of the tier.
    pub tier: i16,
    /// Code of the channel.
    pub channel: i16,
    /// Year of birth; 0 where it is not known.
    pub birth_year: i16,
    /// Code of the sex; 0 where the card does not say.
    pub sex: i16,
}

impl PersonKey {
    /// The monthly counter above a daily one.
    #[must_use]
    pub fn monthly(self) -> Self {
        let month = |day| Day::from_number(day).month().number();
        Self { event: month(self.event), recorded: month(self.recorded), ..self }
    }
}

/// Counters by key, in the order of the key.
pub type PersonCounts = BTreeMap<PersonKey, i64>;

/// Events of accounts of one kind in a month, by person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct PersonCountRow {
    /// Month of the events, from the monthly counters; from the others their day.
    pub event: i32,
    /// Code of the kind.
    pub kind: i16,
    /// Code of the tier.
    pub tier: i16,
    /// Code of the channel.
    pub channel: i16,
    /// Year of birth; 0 where it is not known.
    pub birth_year: i16,
    /// Code of the sex; 0 where the card does not say.
    pub sex: i16,
    /// How many.
    pub count: i64,
}

static ADD_DAILY: Insert = Insert::new(
    "INSERT INTO account_person_daily (event_day, recorded_day, kind, tier, channel, birth_year, sex, count) VALUES",
    8,
    "ON CONFLICT (event_day, recorded_day, kind, tier, channel, birth_year, sex)
     DO UPDATE SET count = account_person_daily.count + excluded.count",
);

static ADD_MONTHLY: Insert = Insert::new(
    "INSERT INTO account_person_monthly (event_month, recorded_month, kind, tier, channel, birth_year, sex, count) VALUES",
    8,
    "ON CONFLICT (event_month, recorded_month, kind, tier, channel, birth_year, sex)
     DO UPDATE SET count = account_person_monthly.count + excluded.count",
);

impl Write {
    /// Adds to the daily counters and to the monthly ones above them.
    pub(super) async fn add_people(&mut self, daily: &PersonCounts) -> Result<(), StoreError> {
        let mut monthly = PersonCounts::new();
        for (key, count) in daily {
            *monthly.entry(key.monthly()).or_default() += count;
        }
        for (insert, counts) in [(&ADD_DAILY, daily), (&ADD_MONTHLY, &monthly)] {
            let rows: Vec<(&PersonKey, &i64)> = counts.iter().collect();
            insert_rows!(self, *insert, &rows, |query, row| query
                .bind(row.0.event)
                .bind(row.0.recorded)
                .bind(row.0.kind)
                .bind(row.0.tier)
                .bind(row.0.channel)
                .bind(row.0.birth_year)
                .bind(row.0.sex)
                .bind(*row.1))?;
        }
        Ok(())
    }
}

#[derive(sqlx::FromRow)]
struct CountRow {
    #[sqlx(flatten)]
    key: PersonKey,
    count: i64,
}

impl Read {
    /// Events of accounts by month and person out of the monthly counters.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn person_months(&mut self, months: &Months) -> Result<Vec<PersonCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month AS event, kind, tier, channel, birth_year, sex, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_person_monthly WHERE event_month BETWEEN $1 AND $2 AND recorded_month <= $3
             GROUP BY event_month, kind, tier, channel, birth_year, sex"
        )
        .bind(months.from.number())
        .bind(months.to.number())
        .bind(months.recorded_to.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Events of accounts by day and person out of the daily counters, found by days of events.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn person_days(&mut self, days: &Days) -> Result<Vec<PersonCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, kind, tier, channel, birth_year, sex, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_person_daily WHERE event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4
             GROUP BY event_day, kind, tier, channel, birth_year, sex"
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
    pub async fn person_recorded(&mut self, days: &Days) -> Result<Vec<PersonCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, kind, tier, channel, birth_year, sex, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_person_daily WHERE +event_day BETWEEN $1 AND $2 AND recorded_day BETWEEN $3 AND $4
             GROUP BY event_day, kind, tier, channel, birth_year, sex"
        )
        .bind(days.from.number())
        .bind(days.to.number())
        .bind(days.recorded_from.number())
        .bind(days.recorded_to.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Events of accounts by day and person that no counter holds yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn person_waiting(&mut self, from: Day, to: Day, known_at: Day) -> Result<Vec<PersonCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, kind, tier, channel, birth_year, sex, CAST(COUNT(*) AS BIGINT) AS count
             FROM account_event_inbox WHERE event_day BETWEEN $1 AND $2 AND recorded_at < $3
             GROUP BY event_day, kind, tier, channel, birth_year, sex"
        )
        .bind(from.number())
        .bind(to.number())
        .bind(known_at.end().micros())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Every daily counter.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn person_daily(&mut self) -> Result<PersonCounts, StoreError> {
        let rows = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, recorded_day AS recorded, kind, tier, channel, birth_year, sex, count
             FROM account_person_daily"
        )
        .fetch_all(c));
        self.person_counts(rows)
    }

    /// Every monthly counter.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn person_monthly(&mut self) -> Result<PersonCounts, StoreError> {
        let rows = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month AS event, recorded_month AS recorded, kind, tier, channel, birth_year, sex, count
             FROM account_person_monthly"
        )
        .fetch_all(c));
        self.person_counts(rows)
    }

    /// What the daily counters must be: every raw event counted again. Reads the whole table.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn recount_people(&mut self) -> Result<PersonCounts, StoreError> {
        let rows = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER) AS recorded,
                    kind, tier, channel, birth_year, sex, COUNT(*) AS count
             FROM account_event GROUP BY 1, 2, 3, 4, 5, 6, 7"
        )
        .fetch_all(c));
        self.person_counts(rows)
    }

    fn person_counts(&self, rows: Result<Vec<CountRow>, sqlx::Error>) -> Result<PersonCounts, StoreError> {
        Ok(rows.map_err(|error| self.error(error))?.into_iter().map(|row| (row.key, row.count)).collect())
    }
}
