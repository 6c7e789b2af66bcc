//! The look-up columns of accounts as a rotation of their key goes through them, in order of ordinals.

use futures_util::TryFutureExt;

use super::conn::{on, on_locked};
use super::rows::{Insert, insert_rows};
use super::{Read, StoreError, Write};
use crate::account::seal::NextIndexes;

/// What look-up values are made of.
#[derive(sqlx::FromRow)]
pub struct PersonRow {
    /// Place of the account.
    pub ordinal: i64,
    /// Id of the account, 16 bytes.
    pub id: Vec<u8>,
    /// The data key under the key-encryption key.
    pub data_key: Vec<u8>,
    /// Which key-encryption key that is.
    pub kek_id: String,
    /// The profile under the data key.
    pub profile: Vec<u8>,
}

static PUT_NEXT_INDEXES: Insert = Insert::new(
    "UPDATE account SET hkic_index_next = fresh.column2, phone_index_next = fresh.column3, index_generation_next = fresh.column4
     FROM (VALUES",
    4,
    ") AS fresh WHERE account.ordinal = fresh.column1",
);

impl Read {
    /// How many accounts behind an ordinal can be looked up and do not have the second columns of that generation.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn without_next_index(&mut self, generation: i32, after: i64) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT COUNT(*) FROM account
             WHERE ordinal > $1 AND hkic_index IS NOT NULL AND COALESCE(index_generation_next, -1) <> $2"
        )
        .bind(after)
        .bind(generation)
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// How many accounts behind an ordinal are looked up by that generation.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn indexed_by(&mut self, generation: i32, after: i64) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT COUNT(*) FROM account WHERE ordinal > $1 AND hkic_index IS NOT NULL AND index_generation = $2"
        )
        .bind(after)
        .bind(generation)
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Accounts from behind an ordinal on up to another that can be looked up and do not have the second columns of that
    /// generation; locked.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn people_without_next(&mut self, generation: i32, after: i64, to: i64) -> Result<Vec<PersonRow>, StoreError> {
        on_locked!(
            *self.conn(),
            "SELECT ordinal, id, data_key, kek_id, profile FROM account
             WHERE ordinal > $1 AND ordinal <= $2 AND COALESCE(index_generation_next, -1) <> $3
               AND hkic_index IS NOT NULL AND data_key IS NOT NULL AND profile IS NOT NULL ORDER BY ordinal",
            |c, sql| sqlx::query_as(sql).bind(after).bind(to).bind(generation).fetch_all(c)
        )
        .map_err(|error| self.error(error))
    }

    /// Fills second columns, each by its account's ordinal.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when a card number has two accounts.
    pub async fn put_next_indexes(&mut self, indexes: &[(i64, NextIndexes)]) -> Result<(), StoreError> {
        insert_rows!(self, PUT_NEXT_INDEXES, indexes, |query, row| query
            .bind(row.0)
            .bind(&row.1.hkic[..])
            .bind(&row.1.phone[..])
            .bind(row.1.generation))
        .map(drop)
    }

    /// Puts the second columns of that generation in the place of the first, from behind an ordinal on up to another; gives in
    /// how many accounts.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn shift_indexes(&mut self, generation: i32, after: i64, to: i64) -> Result<u64, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE account SET hkic_index = hkic_index_next, phone_index = phone_index_next,
               index_generation = index_generation_next, hkic_index_next = NULL, phone_index_next = NULL,
               index_generation_next = NULL
             WHERE ordinal > $1 AND ordinal <= $2 AND index_generation_next = $3 AND hkic_index IS NOT NULL"
        )
        .bind(after)
        .bind(to)
        .bind(generation)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }

    /// Empties the second columns of that generation, from behind an ordinal on up to another; gives in how many accounts.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn clear_next_indexes(&mut self, generation: i32, after: i64, to: i64) -> Result<u64, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE account SET hkic_index_next = NULL, phone_index_next = NULL, index_generation_next = NULL
             WHERE ordinal > $1 AND ordinal <= $2 AND index_generation_next = $3"
        )
        .bind(after)
        .bind(to)
        .bind(generation)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }
}
