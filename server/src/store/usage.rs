//! Uses: the inbox, the raw rows, the counters.

use std::collections::BTreeMap;

use domain::{Day, Timestamp};
use futures_util::TryFutureExt;
use sqlx::Arguments;

use super::conn::{Conn, on};
use super::rows::{Insert, Spilt, insert_rows, pour_postgres, pour_sqlite};
use super::{Read, StoreError, Write};

/// In the place of an ordinal: the account is not known. The first account has 0.
pub const NOBODY: i64 = -1;

/// A use as stored: small integer codes of the domain crate, days since 1970-01-01, microseconds.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct UsageRow {
    /// Code of the service in this instance.
    pub service: i32,
    /// Code of the function.
    pub function: i16,
    /// Code of the account's tier at that moment.
    pub tier: i16,
    /// Code of the channel.
    pub channel: i16,
    /// Code of the outcome.
    pub outcome: i16,
    /// Day of the use in Hong Kong.
    pub event_day: i32,
    /// When.
    pub at: i64,
    /// When it was put on record.
    pub recorded_at: i64,
    /// The account, by a pseudonym that holds for a month.
    pub pseudonym: i64,
    /// Key in the source, where it came from a file.
    pub source_key: Option<Vec<u8>>,
    /// 1; or -1, for one that takes an earlier one off.
    pub count: i16,
    /// The account's ordinal until the use is folded; [`NOBODY`] of those whose account is not known.
    pub ordinal: i64,
}

/// What a counter counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, sqlx::FromRow)]
pub struct UsageKey {
    /// Day of the use; in monthly counters its month.
    pub event: i32,
    /// Day on which it was put on record; in monthly counters its month.
    pub recorded: i32,
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
}

impl UsageKey {
    /// The daily counter that a use belongs to.
    #[must_use]
    pub fn of(row: &UsageRow) -> Self {
        Self {
            event: row.event_day,
            recorded: Timestamp::from_micros(row.recorded_at).hk_day().number(),
            service: row.service,
            function: row.function,
            tier: row.tier,
            channel: row.channel,
            outcome: row.outcome,
        }
    }

    /// The monthly counter above a daily one.
    #[must_use]
    pub fn monthly(self) -> Self {
        let month = |day| Day::from_number(day).month().number();
        Self { event: month(self.event), recorded: month(self.recorded), ..self }
    }
}

/// Counters by key, in the order of the key: two transactions that add to the same ones lock them in the same order.
pub type UsageCounts = BTreeMap<UsageKey, i64>;

static INSERT_EVENTS: Insert = Insert::new(
    "INSERT INTO usage_event (service, function, tier, channel, outcome, event_day, at, recorded_at, pseudonym, source_key, count) VALUES",
    11,
    "",
);

const COPY_EVENTS: &str = "COPY usage_event (service, function, tier, channel, outcome, event_day, at, recorded_at, pseudonym, source_key, count) FROM STDIN (FORMAT binary)";

static ADD_DAILY: Insert = Insert::new(
    "INSERT INTO usage_daily (event_day, recorded_day, service, function, tier, channel, outcome, count) VALUES",
    8,
    "ON CONFLICT (event_day, recorded_day, service, function, tier, channel, outcome)
     DO UPDATE SET count = usage_daily.count + excluded.count",
);

static ADD_MONTHLY: Insert = Insert::new(
    "INSERT INTO usage_monthly (event_month, recorded_month, service, function, tier, channel, outcome, count) VALUES",
    8,
    "ON CONFLICT (event_month, recorded_month, service, function, tier, channel, outcome)
     DO UPDATE SET count = usage_monthly.count + excluded.count",
);

