//! Revocation lists as they were signed, and which of them are due.

use std::collections::BTreeMap;

use domain::Timestamp;
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A revocation list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RevocationListRow {
    /// NAME of the authority.
    pub issuer: String,
    /// Only grows.
    pub number: i64,
    /// First moment.
    pub this_update: i64,
    /// When the next one is there at the latest.
    pub next_update: i64,
    /// How many certificates it names.
    pub entries: i64,
    /// The list.
    pub der: Vec<u8>,
}

/// A revocation list without its entries.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RevocationHead {
    /// NAME of the authority.
    pub issuer: String,
    /// Only grows.
    pub number: i64,
    /// First moment.
    pub this_update: i64,
    /// When the next one is there at the latest.
    pub next_update: i64,
}

/// A change of a certificate's standing that no list says yet.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct UntoldRow {
    /// Lower-case hex.
    pub serial: String,
    /// The certificate's version since then.
    pub version: i64,
    /// NAME of the authority.
    pub issuer: String,
    /// When.
    pub at: i64,
}

impl Read {
    /// The list that counts at `now`: the newest whose first moment has come; where there is none, because the clock was turned
    /// back or another node's is a moment ahead, the next one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn revocation_list(&mut self, issuer: &str, now: Timestamp) -> Result<Option<RevocationListRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT issuer, number, this_update, next_update, entries, der FROM revocation_list
             WHERE issuer = $1 ORDER BY CASE WHEN this_update <= $2 THEN 0 - number ELSE number END LIMIT 1"
        )
        .bind(issuer)
        .bind(now.micros())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// What the list with the highest number of each authority says of itself, whatever its first moment.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn revocation_heads(&mut self) -> Result<Vec<RevocationHead>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT list.issuer, list.number, list.this_update, list.next_update FROM revocation_list list
             WHERE list.number = (SELECT MAX(other.number) FROM revocation_list other WHERE other.issuer = list.issuer)
             ORDER BY list.issuer"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The highest number of each authority's lists, whatever the list's first moment.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn revocation_numbers(&mut self) -> Result<BTreeMap<String, u64>, StoreError> {
        let rows: Result<Vec<(String, i64)>, _> =
            on!(self.conn, |c| sqlx::query_as("SELECT issuer, MAX(number) FROM revocation_list GROUP BY issuer").fetch_all(c));
        let rows = rows.map_err(|error| self.error(error))?;
        Ok(rows.into_iter().map(|(issuer, number)| (issuer, u64::try_from(number).unwrap_or_default())).collect())
    }

    /// Authorities with changes that no list says yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn issuers_untold(&mut self) -> Result<Vec<String>, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT DISTINCT issuer FROM revocation_untold ORDER BY issuer").fetch_all(c))
            .map_err(|error| self.error(error))
    }

    /// Changes of an authority's certificates that no list says yet, the oldest first. A list says all that is revoked; only as
    /// many as this are noted as told at once, and the rest makes another list.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn revocations_untold(&mut self, issuer: &str) -> Result<Vec<UntoldRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT serial, version, issuer, at FROM revocation_untold WHERE issuer = $1 ORDER BY at, serial LIMIT 5000"
        )
        .bind(issuer)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Notes a change that no list says yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub(super) async fn insert_untold(&mut self, row: &UntoldRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO revocation_untold (serial, version, issuer, at) VALUES ($1, $2, $3, $4)"
        )
        .bind(&row.serial)
        .bind(row.version)
        .bind(&row.issuer)
        .bind(row.at)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Stores a list.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when the number is taken: two nodes at once.
    pub async fn insert_revocation_list(&mut self, row: &RevocationListRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "INSERT INTO revocation_list (issuer, number, this_update, next_update, entries, der) VALUES ($1, $2, $3, $4, $5, $6)"
        )
        .bind(&row.issuer)
        .bind(row.number)
        .bind(row.this_update)
        .bind(row.next_update)
        .bind(row.entries)
        .bind(&row.der)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }

    /// Takes a change away that was read before the list of this transaction was made, and which it therefore says.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn delete_untold(&mut self, row: &UntoldRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("DELETE FROM revocation_untold WHERE serial = $1 AND version = $2")
            .bind(&row.serial)
            .bind(row.version)
            .execute(c)
            .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Forgets lists that another one has followed. The one with the highest number always stays: the next counts on from it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn forget_revocation_lists(&mut self, issuer: &str, below: i64) -> Result<u64, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("DELETE FROM revocation_list WHERE issuer = $1 AND number < $2")
            .bind(issuer)
            .bind(below)
            .execute(c)
            .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }
}
