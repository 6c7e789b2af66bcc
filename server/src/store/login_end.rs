//! Logins that end before their last token does: the statements by which an account, a party, a citizen or a thief ends them. All
//! of them lock a login before its tokens, and several in their order, so that no two wait for each other.

use domain::{CitizenRequestId, Timestamp};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::conn::{on, on_locked};
use super::{StoreError, Write};

/// How many logins and tokens have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EndedLogins {
    /// Logins.
    pub logins: u64,
    /// Tokens.
    pub tokens: u64,
}

impl Write {
    /// Ends one login and its tokens.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_login(&mut self, id: CitizenRequestId, reason: &str, now: Timestamp) -> Result<EndedLogins, StoreError> {
        let logins = on!(*self.conn(), |c| sqlx::query(
            "UPDATE login SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL"
        )
        .bind(&id.as_bytes()[..])
        .bind(now.micros())
        .bind(reason)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        let logins = logins.map_err(|error| self.error(error))?;
        let tokens = on!(*self.conn(), |c| sqlx::query(
            "UPDATE token SET ended_at = $2 WHERE login = $1 AND ended_at IS NULL AND expires_at > $2"
        )
        .bind(&id.as_bytes()[..])
        .bind(now.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        let tokens = tokens.map_err(|error| self.error(error))?;
        Ok(EndedLogins { logins, tokens })
    }

    /// Ends every login of an account that is alive, with its tokens.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_logins_of(&mut self, account: Uuid, reason: &str, now: Timestamp) -> Result<EndedLogins, StoreError> {
        let tokens = on_locked!(
            *self.conn(),
            "UPDATE token SET ended_at = $2 WHERE ended_at IS NULL AND expires_at > $2
               AND login IN (SELECT id FROM login WHERE account = $1 AND ended_at IS NULL ORDER BY id",
            ")",
            |c, sql| sqlx::query(sql)
                .bind(&account.as_bytes()[..])
                .bind(now.micros())
                .execute(c)
                .map_ok(|done| done.rows_affected())
        );
        let tokens = tokens.map_err(|error| self.error(error))?;
        let logins = on!(*self.conn(), |c| sqlx::query(
            "UPDATE login SET ended_at = $2, end_reason = $3 WHERE account = $1 AND ended_at IS NULL AND expires_at > $2"
        )
        .bind(&account.as_bytes()[..])
        .bind(now.micros())
        .bind(reason)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        let logins = logins.map_err(|error| self.error(error))?;
        Ok(EndedLogins { logins, tokens })
    }

    /// Ends every login at one service of an account that is alive, with its tokens.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_logins_at(
        &mut self,
        account: Uuid,
        service: i32,
        reason: &str,
        now: Timestamp,
    ) -> Result<EndedLogins, StoreError> {
        let tokens = on_locked!(
            *self.conn(),
            "UPDATE token SET ended_at = $3 WHERE ended_at IS NULL AND expires_at > $3
               AND login IN (SELECT id FROM login WHERE account = $1 AND service = $2 AND ended_at IS NULL ORDER BY id",
            ")",
            |c, sql| sqlx::query(sql)
                .bind(&account.as_bytes()[..])
                .bind(service)
                .bind(now.micros())
                .execute(c)
                .map_ok(|done| done.rows_affected())
        );
        let tokens = tokens.map_err(|error| self.error(error))?;
        let logins = on!(*self.conn(), |c| sqlx::query(
            "UPDATE login SET ended_at = $3, end_reason = $4
             WHERE account = $1 AND service = $2 AND ended_at IS NULL AND expires_at > $3"
        )
        .bind(&account.as_bytes()[..])
        .bind(service)
        .bind(now.micros())
        .bind(reason)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        let logins = logins.map_err(|error| self.error(error))?;
        Ok(EndedLogins { logins, tokens })
    }

    /// Ends every login at a party that is alive, with its tokens.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_logins_by(&mut self, rp: &str, reason: &str, now: Timestamp) -> Result<EndedLogins, StoreError> {
        let tokens = on_locked!(
            *self.conn(),
            "UPDATE token SET ended_at = $2 WHERE ended_at IS NULL AND expires_at > $2
               AND login IN (SELECT id FROM login WHERE relying_party = $1 AND ended_at IS NULL ORDER BY id",
            ")",
            |c, sql| sqlx::query(sql).bind(rp).bind(now.micros()).execute(c).map_ok(|done| done.rows_affected())
        );
        let tokens = tokens.map_err(|error| self.error(error))?;
        let logins = on!(*self.conn(), |c| {
            sqlx::query(
            "UPDATE login SET ended_at = $2, end_reason = $3 WHERE relying_party = $1 AND ended_at IS NULL AND expires_at > $2"
        )
        .bind(rp)
        .bind(now.micros())
        .bind(reason)
        .execute(c)
        .map_ok(|done| done.rows_affected())
        });
        let logins = logins.map_err(|error| self.error(error))?;
        Ok(EndedLogins { logins, tokens })
    }

    /// Ends every login at a service that is alive, with its tokens.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_logins_of_service(&mut self, service: i32, reason: &str, now: Timestamp) -> Result<EndedLogins, StoreError> {
        let tokens = on_locked!(
            *self.conn(),
            "UPDATE token SET ended_at = $2 WHERE ended_at IS NULL AND expires_at > $2
               AND login IN (SELECT id FROM login WHERE service = $1 AND ended_at IS NULL ORDER BY id",
            ")",
            |c, sql| sqlx::query(sql).bind(service).bind(now.micros()).execute(c).map_ok(|done| done.rows_affected())
        );
        let tokens = tokens.map_err(|error| self.error(error))?;
        let logins = on!(*self.conn(), |c| sqlx::query(
            "UPDATE login SET ended_at = $2, end_reason = $3 WHERE service = $1 AND ended_at IS NULL AND expires_at > $2"
        )
        .bind(service)
        .bind(now.micros())
        .bind(reason)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        let logins = logins.map_err(|error| self.error(error))?;
        Ok(EndedLogins { logins, tokens })
    }
}