impl Write {
    /// Puts one use into the inbox, in the transaction of the use itself. No counter is touched: one busy service would make
    /// every login wait on one row.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_use(&mut self, row: &UsageRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "INSERT INTO usage_inbox (service, function, tier, channel, outcome, event_day, at, recorded_at, pseudonym, source_key,
               count, ordinal)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        )
        .bind(row.service)
        .bind(row.function)
        .bind(row.tier)
        .bind(row.channel)
        .bind(row.outcome)
        .bind(row.event_day)
        .bind(row.at)
        .bind(row.recorded_at)
        .bind(row.pseudonym)
        .bind(&row.source_key)
        .bind(row.count)
        .bind(row.ordinal)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }

    /// Takes at most `limit` uses out of the inbox, the oldest first. What is taken is exactly what is given.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn take_uses(&mut self, limit: i64) -> Result<Vec<UsageRow>, StoreError> {
        let rows = on!(*self.conn(), |c| {
            sqlx::query_as(
            "DELETE FROM usage_inbox WHERE id IN (SELECT id FROM usage_inbox ORDER BY id LIMIT $1)
             RETURNING service, function, tier, channel, outcome, event_day, at, recorded_at, pseudonym, source_key, count, ordinal"
        )
        .bind(limit)
        .fetch_all(c)
        });
        rows.map_err(|error| self.error(error))
    }

    /// Adds uses with their counters. The rows are made while they are stored, so that many need no memory.
    ///
    /// # Errors
    /// When the database cannot be reached, or a row could not be made; then the transaction is of no more use.
    pub async fn insert_uses_folded<I>(&mut self, rows: I) -> Result<u64, StoreError>
    where
        I: Iterator<Item = Result<UsageRow, StoreError>> + Send,
    {
        // Counted as they pass, in no order; the counters are added to in order.
        let mut counts = std::collections::HashMap::<UsageKey, i64>::new();
        let counted = rows.inspect(|row| {
            if let Ok(row) = row {
                *counts.entry(UsageKey::of(row)).or_default() += i64::from(row.count);
            }
        });
        let poured = match self.conn() {
            Conn::Sqlite(transaction) => {
                pour_sqlite(transaction, &INSERT_EVENTS, counted, |arguments, row| {
                    arguments.add(row.service)?;
                    arguments.add(row.function)?;
                    arguments.add(row.tier)?;
                    arguments.add(row.channel)?;
                    arguments.add(row.outcome)?;
                    arguments.add(row.event_day)?;
                    arguments.add(row.at)?;
                    arguments.add(row.recorded_at)?;
                    arguments.add(row.pseudonym)?;
                    arguments.add(row.source_key)?;
                    arguments.add(row.count)
                })
                .await
            }
            Conn::Postgres(transaction) => {
                pour_postgres(transaction, COPY_EVENTS, 11, counted, |tuple, row| {
                    tuple.int(row.service);
                    tuple.small(row.function);
                    tuple.small(row.tier);
                    tuple.small(row.channel);
                    tuple.small(row.outcome);
                    tuple.int(row.event_day);
                    tuple.big(row.at);
                    tuple.big(row.recorded_at);
                    tuple.big(row.pseudonym);
                    tuple.maybe(row.source_key.as_deref());
                    tuple.small(row.count);
                })
                .await
            }
        };
        let poured = poured.map_err(|spilt| self.spilt(spilt))?;
        self.add_usage(&counts.into_iter().collect()).await?;
        Ok(poured)
    }

    /// Adds to the daily counters and to the monthly ones above them.
    async fn add_usage(&mut self, daily: &UsageCounts) -> Result<(), StoreError> {
        let mut monthly = UsageCounts::new();
        for (key, count) in daily {
            *monthly.entry(key.monthly()).or_default() += count;
        }
        for (insert, counts) in [(&ADD_DAILY, daily), (&ADD_MONTHLY, &monthly)] {
            let rows: Vec<(&UsageKey, &i64)> = counts.iter().collect();
            insert_rows!(self, *insert, &rows, |query, row| query
                .bind(row.0.event)
                .bind(row.0.recorded)
                .bind(row.0.service)
                .bind(row.0.function)
                .bind(row.0.tier)
                .bind(row.0.channel)
                .bind(row.0.outcome)
                .bind(*row.1))?;
        }
        Ok(())
    }

    pub(super) fn spilt(&self, spilt: Spilt) -> StoreError {
        match spilt {
            Spilt::Engine(error) => self.error(error),
            Spilt::Rows(error) => error,
        }
    }
}

#[derive(sqlx::FromRow)]
struct CountRow {
    #[sqlx(flatten)]
    key: UsageKey,
    count: i64,
}

impl Read {
    /// Whether anything waits in an inbox, of uses or of accounts.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn events_wait(&mut self) -> Result<bool, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM usage_inbox) OR EXISTS (SELECT 1 FROM account_event_inbox)"
        )
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// Every daily counter.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_daily(&mut self) -> Result<UsageCounts, StoreError> {
        let rows = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT event_day AS event, recorded_day AS recorded, service, function, tier, channel, outcome, count FROM usage_daily"
        )
        .fetch_all(c)
        });
        self.counts(rows)
    }

    /// Every monthly counter.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usage_monthly(&mut self) -> Result<UsageCounts, StoreError> {
        let rows = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_month AS event, recorded_month AS recorded, service, function, tier, channel, outcome, count
             FROM usage_monthly"
        )
        .fetch_all(c));
        self.counts(rows)
    }

    /// What the daily counters must be: every raw use counted again. Reads the whole table.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn recount_usage(&mut self) -> Result<UsageCounts, StoreError> {
        // Midnight in Hong Kong is 16:00 UTC; nothing was recorded before 1970.
        let rows = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER) AS recorded,
                    service, function, tier, channel, outcome, CAST(SUM(count) AS BIGINT) AS count
             FROM usage_event GROUP BY 1, 2, 3, 4, 5, 6, 7"
        )
        .fetch_all(c));
        self.counts(rows)
    }

    fn counts(&self, rows: Result<Vec<CountRow>, sqlx::Error>) -> Result<UsageCounts, StoreError> {
        Ok(rows.map_err(|error| self.error(error))?.into_iter().map(|row| (row.key, row.count)).collect())
    }
}
