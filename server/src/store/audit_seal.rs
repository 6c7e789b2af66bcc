//! What the sealer reads and writes: entries that wait, their places, those that are set aside.

use domain::{AuditId, Timestamp};
use futures_util::TryFutureExt;

use super::conn::on;
use super::rows::{Insert, insert_rows};
use super::{Read, StoreError, Write};

static SET_LEAF_INDEXES: Insert = Insert::new(
    "UPDATE audit_entry SET leaf_index = placed.column2, mac = NULL FROM (VALUES",
    2,
    ") AS placed WHERE audit_entry.id = placed.column1 AND audit_entry.leaf_index IS NULL",
);

/// An entry that waits for its place.
#[derive(sqlx::FromRow)]
pub struct WaitingRow {
    /// Id, 16 bytes.
    pub id: Vec<u8>,
    /// Exact bytes.
    pub leaf: Vec<u8>,
    /// Keyed digest of both; none where the server did not write the row.
    pub mac: Option<Vec<u8>>,
}

/// A leaf that has no place.
#[derive(sqlx::FromRow)]
pub struct LeafRow {
    /// Id, 16 bytes.
    pub id: Vec<u8>,
    /// Exact bytes.
    pub leaf: Vec<u8>,
}

/// What there is of the log besides its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct LogCounts {
    /// Entries that are set aside.
    pub quarantined: i64,
    /// Whether any entry has a place in the tree.
    pub begun: bool,
}

impl Read {
    /// Entries that wait to be sealed, oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn waiting_entries(&mut self, limit: i64) -> Result<Vec<WaitingRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, leaf, mac FROM audit_entry WHERE leaf_index IS NULL AND quarantined_at IS NULL ORDER BY id LIMIT $1"
        )
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Waiting entries of one action.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn waiting_entries_of(&mut self, action: &str) -> Result<Vec<WaitingRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, leaf, mac FROM audit_entry
             WHERE leaf_index IS NULL AND quarantined_at IS NULL AND action = $1 ORDER BY id LIMIT 100"
        )
        .bind(action)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Leaves that wait to be sealed, oldest first, from behind an entry on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn unsealed_entries_after(&mut self, after: Option<AuditId>, limit: i64) -> Result<Vec<LeafRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, leaf FROM audit_entry WHERE leaf_index IS NULL AND quarantined_at IS NULL AND id > $1 ORDER BY id LIMIT $2"
        )
        .bind(after.map(|after| after.as_bytes().to_vec()).unwrap_or_default())
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Leaves that are set aside, oldest first, from behind an entry on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn quarantined_entries_after(&mut self, after: Option<AuditId>, limit: i64) -> Result<Vec<LeafRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, leaf FROM audit_entry WHERE quarantined_at IS NOT NULL AND id > $1 ORDER BY id LIMIT $2"
        )
        .bind(after.map(|after| after.as_bytes().to_vec()).unwrap_or_default())
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// How many entries are set aside, and whether the tree has begun.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn log_counts(&mut self) -> Result<LogCounts, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM audit_entry WHERE quarantined_at IS NOT NULL) AS quarantined,
                    EXISTS (SELECT 1 FROM audit_entry WHERE leaf_index IS NOT NULL) AS begun"
        )
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Gives waiting entries their places in the tree, one after the other from `first` on: the place stands for an entry from now on.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when one of them does not wait any more.
    pub async fn set_leaf_indexes(&mut self, ids: &[&[u8]], first: u64) -> Result<(), StoreError> {
        let first = i64::try_from(first).map_err(|error| StoreError::Broken(error.into()))?;
        let places: Vec<(&[u8], i64)> = ids.iter().copied().zip(first..).collect();
        let placed = insert_rows!(self, SET_LEAF_INDEXES, &places, |query, place| query.bind(place.0).bind(place.1))?;
        if placed == places.len() as u64 { Ok(()) } else { Err(StoreError::Contended) }
    }

    /// Sets a waiting entry aside.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn quarantine_entry(&mut self, id: &[u8], at: Timestamp) -> Result<(), StoreError> {
        let done =
            on!(*self.conn(), |c| sqlx::query("UPDATE audit_entry SET quarantined_at = $1 WHERE id = $2 AND leaf_index IS NULL")
                .bind(at.micros())
                .bind(id)
                .execute(c)
                .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Puts the keyed digest of a waiting entry that has none.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn set_entry_mac(&mut self, id: &[u8], mac: &[u8; 32]) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE audit_entry SET mac = $1 WHERE id = $2 AND leaf_index IS NULL AND mac IS NULL"
        )
        .bind(&mac[..])
        .bind(id)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
