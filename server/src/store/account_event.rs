//! What statistics keep of accounts' lives: the inbox, the raw rows, the counters. Written before anything is shredded, and
//! without anything that leads back to a person.

use std::collections::BTreeMap;

use std::time::Duration;

use domain::{AccountEventKind, Channel, Day, LocationId, Sex, SuspensionReason, Tier, Timestamp};
use futures_util::TryFutureExt;
use sqlx::Arguments;

use super::account_person_count::{PersonCounts, PersonKey};
use super::conn::{Conn, on};
use super::rows::{Insert, insert_rows, pour_postgres, pour_sqlite};
use super::{Read, StoreError, Write};

/// Something that happened to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    /// What.
    pub kind: AccountEventKind,
    /// The tier the account has after it.
    pub tier: Tier,
    /// How it was registered, or upgraded.
    pub channel: Channel,
    /// Where; none for `remote`.
    pub location: Option<LocationId>,
    /// Year of birth.
    pub birth_year: i16,
    /// Sex, where the card says.
    pub sex: Option<Sex>,
    /// When.
    pub at: Timestamp,
    /// When it was put on record.
    pub recorded_at: Timestamp,
    /// Why and how fast, of a suspension.
    pub suspension: Option<Suspended>,
}

/// What is counted of a suspension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suspended {
    /// Why.
    pub reason: SuspensionReason,
    /// From the opening of the hotline call to the suspension; none without a call.
    pub took: Option<Duration>,
}

/// An event as stored: codes, an empty text for no place, 0 for no sex.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
struct EventRow {
    kind: i16,
    tier: i16,
    channel: i16,
    location: String,
    birth_year: i16,
    sex: i16,
    event_day: i32,
    at: i64,
    recorded_at: i64,
}

impl EventRow {
    fn of(event: &AccountEvent) -> Self {
        Self {
            kind: event.kind.code(),
            tier: event.tier.code(),
            channel: event.channel.code(),
            location: event.location.as_ref().map(ToString::to_string).unwrap_or_default(),
            birth_year: event.birth_year,
            sex: event.sex.map_or(0, Sex::code),
            event_day: event.at.hk_day().number(),
            at: event.at.micros(),
            recorded_at: event.recorded_at.micros(),
        }
    }

    fn person(&self) -> PersonKey {
        PersonKey {
            event: self.event_day,
            recorded: Timestamp::from_micros(self.recorded_at).hk_day().number(),
            kind: self.kind,
            tier: self.tier,
            channel: self.channel,
            birth_year: self.birth_year,
            sex: self.sex,
        }
    }
}

/// What a counter counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, sqlx::FromRow)]
pub struct AccountKey {
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
    /// Id of the place; empty for none.
    pub location: String,
}

impl AccountKey {
    fn of(row: &EventRow) -> Self {
        Self {
            event: row.event_day,
            recorded: Timestamp::from_micros(row.recorded_at).hk_day().number(),
            kind: row.kind,
            tier: row.tier,
            channel: row.channel,
            location: row.location.clone(),
        }
    }

    /// The monthly counter above a daily one.
    #[must_use]
    pub fn monthly(self) -> Self {
        let month = |day| Day::from_number(day).month().number();
        Self { event: month(self.event), recorded: month(self.recorded), ..self }
    }
}

/// Counters by key, in the order of the key.
pub type AccountCounts = BTreeMap<AccountKey, i64>;

static INSERT_EVENTS: Insert = Insert::new(
    "INSERT INTO account_event (kind, tier, channel, location, birth_year, sex, event_day, at, recorded_at) VALUES",
    9,
    "",
);

const COPY_EVENTS: &str =
    "COPY account_event (kind, tier, channel, location, birth_year, sex, event_day, at, recorded_at) FROM STDIN (FORMAT binary)";

static ADD_DAILY: Insert = Insert::new(
    "INSERT INTO account_daily (event_day, recorded_day, kind, tier, channel, location, count) VALUES",
    7,
    "ON CONFLICT (event_day, recorded_day, kind, tier, channel, location) DO UPDATE SET count = account_daily.count + excluded.count",
);

static ADD_MONTHLY: Insert = Insert::new(
    "INSERT INTO account_monthly (event_month, recorded_month, kind, tier, channel, location, count) VALUES",
    7,
    "ON CONFLICT (event_month, recorded_month, kind, tier, channel, location)
     DO UPDATE SET count = account_monthly.count + excluded.count",
);

