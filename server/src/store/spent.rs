//! What can be used once and was.

use domain::Timestamp;
use futures_util::TryFutureExt;

use super::conn::{Conn, on};
use super::rows::{Insert, dollar_parts, question_parts};
use super::{StoreError, Write};

/// An id that is spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpentRow {
    /// SHA-256 over what it is, whose, and the id.
    pub digest: [u8; 32],
    /// Until when it could have been used.
    pub expires_at: i64,
}

static INSERT_SPENT: Insert =
    Insert::new("INSERT INTO spent (digest, expires_at) VALUES", 2, "ON CONFLICT (digest) DO NOTHING RETURNING digest");

impl Write {
    /// Spends ids, no two of them the same; gives those that were not spent before.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_spent(&mut self, rows: &[SpentRow]) -> Result<Vec<[u8; 32]>, StoreError> {
        let mut fresh: Vec<Vec<u8>> = Vec::with_capacity(rows.len());
        let done: Result<(), sqlx::Error> = async {
            match self.conn() {
                Conn::Sqlite(transaction) => {
                    for (text, rows) in question_parts(&INSERT_SPENT, rows) {
                        let mut query = sqlx::query_scalar(text.sql);
                        for row in rows {
                            query = query.bind(&row.digest[..]).bind(row.expires_at);
                        }
                        fresh.extend(query.fetch_all(&mut **transaction).await?);
                    }
                }
                Conn::Postgres(transaction) => {
                    for (text, rows) in dollar_parts(&INSERT_SPENT, rows) {
                        let mut query = sqlx::query_scalar(text.sql);
                        for row in rows {
                            query = query.bind(&row.digest[..]).bind(row.expires_at);
                        }
                        fresh.extend(query.fetch_all(&mut **transaction).await?);
                    }
                }
            }
            Ok(())
        }
        .await;
        done.map_err(|error| self.error(error))?;
        let digest =
            |bytes: Vec<u8>| bytes.try_into().map_err(|_| StoreError::Broken(anyhow::anyhow!("a spent id is no digest")));
        fresh.into_iter().map(digest).collect()
    }

    /// Forgets ids that could be used until `before`, so many at most; gives how many.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep_spent(&mut self, before: Timestamp, most: i64) -> Result<u64, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "DELETE FROM spent WHERE digest IN (SELECT digest FROM spent WHERE expires_at < $1 LIMIT $2)"
        )
        .bind(before.micros())
        .bind(most)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }
}
