//! Time stamps of checkpoints.

use domain::Timestamp;
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A time stamp of a checkpoint.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct StampRow {
    /// Leaves that the checkpoint covers.
    pub tree_size: i64,
    /// When it was stamped.
    pub at: i64,
    /// The token, ContentInfo in DER.
    pub token: Vec<u8>,
}

impl Read {
    /// The stamp of the largest checkpoint that has one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn last_stamp(&mut self) -> Result<Option<StampRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as("SELECT tree_size, at, token FROM audit_stamp ORDER BY tree_size DESC LIMIT 1")
            .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// The stamps of checkpoints over more than `after` entries and at most `last`, smallest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn stamps(&mut self, after: i64, last: i64) -> Result<Vec<StampRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT tree_size, at, token FROM audit_stamp WHERE tree_size > $1 AND tree_size <= $2 ORDER BY tree_size"
        )
        .bind(after)
        .bind(last)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Puts a stamp beside its checkpoint.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when it has one.
    pub async fn insert_stamp(&mut self, tree_size: i64, token: &[u8], at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("INSERT INTO audit_stamp (tree_size, at, token) VALUES ($1, $2, $3)")
            .bind(tree_size)
            .bind(at.micros())
            .bind(token)
            .execute(c)
            .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
