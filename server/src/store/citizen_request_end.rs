//! Requests that end without being redeemed: the statements by which an account, a party, a service or their own time ends them.

use domain::Timestamp;
use uuid::Uuid;

use super::citizen_request::EndedRequestRow;
use super::conn::on;
use super::{StoreError, Write};

impl Write {
    /// Ends every open request of an account; gives what ended. One whose time has passed ends by that.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_requests_of(&mut self, account: Uuid, now: Timestamp) -> Result<Vec<EndedRequestRow>, StoreError> {
        let rows = on!(*self.conn(), |c| sqlx::query_as(
            "UPDATE citizen_request SET state = 'ended', ended_at = $2, link = NULL, code = NULL
             WHERE account = $1 AND state IN ('waiting', 'approved') AND expires_at > $2
             RETURNING id, service, function, channel, account, decided_at"
        )
        .bind(&account.as_bytes()[..])
        .bind(now.micros())
        .fetch_all(c));
        rows.map_err(|error| self.error(error))
    }

    /// Ends every open request of a party; gives what ended. One whose time has passed ends by that.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_requests_by(&mut self, rp: &str, now: Timestamp) -> Result<Vec<EndedRequestRow>, StoreError> {
        let rows = on!(*self.conn(), |c| sqlx::query_as(
            "UPDATE citizen_request SET state = 'ended', ended_at = $2, link = NULL, code = NULL
             WHERE relying_party = $1 AND state IN ('waiting', 'approved') AND expires_at > $2
             RETURNING id, service, function, channel, account, decided_at"
        )
        .bind(rp)
        .bind(now.micros())
        .fetch_all(c));
        rows.map_err(|error| self.error(error))
    }

    /// Ends every open request of a service; gives what ended. One whose time has passed ends by that.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_requests_at(&mut self, service: i32, now: Timestamp) -> Result<Vec<EndedRequestRow>, StoreError> {
        let rows = on!(*self.conn(), |c| sqlx::query_as(
            "UPDATE citizen_request SET state = 'ended', ended_at = $2, link = NULL, code = NULL
             WHERE service = $1 AND state IN ('waiting', 'approved') AND expires_at > $2
             RETURNING id, service, function, channel, account, decided_at"
        )
        .bind(service)
        .bind(now.micros())
        .fetch_all(c));
        rows.map_err(|error| self.error(error))
    }

    /// Ends those whose time has passed, some of them; gives what ended.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn expire_requests(
        &mut self,
        judged: Timestamp,
        now: Timestamp,
        limit: i64,
    ) -> Result<Vec<EndedRequestRow>, StoreError> {
        let rows = on!(*self.conn(), |c| sqlx::query_as(
            "UPDATE citizen_request SET state = 'expired', ended_at = $2, link = NULL, code = NULL, notify = NULL
             WHERE id IN (SELECT id FROM citizen_request WHERE state IN ('waiting', 'approved') AND expires_at <= $1
                          ORDER BY expires_at LIMIT $3)
               AND state IN ('waiting', 'approved')
             RETURNING id, service, function, channel, account, decided_at"
        )
        .bind(judged.micros())
        .bind(now.micros())
        .bind(limit)
        .fetch_all(c));
        rows.map_err(|error| self.error(error))
    }
}
