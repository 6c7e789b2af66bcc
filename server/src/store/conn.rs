//! One transaction on either engine, or a connection for one statement by itself; and how a statement runs on whichever it is.

use std::ops::{Deref, DerefMut};

use sqlx::pool::PoolConnection;
use sqlx::{Database, Postgres, Sqlite, Transaction};

use super::StoreError;
use super::engine::{Engine, Leader, TakesWrites};
use super::fault::{at_commit, classify};

/// One transaction on either engine, or a connection for a statement that needs none.
pub enum Conn {
    /// SQLite.
    Sqlite(Held<Sqlite>),
    /// PostgreSQL.
    Postgres(Held<Postgres>),
}

/// A connection of the pool, until this is over.
pub enum Held<DB: Database> {
    /// In a transaction.
    Transaction(Transaction<'static, DB>),
    /// In none: what one statement sees is one state by itself.
    Looking(PoolConnection<DB>),
    /// In none: what one statement does is durable by itself.
    Doing(PoolConnection<DB>),
}

impl<DB: Database> Deref for Held<DB> {
    type Target = DB::Connection;

    fn deref(&self) -> &DB::Connection {
        match self {
            Self::Transaction(transaction) => transaction,
            Self::Looking(connection) | Self::Doing(connection) => connection,
        }
    }
}

impl<DB: Database> DerefMut for Held<DB> {
    fn deref_mut(&mut self) -> &mut DB::Connection {
        match self {
            Self::Transaction(transaction) => transaction,
            Self::Looking(connection) | Self::Doing(connection) => connection,
        }
    }
}

impl<DB: Database> Held<DB> {
    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Transaction(transaction) => transaction.commit().await,
            Self::Looking(_) | Self::Doing(_) => Ok(()),
        }
    }

    async fn rollback(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Transaction(transaction) => transaction.rollback().await,
            Self::Looking(_) | Self::Doing(_) => Ok(()),
        }
    }
}

/// Runs one statement on whichever engine the transaction is of.
macro_rules! on {
    ($conn:expr, |$c:ident| $body:expr) => {
        match &mut $conn {
            $crate::store::conn::Conn::Sqlite(transaction) => {
                let $c = &mut **transaction;
                $body.await
            }
            $crate::store::conn::Conn::Postgres(transaction) => {
                let $c = &mut **transaction;
                $body.await
            }
        }
    };
}

/// Runs one SELECT that locks its rows for the rest of the transaction; or, with a tail, a statement around such a SELECT. SQLite's
/// writer is alone already.
macro_rules! on_locked {
    ($conn:expr, $sql:literal, |$c:ident, $text:ident| $body:expr) => {
        $crate::store::conn::on_locked!($conn, $sql, "", |$c, $text| $body)
    };
    ($conn:expr, $sql:literal, $tail:literal, |$c:ident, $text:ident| $body:expr) => {
        match &mut $conn {
            $crate::store::conn::Conn::Sqlite(transaction) => {
                let $c = &mut **transaction;
                let $text = concat!($sql, $tail);
                $body.await
            }
            $crate::store::conn::Conn::Postgres(transaction) => {
                let $c = &mut **transaction;
                let $text = concat!($sql, " FOR UPDATE", $tail);
                $body.await
            }
        }
    };
}

/// Runs one SELECT that keeps its rows as they are for the rest of the transaction; any number may at once.
macro_rules! on_kept {
    ($conn:expr, $sql:literal, |$c:ident, $text:ident| $body:expr) => {
        match &mut $conn {
            $crate::store::conn::Conn::Sqlite(transaction) => {
                let $c = &mut **transaction;
                let $text = $sql;
                $body.await
            }
            $crate::store::conn::Conn::Postgres(transaction) => {
                let $c = &mut **transaction;
                let $text = concat!($sql, " FOR SHARE");
                $body.await
            }
        }
    };
}
pub(crate) use {on, on_kept, on_locked};

impl Conn {
    /// Whether this transaction may do the task: on PostgreSQL by an advisory lock held until it ends, so that a node that
    /// dies frees it; on SQLite the one writer is the leader.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn leads(&mut self, task: Leader) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(_) => Ok(true),
            Self::Postgres(transaction) => sqlx::query_scalar("SELECT pg_try_advisory_xact_lock($1)")
                .bind(task as i64)
                .fetch_one(&mut **transaction)
                .await
                .map_err(|error| classify(error, "the PostgreSQL database")),
        }
    }

    /// Whether the database takes writes: a standby of PostgreSQL answers every read and refuses every write.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn takes_writes(&mut self) -> Result<TakesWrites, sqlx::Error> {
        let refuses: bool = match self {
            Self::Sqlite(transaction) => {
                sqlx::query("SELECT 1").execute(&mut **transaction).await?;
                false
            }
            Self::Postgres(transaction) => {
                sqlx::query_scalar("SELECT pg_is_in_recovery() OR current_setting('default_transaction_read_only') = 'on'")
                    .fetch_one(&mut **transaction)
                    .await?
            }
        };
        Ok(if refuses { TakesWrites::No } else { TakesWrites::Yes })
    }

    /// Makes it durable.
    ///
    /// # Errors
    /// [`StoreError::NotConfirmed`] when it is not known whether it is: the answer never came, or says nothing certain.
    pub async fn commit(self, engine: &Engine) -> Result<(), StoreError> {
        let done = match self {
            Self::Sqlite(transaction) => transaction.commit().await,
            Self::Postgres(transaction) => transaction.commit().await,
        };
        done.map_err(|error| at_commit(error, &engine.place()))
    }

    /// Undoes it.
    ///
    /// # Errors
    /// When the database cannot be reached; then it is undone anyway.
    pub async fn rollback(self, engine: &Engine) -> Result<(), StoreError> {
        let done = match self {
            Self::Sqlite(transaction) => transaction.rollback().await,
            Self::Postgres(transaction) => transaction.rollback().await,
        };
        done.map_err(|error| engine.error(error))
    }
}
