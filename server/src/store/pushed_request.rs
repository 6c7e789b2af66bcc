//! What clients have pushed (RFC 9126).

use domain::Timestamp;
use futures_util::TryFutureExt;

use super::conn::on;
use super::{StoreError, Write};

/// A pushed request.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct PushedRequestRow {
    /// SHA-256 of the last part of its request_uri.
    pub digest: Vec<u8>,
    /// Whose.
    pub relying_party: String,
    /// Code of the service.
    pub service: i32,
    /// The parameters once they were found good, JSON.
    pub parameters: String,
    /// Its last moment.
    pub expires_at: i64,
    /// When it was loaded, which can be done once.
    pub loaded_at: Option<i64>,
}

impl Write {
    /// Keeps what a client has pushed.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_pushed_request(&mut self, row: &PushedRequestRow) -> Result<(), StoreError> {
        on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO pushed_request (digest, relying_party, service, parameters, expires_at, loaded_at)
             VALUES ($1, $2, $3, $4, $5, $6)"
        )
        .bind(&row.digest)
        .bind(&row.relying_party)
        .bind(row.service)
        .bind(&row.parameters)
        .bind(row.expires_at)
        .bind(row.loaded_at)
        .execute(c)
        .map_ok(drop))
        .map_err(|error| self.error(error))
    }

    /// Ends what a party has pushed: nothing of it can be loaded any more.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_pushed_requests_by(&mut self, rp: &str, now: Timestamp) -> Result<(), StoreError> {
        on!(*self.conn(), |c| sqlx::query(
            "UPDATE pushed_request SET loaded_at = $2 WHERE relying_party = $1 AND loaded_at IS NULL"
        )
        .bind(rp)
        .bind(now.micros())
        .execute(c)
        .map_ok(drop))
        .map_err(|error| self.error(error))
    }

    /// Loads what this service has pushed; whoever comes second, too late or from another client, finds nothing. `judged` is when
    /// its end is judged by.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn load_pushed_request(
        &mut self,
        digest: &[u8],
        service: i32,
        judged: Timestamp,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        // All rows are fetched, though there is one at most: what ends the statement, and makes it durable, is heard of.
        let mut loaded: Vec<String> = on!(*self.conn(), |c| sqlx::query_scalar(
            "UPDATE pushed_request SET loaded_at = $1
             WHERE digest = $2 AND service = $3 AND loaded_at IS NULL AND expires_at >= $4 RETURNING parameters"
        )
        .bind(now.micros())
        .bind(digest)
        .bind(service)
        .bind(judged.micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))?;
        Ok(loaded.pop())
    }

    /// Forgets what had ended before, so many at most; gives how many.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep_pushed_requests(&mut self, before: Timestamp, most: i64) -> Result<u64, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "DELETE FROM pushed_request WHERE digest IN (SELECT digest FROM pushed_request WHERE expires_at < $1 LIMIT $2)"
        )
        .bind(before.micros())
        .bind(most)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }
}
