//! The accounts as a rotation of the keys that they lie under goes through them, in order of their ordinals.

use futures_util::TryFutureExt;

use super::conn::{on, on_locked};
use super::rows::{Insert, insert_rows};
use super::{Read, StoreError, Write};

/// A data key that lies under a key-encryption key.
#[derive(sqlx::FromRow)]
pub struct WrappedRow {
    /// Place of the account.
    pub ordinal: i64,
    /// Id of the account, 16 bytes.
    pub id: Vec<u8>,
    /// The wrapped key.
    pub data_key: Vec<u8>,
}

static PUT_DATA_KEYS: Insert = Insert::new(
    "UPDATE account SET data_key = fresh.column2, kek_id = fresh.column3 FROM (VALUES",
    3,
    ") AS fresh WHERE account.ordinal = fresh.column1",
);

impl Read {
    /// Whether a data key or a private key lies under that key-encryption key.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn lies_under(&mut self, kek_id: &str) -> Result<bool, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM key_generation WHERE kek_id = $1 AND private_sealed IS NOT NULL)
                 OR EXISTS (SELECT 1 FROM account WHERE kek_id = $1 AND data_key IS NOT NULL)"
        )
        .bind(kek_id)
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// How many data keys of accounts behind an ordinal lie under that key-encryption key.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn data_keys_behind(&mut self, kek_id: &str, after: i64) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT COUNT(*) FROM account WHERE ordinal > $1 AND kek_id = $2 AND data_key IS NOT NULL"
        )
        .bind(after)
        .bind(kek_id)
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// The ordinal of the last account; -1 when there is none.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn last_ordinal(&mut self) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT COALESCE(MAX(ordinal), -1) FROM account").fetch_one(c))
            .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Accounts whose data key lies under that key-encryption key, from behind an ordinal on up to another; locked. No more rows
    /// than that are looked at, however few of them are meant: whoever has a caller on the line waits for this transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn data_keys_under(&mut self, kek_id: &str, after: i64, to: i64) -> Result<Vec<WrappedRow>, StoreError> {
        on_locked!(
            *self.conn(),
            "SELECT ordinal, id, data_key FROM account
             WHERE ordinal > $1 AND ordinal <= $2 AND kek_id = $3 AND data_key IS NOT NULL ORDER BY ordinal",
            |c, sql| sqlx::query_as(sql).bind(after).bind(to).bind(kek_id).fetch_all(c)
        )
        .map_err(|error| self.error(error))
    }

    /// Puts wrapped data keys, each by its account's ordinal.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_data_keys(&mut self, kek_id: &str, keys: &[(i64, Vec<u8>)]) -> Result<(), StoreError> {
        insert_rows!(self, PUT_DATA_KEYS, keys, |query, key| query.bind(key.0).bind(&key.1).bind(kek_id)).map(drop)
    }

    /// Puts the private part of a generation, wrapped under another key-encryption key.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_private_part(&mut self, kid: &str, sealed: &[u8], kek_id: &str) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE key_generation SET private_sealed = $1, kek_id = $2, version = version + 1 WHERE kid = $3"
        )
        .bind(sealed)
        .bind(kek_id)
        .bind(kid)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Says which key-encryption key the instance has.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_instance_kek(&mut self, kek_id: &str) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("UPDATE instance SET kek_id = $1").bind(kek_id).execute(c).map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
