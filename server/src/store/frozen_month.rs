//! Months that are closed, and the cells of a month, out of counters and out of raw events.

use domain::{Day, Month, Outcome};
use futures_util::TryFutureExt;

use super::conn::on;
use super::{AccountKey, PersonKey, Read, StoreError, UsageKey, Write};

/// A closed month as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct FrozenMonthRow {
    /// The month's number.
    pub month: i32,
    /// Number of the day up to which it was known.
    pub known_day: i32,
    /// Edition of the definitions.
    pub edition: String,
    /// The first line of what the digest is over.
    pub head: String,
    /// Completed uses in the month.
    pub uses: i64,
    /// Different people who made them.
    pub users: i64,
    /// Registered at its end.
    pub registered: i64,
    /// Lower-case hex.
    pub digest: String,
    /// The digest in a signed note.
    pub note: String,
    /// When, microseconds.
    pub frozen_at: i64,
    /// By whom.
    pub operator: String,
}

/// A cell of the month's uses, whatever the day on which it was put on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct UsageCell {
    /// Day of the use.
    pub event_day: i32,
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
    /// How many.
    pub count: i64,
}

/// How many events came after a day, and how many of them are completed uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct LateEvents {
    /// Events of uses and of accounts.
    pub events: i64,
    /// Completed uses, which is what figures count.
    pub completed: i64,
}

/// A cell of what happened to accounts in the month.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct AccountCell {
    /// Day of the event.
    pub event_day: i32,
    /// Kind.
    pub kind: i16,
    /// Tier.
    pub tier: i16,
    /// Channel.
    pub channel: i16,
    /// How many.
    pub count: i64,
}

/// A counter and what it says.
#[derive(sqlx::FromRow)]
struct Counted<
    K: Send + Unpin + for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
> {
    #[sqlx(flatten)]
    key: K,
    count: i64,
}

