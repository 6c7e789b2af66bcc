//! The nodes that are there.

use domain::Timestamp;
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A node.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct NodeRow {
    /// Of this run of it: a node that starts again is another one.
    pub id: String,
    /// The machine's name.
    pub host: String,
    /// When it last said so.
    pub seen_at: i64,
    /// Ids of the key-encryption keys in its key file, parted by spaces.
    pub kek_ids: String,
}

impl NodeRow {
    /// Whether its key file holds that key-encryption key.
    #[must_use]
    pub fn holds(&self, kek_id: &str) -> bool {
        self.kek_ids.split(' ').any(|held| held == kek_id)
    }
}

impl Read {
    /// Nodes that were seen since then.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn nodes_since(&mut self, since: Timestamp) -> Result<Vec<NodeRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as("SELECT id, host, seen_at, kek_ids FROM node WHERE seen_at >= $1 ORDER BY host, id")
            .bind(since.micros())
            .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Notes that a node is there.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_node(&mut self, row: &NodeRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO node (id, host, seen_at, kek_ids) VALUES ($1, $2, $3, $4)
             ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, kek_ids = excluded.kek_ids"
        )
        .bind(&row.id)
        .bind(&row.host)
        .bind(row.seen_at)
        .bind(&row.kek_ids)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Forgets a node that stops.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn forget_node(&mut self, id: &str) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("DELETE FROM node WHERE id = $1").bind(id).execute(c).map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Forgets nodes that were not seen since then.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn forget_nodes_before(&mut self, before: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("DELETE FROM node WHERE seen_at < $1")
            .bind(before.micros())
            .execute(c)
            .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