impl Write {
    /// Puts one event into the inbox, in the transaction of what happened; the folder counts it within about a second.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_event(&mut self, event: &AccountEvent) -> Result<(), StoreError> {
        let row = EventRow::of(event);
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO account_event_inbox (kind, tier, channel, location, birth_year, sex, event_day, at, recorded_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        )
        .bind(row.kind)
        .bind(row.tier)
        .bind(row.channel)
        .bind(&row.location)
        .bind(row.birth_year)
        .bind(row.sex)
        .bind(row.event_day)
        .bind(row.at)
        .bind(row.recorded_at)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))?;
        self.insert_suspensions(std::slice::from_ref(event)).await
    }

    /// Adds many events with their counters, in the transaction of what happened.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_events_folded(&mut self, events: &[AccountEvent]) -> Result<(), StoreError> {
        self.fold_account_rows(events.iter().map(EventRow::of)).await?;
        self.insert_suspensions(events).await
    }

    /// Moves at most `limit` events from the inbox to where they are counted; gives how many.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn fold_account_events(&mut self, limit: i64) -> Result<usize, StoreError> {
        let rows: Result<Vec<EventRow>, sqlx::Error> = on!(*self.conn(), |c| sqlx::query_as(
            "DELETE FROM account_event_inbox WHERE id IN (SELECT id FROM account_event_inbox ORDER BY id LIMIT $1)
             RETURNING kind, tier, channel, location, birth_year, sex, event_day, at, recorded_at"
        )
        .bind(limit)
        .fetch_all(c));
        let rows = rows.map_err(|error| self.error(error))?;
        let moved = rows.len();
        if moved > 0 {
            self.fold_account_rows(rows.into_iter()).await?;
        }
        Ok(moved)
    }

    async fn fold_account_rows(&mut self, rows: impl Iterator<Item = EventRow> + Send) -> Result<(), StoreError> {
        let mut daily = AccountCounts::new();
        let mut people = PersonCounts::new();
        let rows = rows.map(|row| {
            *daily.entry(AccountKey::of(&row)).or_default() += 1;
            *people.entry(row.person()).or_default() += 1;
            Ok(row)
        });
        let poured = match self.conn() {
            Conn::Sqlite(transaction) => {
                pour_sqlite(transaction, &INSERT_EVENTS, rows, |arguments, row| {
                    arguments.add(row.kind)?;
                    arguments.add(row.tier)?;
                    arguments.add(row.channel)?;
                    arguments.add(row.location)?;
                    arguments.add(row.birth_year)?;
                    arguments.add(row.sex)?;
                    arguments.add(row.event_day)?;
                    arguments.add(row.at)?;
                    arguments.add(row.recorded_at)
                })
                .await
            }
            Conn::Postgres(transaction) => {
                pour_postgres(transaction, COPY_EVENTS, 9, rows, |tuple, row| {
                    tuple.small(row.kind);
                    tuple.small(row.tier);
                    tuple.small(row.channel);
                    tuple.bytes(row.location.as_bytes());
                    tuple.small(row.birth_year);
                    tuple.small(row.sex);
                    tuple.int(row.event_day);
                    tuple.big(row.at);
                    tuple.big(row.recorded_at);
                })
                .await
            }
        };
        poured.map_err(|spilt| self.spilt(spilt))?;
        let mut monthly = AccountCounts::new();
        for (key, count) in &daily {
            *monthly.entry(key.clone().monthly()).or_default() += count;
        }
        for (insert, counts) in [(&ADD_DAILY, &daily), (&ADD_MONTHLY, &monthly)] {
            let rows: Vec<(&AccountKey, &i64)> = counts.iter().collect();
            insert_rows!(self, *insert, &rows, |query, row| query
                .bind(row.0.event)
                .bind(row.0.recorded)
                .bind(row.0.kind)
                .bind(row.0.tier)
                .bind(row.0.channel)
                .bind(row.0.location.as_str())
                .bind(*row.1))?;
        }
        self.add_people(&people).await
    }
}

#[derive(sqlx::FromRow)]
struct CountRow {
    #[sqlx(flatten)]
    key: AccountKey,
    count: i64,
}

impl Read {
    /// Every daily counter.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_daily(&mut self) -> Result<AccountCounts, StoreError> {
        let rows = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, recorded_day AS recorded, kind, tier, channel, location, count FROM account_daily"
        )
        .fetch_all(c));
        self.account_counts(rows)
    }

    /// Every monthly counter.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_monthly(&mut self) -> Result<AccountCounts, StoreError> {
        let rows = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT event_month AS event, recorded_month AS recorded, kind, tier, channel, location, count FROM account_monthly"
        )
        .fetch_all(c)
        });
        self.account_counts(rows)
    }

    /// What the daily counters must be: every raw event counted again. Reads the whole table.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn recount_account_events(&mut self) -> Result<AccountCounts, StoreError> {
        let rows = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day AS event, CAST((recorded_at + 28800000000) / 86400000000 AS INTEGER) AS recorded,
                    kind, tier, channel, location, COUNT(*) AS count
             FROM account_event GROUP BY 1, 2, 3, 4, 5, 6"
        )
        .fetch_all(c));
        self.account_counts(rows)
    }

    fn account_counts(&self, rows: Result<Vec<CountRow>, sqlx::Error>) -> Result<AccountCounts, StoreError> {
        Ok(rows.map_err(|error| self.error(error))?.into_iter().map(|row| (row.key, row.count)).collect())
    }
}