impl Read {
    /// A closed month.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn frozen_month(&mut self, month: Month) -> Result<Option<FrozenMonthRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT month, known_day, edition, head, uses, users, registered, digest, note, frozen_at, operator
             FROM frozen_month WHERE month = $1"
        )
        .bind(month.number())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Every closed month, in order.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn frozen_months(&mut self) -> Result<Vec<FrozenMonthRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT month, known_day, edition, head, uses, users, registered, digest, note, frozen_at, operator
             FROM frozen_month ORDER BY month"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Whether an event that was on record by the end of a day waits to be counted.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn events_wait_from(&mut self, known_at: Day) -> Result<bool, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM usage_inbox WHERE recorded_at < $1)
                 OR EXISTS (SELECT 1 FROM account_event_inbox WHERE recorded_at < $1)"
        )
        .bind(known_at.end().micros())
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// The month's uses out of the daily counters, as known at the end of a day. A correction may leave a cell of none behind.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_uses(&mut self, month: Month, known_at: Day) -> Result<Vec<UsageCell>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day, service, function, tier, channel, outcome, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM usage_daily WHERE event_day BETWEEN $1 AND $2 AND recorded_day <= $3
             GROUP BY event_day, service, function, tier, channel, outcome"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .bind(known_at.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// What happened to accounts in the month, out of the daily counters, as known at the end of a day.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_accounts(&mut self, month: Month, known_at: Day) -> Result<Vec<AccountCell>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day, kind, tier, channel, CAST(COALESCE(SUM(count), 0) AS BIGINT) AS count
             FROM account_daily WHERE event_day BETWEEN $1 AND $2 AND recorded_day <= $3
             GROUP BY event_day, kind, tier, channel"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .bind(known_at.number())
        .persistent(false)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The month's uses by day of recording, every raw one counted again.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn recount_month_uses(&mut self, month: Month) -> Result<Vec<(UsageKey, i64)>, StoreError> {
        let rows: Result<Vec<Counted<UsageKey>>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER) AS recorded,
                    service, function, tier, channel, outcome, CAST(SUM(count) AS BIGINT) AS count
             FROM usage_event WHERE event_day BETWEEN $1 AND $2 GROUP BY 1, 2, 3, 4, 5, 6, 7"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .persistent(false)
        .fetch_all(c));
        self.cells(rows)
    }

    /// The month's daily counters of uses.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_usage_daily(&mut self, month: Month) -> Result<Vec<(UsageKey, i64)>, StoreError> {
        let rows: Result<Vec<Counted<UsageKey>>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, recorded_day AS recorded, service, function, tier, channel, outcome, count
             FROM usage_daily WHERE event_day BETWEEN $1 AND $2"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .persistent(false)
        .fetch_all(c));
        self.cells(rows)
    }

    /// The month's monthly counters of uses.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_usage_monthly(&mut self, month: Month) -> Result<Vec<(UsageKey, i64)>, StoreError> {
        let rows: Result<Vec<Counted<UsageKey>>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month AS event, recorded_month AS recorded, service, function, tier, channel, outcome, count
             FROM usage_monthly WHERE event_month = $1"
        )
        .bind(month.number())
        .persistent(false)
        .fetch_all(c));
        self.cells(rows)
    }

    /// What happened to accounts in the month, every raw event counted again, by place.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn recount_month_accounts(&mut self, month: Month) -> Result<Vec<(AccountKey, i64)>, StoreError> {
        let rows: Result<Vec<Counted<AccountKey>>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER) AS recorded,
                    kind, tier, channel, location, COUNT(*) AS count
             FROM account_event WHERE event_day BETWEEN $1 AND $2 GROUP BY 1, 2, 3, 4, 5, 6"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .persistent(false)
        .fetch_all(c));
        self.cells(rows)
    }

    /// The month's daily counters of accounts, by place.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_account_daily(&mut self, month: Month) -> Result<Vec<(AccountKey, i64)>, StoreError> {
        let rows: Result<Vec<Counted<AccountKey>>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, recorded_day AS recorded, kind, tier, channel, location, count
             FROM account_daily WHERE event_day BETWEEN $1 AND $2"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .persistent(false)
        .fetch_all(c));
        self.cells(rows)
    }

    /// The month's monthly counters of accounts, by place.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_account_monthly(&mut self, month: Month) -> Result<Vec<(AccountKey, i64)>, StoreError> {
        let rows: Result<Vec<Counted<AccountKey>>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month AS event, recorded_month AS recorded, kind, tier, channel, location, count
             FROM account_monthly WHERE event_month = $1"
        )
        .bind(month.number())
        .persistent(false)
        .fetch_all(c));
        self.cells(rows)
    }

    /// What happened to accounts in the month, every raw event counted again, by person.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn recount_month_people(&mut self, month: Month) -> Result<Vec<(PersonKey, i64)>, StoreError> {
        let rows: Result<Vec<Counted<PersonKey>>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER) AS recorded,
                    kind, tier, channel, birth_year, sex, COUNT(*) AS count
             FROM account_event WHERE event_day BETWEEN $1 AND $2 GROUP BY 1, 2, 3, 4, 5, 6, 7"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .persistent(false)
        .fetch_all(c));
        self.cells(rows)
    }

    /// The month's daily counters of accounts, by person.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_person_daily(&mut self, month: Month) -> Result<Vec<(PersonKey, i64)>, StoreError> {
        let rows: Result<Vec<Counted<PersonKey>>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, recorded_day AS recorded, kind, tier, channel, birth_year, sex, count
             FROM account_person_daily WHERE event_day BETWEEN $1 AND $2"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .persistent(false)
        .fetch_all(c));
        self.cells(rows)
    }

    /// The month's monthly counters of accounts, by person.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn month_person_monthly(&mut self, month: Month) -> Result<Vec<(PersonKey, i64)>, StoreError> {
        let rows: Result<Vec<Counted<PersonKey>>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month AS event, recorded_month AS recorded, kind, tier, channel, birth_year, sex, count
             FROM account_person_monthly WHERE event_month = $1"
        )
        .bind(month.number())
        .persistent(false)
        .fetch_all(c));
        self.cells(rows)
    }

    /// How many events of the month took an earlier one off after the end of a day; only those from files do.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn corrections_after(&mut self, month: Month, after: Day, known_at: Day) -> Result<LateEvents, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT COUNT(*) AS events, COALESCE(SUM(CASE WHEN outcome = $5 THEN 1 ELSE 0 END), 0) AS completed FROM usage_event
             WHERE source_key IS NOT NULL AND count < 0 AND event_day BETWEEN $1 AND $2 AND recorded_at >= $3 AND recorded_at < $4"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .bind(after.end().micros())
        .bind(known_at.end().micros())
        .bind(Outcome::Completed.code())
        .persistent(false)
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// Events of the month that were put on record after the end of a day, less those that took an earlier one off.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn events_after(&mut self, month: Month, after: Day, known_at: Day) -> Result<LateEvents, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT CAST(uses.events + accounts.events AS BIGINT) AS events, CAST(uses.completed AS BIGINT) AS completed
             FROM (SELECT COALESCE(SUM(count), 0) AS events,
                          COALESCE(SUM(CASE WHEN outcome = $5 THEN count ELSE 0 END), 0) AS completed
                   FROM usage_daily WHERE event_day BETWEEN $1 AND $2 AND recorded_day > $3 AND recorded_day <= $4) uses,
                  (SELECT COALESCE(SUM(count), 0) AS events
                   FROM account_daily WHERE event_day BETWEEN $1 AND $2 AND recorded_day > $3 AND recorded_day <= $4) accounts"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .bind(after.number())
        .bind(known_at.number())
        .bind(Outcome::Completed.code())
        .persistent(false)
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// How many raw events the month has, of uses and of accounts.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn count_month_events(&mut self, month: Month) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT (SELECT COUNT(*) FROM usage_event WHERE event_day BETWEEN $1 AND $2)
                  + (SELECT COUNT(*) FROM account_event WHERE event_day BETWEEN $1 AND $2)"
        )
        .bind(month.first_day().number())
        .bind(month.last_day().number())
        .persistent(false)
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    fn cells<K>(&self, rows: Result<Vec<Counted<K>>, sqlx::Error>) -> Result<Vec<(K, i64)>, StoreError>
    where
        K: Send + Unpin + for<'r> sqlx::FromRow<'r, sqlx::sqlite::SqliteRow> + for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow>,
    {
        Ok(rows.map_err(|error| self.error(error))?.into_iter().map(|row| (row.key, row.count)).collect())
    }
}

impl Write {
    /// Closes a month.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when it is closed already.
    pub async fn insert_frozen_month(&mut self, row: &FrozenMonthRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "INSERT INTO frozen_month (month, known_day, edition, head, uses, users, registered, digest, note, frozen_at, operator)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
        )
        .bind(row.month)
        .bind(row.known_day)
        .bind(&row.edition)
        .bind(&row.head)
        .bind(row.uses)
        .bind(row.users)
        .bind(row.registered)
        .bind(&row.digest)
        .bind(&row.note)
        .bind(row.frozen_at)
        .bind(&row.operator)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }
}
