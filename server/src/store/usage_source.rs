//! Uses that came from files, found by their keys.

use std::collections::HashMap;
use std::sync::LazyLock;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;

use super::conn::Conn;
use super::held::Register;
use super::usage::{NOBODY, UsageRow};
use super::{StoreError, Write};

/// What an event from a file is found by: no two have the same.
pub type SourceKey = [u8; 16];

/// Keys of one question to SQLite; what is missing is filled up with the first once more.
const ASKED: usize = 250;

/// As it lies among the raw uses; whom it was of is not known.
#[derive(sqlx::FromRow)]
struct SourcedRow {
    source_key: Vec<u8>,
    #[sqlx(flatten)]
    row: PlainRow,
}

#[derive(sqlx::FromRow)]
struct PlainRow {
    service: i32,
    function: i16,
    tier: i16,
    channel: i16,
    outcome: i16,
    event_day: i32,
    at: i64,
    recorded_at: i64,
    count: i16,
}

impl Write {
    /// Lets no other transaction take uses in from a file until this one ends, so that what [`Write::uses_of_source`] finds
    /// stays true. Nobody who logs in waits for it.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when another one does so for longer than a statement may wait.
    pub async fn hold_imports(&mut self) -> Result<(), StoreError> {
        self.conn().hold(Register::Imports).await
    }

    /// Which of the keys are on record, and what for. They go straight to the counters, so that none waits in the inbox.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn uses_of_source(&mut self, keys: &[SourceKey]) -> Result<HashMap<SourceKey, UsageRow>, StoreError> {
        let rows = match self.conn() {
            Conn::Sqlite(transaction) => find_sqlite(transaction, keys).await,
            Conn::Postgres(transaction) => find_postgres(transaction, keys).await,
        };
        let read = |SourcedRow { source_key, row }: SourcedRow| {
            let key = SourceKey::try_from(source_key.as_slice());
            let key = key.map_err(|_| StoreError::Broken(anyhow::anyhow!("a raw use has a bad source key")))?;
            let PlainRow { service, function, tier, channel, outcome, event_day, at, recorded_at, count } = row;
            let row = UsageRow {
                service,
                function,
                tier,
                channel,
                outcome,
                event_day,
                at,
                recorded_at,
                pseudonym: 0,
                source_key: Some(source_key),
                count,
                ordinal: NOBODY,
            };
            Ok((key, row))
        };
        rows.map_err(|error| self.error(error))?.into_iter().map(read).collect()
    }
}

async fn find_sqlite(conn: &mut SqliteConnection, keys: &[SourceKey]) -> Result<Vec<SourcedRow>, sqlx::Error> {
    static FIND: LazyLock<String> = LazyLock::new(|| {
        let places = vec!["?"; ASKED].join(",");
        format!(
            "SELECT source_key, service, function, tier, channel, outcome, event_day, at, recorded_at, count FROM usage_event WHERE source_key IN ({places})"
        )
    });
    let mut found = Vec::new();
    for chunk in keys.chunks(ASKED) {
        let mut query = sqlx::query_as(FIND.as_str());
        for place in 0..ASKED {
            query = query.bind(chunk.get(place).or(chunk.first()).map(|key| key.to_vec()));
        }
        found.extend(query.fetch_all(&mut *conn).await?);
    }
    Ok(found)
}

async fn find_postgres(conn: &mut PgConnection, keys: &[SourceKey]) -> Result<Vec<SourcedRow>, sqlx::Error> {
    let keys: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
    sqlx::query_as(
        "SELECT source_key, service, function, tier, channel, outcome, event_day, at, recorded_at, count FROM usage_event
         WHERE source_key = ANY($1) AND source_key IS NOT NULL",
    )
    .bind(keys)
    .fetch_all(conn)
    .await
}
