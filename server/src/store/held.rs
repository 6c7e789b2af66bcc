//! What one transaction keeps from others until it ends: on PostgreSQL by advisory locks. On SQLite the one writer is alone already.

use super::StoreError;
use super::conn::Conn;
use super::fault::classify;

/// A register that one transaction at a time changes. The number is the PostgreSQL advisory lock; it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub enum Register {
    /// Relying parties: names are compared and service codes counted over all of them.
    RelyingParties = 7_443_101,
    /// Accounts: ordinals are dense, and a card number is looked up before it is registered.
    Accounts = 7_443_102,
    /// Administrators: the last one stays.
    Administrators = 7_443_103,
    /// Generations of keys: which ones sign is looked at before it is changed, and before a checkpoint says who signed it.
    Generations = 7_443_104,
    /// Uses from files: a key is looked up before it is put on record.
    Imports = 7_443_105,
}

/// The class of advisory locks on single keys; it never changes.
const ONE_KEY: i32 = 7_443_201;

/// The class of advisory locks on single relying parties; it never changes.
const ONE_PARTY: i32 = 7_443_202;

impl Conn {
    /// Keeps a party's state as it is until this transaction ends; any number may at once.
    ///
    /// # Errors
    /// As [`Conn::hold`].
    pub async fn keep_party(&mut self, rp: &str) -> Result<(), StoreError> {
        self.lock_party("SELECT pg_advisory_xact_lock_shared($1, hashtext($2))", rp).await
    }

    /// Waits until no transaction is under way that keeps the party's state as it is, and lets none begin until this one ends.
    ///
    /// # Errors
    /// As [`Conn::hold`].
    pub async fn hold_party(&mut self, rp: &str) -> Result<(), StoreError> {
        self.lock_party("SELECT pg_advisory_xact_lock($1, hashtext($2))", rp).await
    }

    async fn lock_party(&mut self, sql: &'static str, rp: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => sqlx::query(sql)
                .bind(ONE_PARTY)
                .bind(rp)
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(|error| classify(error, "the PostgreSQL database")),
        }
    }

    /// Waits until no other transaction changes the register, and keeps it until this one ends.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when another one holds it for longer than a statement may wait.
    pub async fn hold(&mut self, register: Register) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            Self::Postgres(transaction) => sqlx::query("SELECT pg_advisory_xact_lock($1)")
                .bind(register as i64)
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(|error| classify(error, "the PostgreSQL database")),
        }
    }

    /// Waits until no other transaction decides about the same key, and keeps that until this one ends. Two keys that
    /// meet in a number wait for each other for nothing.
    ///
    /// # Errors
    /// As [`Conn::hold`].
    pub async fn hold_key(&mut self, thumbprint: &str) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(_) => Ok(()),
            // The first number tells these locks from the registers', which have one.
            Self::Postgres(transaction) => sqlx::query("SELECT pg_advisory_xact_lock($1, hashtext($2))")
                .bind(ONE_KEY)
                .bind(thumbprint)
                .execute(&mut **transaction)
                .await
                .map(drop)
                .map_err(|error| classify(error, "the PostgreSQL database")),
        }
    }
}
