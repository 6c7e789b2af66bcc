//! Addresses of key sets: when each is read again, and how it went.

use std::time::Duration;

use domain::Timestamp;
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// No copy is good for as long as this: a date beyond it was written by a clock that ran ahead.
const BEYOND: Duration = Duration::from_hours(25);

/// How reading a key set from its address goes.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct KeySetAddressRow {
    /// The credential that the address is.
    pub credential: i64,
    /// When it is read again.
    pub next_at: i64,
    /// When the copy in use was fetched.
    pub fetched_at: Option<i64>,
    /// Tries in a row that brought no good copy.
    pub failures: i32,
    /// What is wrong with the newest copy: a stable code.
    pub fault_code: Option<String>,
    /// The same in words.
    pub fault: Option<String>,
    /// Since when no copy was good.
    pub fault_since: Option<i64>,
}

/// An address that is due.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct DueAddressRow {
    /// The credential that the address is.
    pub credential: i64,
    /// The address.
    pub url: String,
}

impl Read {
    /// How reading one address goes.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn key_set_address(&mut self, credential: i64) -> Result<Option<KeySetAddressRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT credential, next_at, fetched_at, failures, fault_code, fault, fault_since FROM key_set_address
             WHERE credential = $1"
        )
        .bind(credential)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Active addresses that are due, the most overdue first; those of retired parties are not asked. A date that lies further
    /// ahead than any copy is kept is due as well.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn due_addresses(&mut self, now: Timestamp, limit: i64) -> Result<Vec<DueAddressRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT a.credential, c.content AS url FROM key_set_address a JOIN credential c ON c.id = a.credential
             WHERE (a.next_at <= $1 OR a.next_at > $2) AND c.state = 'active' AND (c.not_after IS NULL OR c.not_after >= $1)
               AND NOT EXISTS (SELECT 1 FROM relying_party p WHERE p.id = c.relying_party AND p.state = 'retired')
             ORDER BY a.next_at, a.credential LIMIT $3"
        )
        .bind(now.micros())
        .bind(now.plus(BEYOND).micros())
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Active addresses whose newest copy is bad.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn faulty_addresses(&mut self) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT COUNT(*) FROM key_set_address a JOIN credential c ON c.id = a.credential
             WHERE a.fault_code IS NOT NULL AND c.state = 'active'"
        )
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Puts how reading an address goes, or begins with it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_key_set_address(&mut self, row: &KeySetAddressRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO key_set_address (credential, next_at, fetched_at, failures, fault_code, fault, fault_since)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (credential) DO UPDATE SET next_at = excluded.next_at, fetched_at = excluded.fetched_at,
               failures = excluded.failures, fault_code = excluded.fault_code, fault = excluded.fault,
               fault_since = excluded.fault_since"
        )
        .bind(row.credential)
        .bind(row.next_at)
        .bind(row.fetched_at)
        .bind(row.failures)
        .bind(&row.fault_code)
        .bind(&row.fault)
        .bind(row.fault_since)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Says when an address is read next, without a word about how it went.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn hold_address(&mut self, credential: i64, until: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("UPDATE key_set_address SET next_at = $1 WHERE credential = $2")
            .bind(until.micros())
            .bind(credential)
            .execute(c)
            .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
