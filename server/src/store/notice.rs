//! Notices to services that are written when they are sent: a row says no more than which login has ended, or which request was
//! decided.

use domain::{CitizenRequestId, RequestId, Timestamp};
use futures_util::TryFutureExt;

use super::account::StoredAccount;
use super::conn::on;
use super::{Read, StoreError, WaitingNotices, Write};

/// Kind of the notice that a login has ended; its id is the login's, so that there is one of each.
pub const LOGIN_ENDED: &str = "login.ended";
/// Kind of the notice that a citizen has decided; its subject is the request.
pub const REQUEST_DECIDED: &str = "request.decided";

macro_rules! tell_of_logins {
    ($where:literal) => {
        concat!(
            "INSERT INTO outbox (id, kind, receiver, subject, payload, state, attempts, next_at, created_at)
             SELECT l.id, 'login.ended', s.relying_party || '.' || s.slug, $1, '{}', 'pending', 0, $2, $2
             FROM login l JOIN service s ON s.code = l.service
             WHERE s.told_of_logouts AND ",
            $where,
            " ON CONFLICT (id) DO NOTHING"
        )
    };
}

impl Write {
    /// Tells every service that has a login of this account: of those that were just ended for that reason, and of those whose
    /// tokens are over, for a service's own session may go on for longer. One statement for all: nobody waits for it who suspends.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tell_of_ended_logins(&mut self, stored: &StoredAccount, reason: &str, now: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(tell_of_logins!(
            "l.account = $3 AND (l.ended_at IS NULL OR (l.ended_at = $2 AND l.end_reason = $4))"
        ))
        .bind(stored.account.id.to_string())
        .bind(now.micros())
        .bind(&stored.id.as_bytes()[..])
        .bind(reason)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// The same of the logins at one service.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tell_of_ended_logins_at(
        &mut self,
        stored: &StoredAccount,
        service: i32,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(tell_of_logins!(
            "l.account = $3 AND l.service = $5 AND (l.ended_at IS NULL OR (l.ended_at = $2 AND l.end_reason = $4))"
        ))
        .bind(stored.account.id.to_string())
        .bind(now.micros())
        .bind(&stored.id.as_bytes()[..])
        .bind(reason)
        .bind(service)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// The same of one login; `subject` is the account, as the audit log names it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tell_of_ended_login(
        &mut self,
        login: CitizenRequestId,
        subject: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(tell_of_logins!("l.id = $3"))
            .bind(subject)
            .bind(now.micros())
            .bind(&login.as_bytes()[..])
            .execute(c)
            .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Tells the service that has asked, if it wants to be told.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tell_of_decision(&mut self, request: CitizenRequestId, now: Timestamp) -> Result<(), StoreError> {
        let id = RequestId::new(now, self.entropy()).uuid();
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO outbox (id, kind, receiver, subject, payload, state, attempts, next_at, created_at)
             SELECT $1, 'request.decided', s.relying_party || '.' || s.slug, $2, '{}', 'pending', 0, $3, $3
             FROM citizen_request r JOIN service s ON s.code = r.service WHERE r.id = $4 AND r.notify IS NOT NULL"
        )
        .bind(&id.as_bytes()[..])
        .bind(request.to_string())
        .bind(now.micros())
        .bind(&request.as_bytes()[..])
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Nobody is told of this request any more: the token for it is taken away.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn forget_notification_token(&mut self, request: CitizenRequestId) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("UPDATE citizen_request SET notify = NULL WHERE id = $1")
            .bind(&request.as_bytes()[..])
            .execute(c)
            .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Forgets notices of these kinds that were finished before a moment, some of them.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep_notices(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox WHERE finished_at < $1
               AND kind IN ('login.ended', 'request.decided') ORDER BY finished_at LIMIT 5000)"
        )
        .bind(before.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }
}

impl Read {
    /// The messages that were given up since a moment, by kind and receiver.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn outbox_given_up(&mut self, since: Timestamp) -> Result<Vec<WaitingNotices>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kind, receiver, COUNT(*) AS notices, MAX(created_at) AS newest FROM outbox
             WHERE state = 'failed' AND finished_at >= $1 GROUP BY kind, receiver ORDER BY receiver, kind"
        )
        .bind(since.micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}
