//! How far the rows are that a key's rotation brings from the old generation to the new one.

use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A piece of work, by the generation it is about.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct KeyWorkRow {
    /// The generation.
    pub kid: String,
    /// What is done now; a word of whoever does it.
    pub stage: String,
    /// The ordinal of the last account that this pass has looked at; -1 before the first.
    pub position: i64,
    /// Rows that this pass has brought over: a pass that meets none has proved that none is left.
    pub met: i64,
    /// Rows brought over in all.
    pub done: i64,
    /// Rows there were to bring over when it began.
    pub total: i64,
    /// Rows that this pass could not bring over, for they do not open.
    pub unreadable: i64,
}

impl Read {
    /// The work of one generation.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn key_work(&mut self, kid: &str) -> Result<Option<KeyWorkRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kid, stage, position, met, done, total, unreadable FROM key_work WHERE kid = $1"
        )
        .bind(kid)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Work in one stage.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn key_work_in(&mut self, stage: &str) -> Result<Vec<KeyWorkRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kid, stage, position, met, done, total, unreadable FROM key_work WHERE stage = $1 ORDER BY kid"
        )
        .bind(stage)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Notes how far it is.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_key_work(&mut self, row: &KeyWorkRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO key_work (kid, stage, position, met, done, total, unreadable) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (kid) DO UPDATE SET stage = excluded.stage, position = excluded.position, met = excluded.met,
               done = excluded.done, total = excluded.total, unreadable = excluded.unreadable"
        )
        .bind(&row.kid)
        .bind(&row.stage)
        .bind(row.position)
        .bind(row.met)
        .bind(row.done)
        .bind(row.total)
        .bind(row.unreadable)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Forgets work that is over.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn forget_key_work(&mut self, kid: &str) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("DELETE FROM key_work WHERE kid = $1").bind(kid).execute(c).map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
