//! Hotline calls and the accounts that were found and suspended in them.

use domain::{AccountId, CallRef, OperatorId, Timestamp};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::account::{account_id, number, reference};
use super::conn::{on, on_locked};
use super::{Read, StoreError, Write};

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its reference.
    pub reference: CallRef,
    /// Who answers it.
    pub operator: OperatorId,
    /// From.
    pub opened_at: Timestamp,
    /// To; none while it is open.
    pub closed_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct CallRow {
    reference: i64,
    operator: String,
    opened_at: i64,
    closed_at: Option<i64>,
}

impl CallRow {
    fn call(self) -> Result<Call, StoreError> {
        let operator = self.operator.parse();
        Ok(Call {
            reference: reference(self.reference, "call")?,
            operator: operator.map_err(|_| StoreError::Broken(anyhow::anyhow!("a call has a bad operator")))?,
            opened_at: Timestamp::from_micros(self.opened_at),
            closed_at: self.closed_at.map(Timestamp::from_micros),
        })
    }
}

impl Read {
    /// Accounts that were suspended in a call, in order of time.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn suspended_in(&mut self, call: CallRef) -> Result<Vec<AccountId>, StoreError> {
        let rows: Result<Vec<i64>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT account.reference FROM hotline_call_account JOIN account ON account.id = hotline_call_account.account
             WHERE hotline_call_account.call = $1 AND hotline_call_account.suspended_at IS NOT NULL
             ORDER BY hotline_call_account.suspended_at, account.reference"
        )
        .bind(number(call.number()))
        .fetch_all(c));
        rows.map_err(|error| self.error(error))?.into_iter().map(account_id).collect()
    }

    /// Calls in which an account was found or suspended.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn calls_about(&mut self, account: Uuid) -> Result<Vec<CallRef>, StoreError> {
        let rows: Result<Vec<i64>, _> =
            on!(self.conn, |c| sqlx::query_scalar("SELECT call FROM hotline_call_account WHERE account = $1 ORDER BY call")
                .bind(&account.as_bytes()[..])
                .fetch_all(c));
        rows.map_err(|error| self.error(error))?.into_iter().map(|call| reference(call, "call")).collect()
    }
}

impl Write {
    /// Opens a call; false when the reference is taken.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_call(&mut self, call: &Call) -> Result<bool, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO hotline_call (reference, operator, opened_at) VALUES ($1, $2, $3) ON CONFLICT (reference) DO NOTHING"
        )
        .bind(number(call.reference.number()))
        .bind(call.operator.as_str())
        .bind(call.opened_at.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        Ok(done.map_err(|error| self.error(error))? == 1)
    }

    /// One call, locked for the rest of the transaction: it cannot be closed while something is done in it. Whoever locks an
    /// account as well locks the call first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn call_locked(&mut self, call: CallRef) -> Result<Option<Call>, StoreError> {
        let row: Result<Option<CallRow>, _> = on_locked!(
            *self.conn(),
            "SELECT reference, operator, opened_at, closed_at FROM hotline_call WHERE reference = $1",
            |c, sql| sqlx::query_as(sql).bind(number(call.number())).fetch_optional(c)
        );
        row.map_err(|error| self.error(error))?.map(CallRow::call).transpose()
    }

    /// Closes a call.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when it is not open any more.
    pub async fn close_call(&mut self, call: CallRef, at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE hotline_call SET closed_at = $2 WHERE reference = $1 AND closed_at IS NULL"
        )
        .bind(number(call.number()))
        .bind(at.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }

    /// Notes that an account was found in a call; again changes nothing.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn note_found(&mut self, call: CallRef, account: Uuid) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO hotline_call_account (call, account) VALUES ($1, $2) ON CONFLICT (call, account) DO NOTHING"
        )
        .bind(number(call.number()))
        .bind(&account.as_bytes()[..])
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Notes that an account was suspended in a call.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn note_suspended(&mut self, call: CallRef, account: Uuid, at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO hotline_call_account (call, account, suspended_at) VALUES ($1, $2, $3)
             ON CONFLICT (call, account) DO UPDATE SET suspended_at = excluded.suspended_at"
        )
        .bind(number(call.number()))
        .bind(&account.as_bytes()[..])
        .bind(at.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
