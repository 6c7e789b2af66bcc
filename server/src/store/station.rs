//! The stations of the registration service.

use domain::{Channel, LocationId, StationId, Timestamp};
use futures_util::TryFutureExt;

use super::conn::{on, on_locked};
use super::{Read, StoreError, Write};

/// A station as stored.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct StationRow {
    /// Its id.
    pub id: String,
    /// The channel it registers through.
    pub channel: String,
    /// Where it stands.
    pub location: String,
    /// `active` or `retired`.
    pub state: String,
    /// Counts up with each change.
    pub version: i64,
    /// Since when.
    pub added_at: i64,
    /// Until when.
    pub retired_at: Option<i64>,
}

impl StationRow {
    /// Its id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<StationId, StoreError> {
        self.id.parse().map_err(|_| self.broken("id"))
    }

    /// Its channel.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn channel(&self) -> Result<Channel, StoreError> {
        self.channel.parse().map_err(|_| self.broken("channel"))
    }

    /// Its place.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn location(&self) -> Result<LocationId, StoreError> {
        self.location.parse().map_err(|_| self.broken("location"))
    }

    /// Whether people register there.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.retired_at.is_none()
    }

    fn broken(&self, what: &str) -> StoreError {
        StoreError::Broken(anyhow::anyhow!("station {} has a bad {what}", self.id))
    }
}

impl Read {
    /// One station.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn station(&mut self, id: &StationId) -> Result<Option<StationRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, channel, location, state, version, added_at, retired_at FROM station WHERE id = $1"
        )
        .bind(id.as_str())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Stations by id, from behind `after` on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn stations(&mut self, after: &str, limit: i64) -> Result<Vec<StationRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, channel, location, state, version, added_at, retired_at FROM station WHERE id > $1 ORDER BY id LIMIT $2"
        )
        .bind(after)
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// One station, locked for the rest of the transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn station_locked(&mut self, id: &StationId) -> Result<Option<StationRow>, StoreError> {
        on_locked!(
            *self.conn(),
            "SELECT id, channel, location, state, version, added_at, retired_at FROM station WHERE id = $1",
            |c, sql| sqlx::query_as(sql).bind(id.as_str()).fetch_optional(c)
        )
        .map_err(|error| self.error(error))
    }

    /// Puts a station on record.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when there is one of that id.
    pub async fn insert_station(&mut self, row: &StationRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO station (id, channel, location, state, version, added_at) VALUES ($1, $2, $3, $4, $5, $6)"
        )
        .bind(&row.id)
        .bind(&row.channel)
        .bind(&row.location)
        .bind(&row.state)
        .bind(row.version)
        .bind(row.added_at)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Takes a station out of service; the version in the row is the one that was read.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when somebody was faster.
    pub async fn retire_station(&mut self, row: &StationRow, at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE station SET state = 'retired', version = version + 1, retired_at = $3 WHERE id = $1 AND version = $2"
        )
        .bind(&row.id)
        .bind(row.version)
        .bind(at.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }
}
