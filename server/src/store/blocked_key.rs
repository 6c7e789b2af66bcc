//! Keys whose private halves are, or may be, in other hands.

use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A blocked key.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BlockedKeyRow {
    /// SHA-256 of its SubjectPublicKeyInfo; the thumbprint's own bytes where the key was never seen here.
    pub spki_digest: Vec<u8>,
    /// RFC 7638 thumbprint.
    pub thumbprint: String,
    /// Since when.
    pub at: i64,
    /// A revocation reason: `key-compromise`.
    pub reason: String,
    /// How it became known: `reported`, `revoked`, or `key-set` when its private half stood in what a party served.
    pub source: String,
    /// What was said about it.
    pub note: Option<String>,
}

impl Read {
    /// Whether a key is blocked, by its thumbprint.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn blocked_thumbprint(&mut self, thumbprint: &str) -> Result<Option<BlockedKeyRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT spki_digest, thumbprint, at, reason, source, note FROM blocked_key WHERE thumbprint = $1"
        )
        .bind(thumbprint)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Keeps what is decided about a key until this transaction ends: of one that certifies a key and one that blocks it, one comes
    /// second and sees the other. After the registers, and before any row.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when another transaction holds it for too long.
    pub async fn hold_key(&mut self, thumbprint: &str) -> Result<(), StoreError> {
        self.conn().hold_key(thumbprint).await
    }

    /// Blocks a key. One that is blocked already stays as it was.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn block_key(&mut self, row: &BlockedKeyRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO blocked_key (spki_digest, thumbprint, at, reason, source, note) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT DO NOTHING"
        )
        .bind(&row.spki_digest)
        .bind(&row.thumbprint)
        .bind(row.at)
        .bind(&row.reason)
        .bind(&row.source)
        .bind(&row.note)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
