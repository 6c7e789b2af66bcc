//! What services ask of citizens.

use domain::{CitizenRequest, CitizenRequestId, Claim, ComparisonCode, Timestamp, UsageChannel, Wants};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::audit::first_id_of;
use super::conn::{on, on_locked};
use super::{Read, StoreError, Write};

/// A request as stored.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct CitizenRequestRow {
    /// Id, 16 bytes.
    pub id: Vec<u8>,
    /// What the QR code and the app's link carry, 16 bytes; none by the back channel, and when it is over.
    pub link: Option<Vec<u8>>,
    /// What stands beside the QR code; none when it is over.
    pub code: Option<String>,
    /// Who asks.
    pub relying_party: String,
    /// For which service.
    pub service: i32,
    /// Code of the function.
    pub function: i16,
    /// Code of the usage channel.
    pub channel: i16,
    /// Where it stands.
    pub state: String,
    /// Whose it is; none until somebody takes it up.
    pub account: Option<Vec<u8>>,
    /// What is asked for, JSON.
    pub wants: String,
    /// What the interface that asked keeps with it, JSON.
    pub terms: String,
    /// The claims that were released, JSON.
    pub granted: Option<String>,
    /// When it was asked.
    pub asked_at: i64,
    /// Its last moment.
    pub expires_at: i64,
    /// When the citizen decided.
    pub decided_at: Option<i64>,
    /// When it was over.
    pub ended_at: Option<i64>,
    /// When the client last asked how it stands.
    pub polled_at: Option<i64>,
    /// How long the client has to wait between two questions.
    pub poll_micros: i64,
    /// The sealed token by which the client knows who tells it of the decision (CIBA Core 1.0, section 7.1).
    pub notify: Option<Vec<u8>>,
}

impl CitizenRequestRow {
    /// Its id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<CitizenRequestId, StoreError> {
        CitizenRequestId::from_bytes(&self.id).map_err(|_| broken("id"))
    }

    /// As the rules know it.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn request(&self) -> Result<CitizenRequest, StoreError> {
        Ok(CitizenRequest {
            state: self.state.parse().map_err(|_| broken("state"))?,
            account: self.account.as_deref().map(Uuid::from_slice).transpose().map_err(|_| broken("account"))?,
            wants: serde_json::from_str::<Wants>(&self.wants).map_err(|_| broken("list of what is asked for"))?,
            granted: self.granted.as_deref().map(serde_json::from_str::<Vec<Claim>>).transpose().map_err(|_| broken("grant"))?,
            expires_at: Timestamp::from_micros(self.expires_at),
        })
    }
}

fn broken(what: &str) -> StoreError {
    StoreError::Broken(anyhow::anyhow!("the row of a citizen's request has a bad {what}"))
}

/// A request that has ended without being redeemed, as far as its use is recorded.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct EndedRequestRow {
    /// Id.
    pub id: Vec<u8>,
    /// Service.
    pub service: i32,
    /// Code of the function.
    pub function: i16,
    /// Code of the usage channel.
    pub channel: i16,
    /// Whose it was.
    pub account: Option<Vec<u8>>,
    /// When the citizen had decided.
    pub decided_at: Option<i64>,
}

impl EndedRequestRow {
    /// Its id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<CitizenRequestId, StoreError> {
        CitizenRequestId::from_bytes(&self.id).map_err(|_| broken("id"))
    }
}

/// By what somebody names a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown<'a> {
    /// By what the QR code or the app's link carries.
    Link(&'a [u8; 16]),
    /// By what is written beside it.
    Code(ComparisonCode),
    /// By its id.
    Id(CitizenRequestId),
}

macro_rules! columns {
    ($where:literal) => {
        concat!(
            "SELECT id, link, code, relying_party, service, function, channel, state, account, wants, terms, granted, asked_at,
               expires_at, decided_at, ended_at, polled_at, poll_micros, notify
             FROM citizen_request WHERE ",
            $where
        )
    };
}

impl Read {
    /// A request by its id.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn citizen_request(&mut self, id: CitizenRequestId) -> Result<Option<CitizenRequestRow>, StoreError> {
        let row = on!(self.conn, |c| sqlx::query_as(columns!("id = $1")).bind(&id.as_bytes()[..]).fetch_optional(c));
        row.map_err(|error| self.error(error))
    }

    /// The id of the request that a screen shows.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn citizen_request_shown(&mut self, shown: Shown<'_>) -> Result<Option<CitizenRequestId>, StoreError> {
        let id: Result<Option<Vec<u8>>, _> = match shown {
            Shown::Id(id) => return Ok(Some(id)),
            Shown::Link(link) => on!(self.conn, |c| sqlx::query_scalar("SELECT id FROM citizen_request WHERE link = $1")
                .bind(&link[..])
                .fetch_optional(c)),
            Shown::Code(code) => on!(self.conn, |c| sqlx::query_scalar("SELECT id FROM citizen_request WHERE code = $1")
                .bind(code.to_string())
                .fetch_optional(c)),
        };
        let id = id.map_err(|error| self.error(error))?;
        id.map(|id| CitizenRequestId::from_bytes(&id).map_err(|_| broken("id"))).transpose()
    }

    /// The requests of a citizen from a moment on, the newest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn citizen_requests_of(
        &mut self,
        account: Uuid,
        since: Timestamp,
        limit: i64,
    ) -> Result<Vec<CitizenRequestRow>, StoreError> {
        let rows = on!(self.conn, |c| sqlx::query_as(columns!(
            "account = $1 AND asked_at >= $2 ORDER BY asked_at DESC, id DESC LIMIT $3"
        ))
        .bind(&account.as_bytes()[..])
        .bind(since.micros())
        .bind(limit)
        .fetch_all(c));
        rows.map_err(|error| self.error(error))
    }

    /// How many requests of a party wait for a citizen, and how many of all parties were put to them since a moment: those that came
    /// to them the same way. What anybody's browser can ask for keeps no party from the citizen that proves who it is.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn citizen_requests_counted(
        &mut self,
        account: Uuid,
        rp: &str,
        channel: UsageChannel,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<(i64, i64), StoreError> {
        let counts = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT CAST(COALESCE(SUM(CASE WHEN state = 'waiting' AND expires_at > $3 AND relying_party = $2 THEN 1 ELSE 0 END), 0)
                      AS BIGINT),
                    CAST(COALESCE(SUM(CASE WHEN asked_at >= $4 THEN 1 ELSE 0 END), 0) AS BIGINT)
             FROM citizen_request WHERE account = $1 AND asked_at >= $5 AND channel = $6"
        )
        .bind(&account.as_bytes()[..])
        .bind(rp)
        .bind(now.micros())
        .bind(since.micros())
        // Whatever waits still was asked within the longest wait before now.
        .bind(since.min(now.minus(domain::citizen_request::WAITS_AT_MOST)).micros())
        .bind(channel.code())
        .fetch_one(c)
        });
        counts.map_err(|error| self.error(error))
    }

    /// Open requests that nobody has taken up, the newest first: what screens show at this moment.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn citizen_requests_untaken(&mut self, now: Timestamp, limit: i64) -> Result<Vec<CitizenRequestRow>, StoreError> {
        let rows = on!(self.conn, |c| sqlx::query_as(columns!(
            "state = 'waiting' AND expires_at > $1 AND account IS NULL ORDER BY asked_at DESC, id DESC LIMIT $2"
        ))
        .bind(now.micros())
        .bind(limit)
        .fetch_all(c));
        rows.map_err(|error| self.error(error))
    }
}

impl Write {
    /// A request, locked for the rest of the transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn citizen_request_locked(&mut self, id: CitizenRequestId) -> Result<Option<CitizenRequestRow>, StoreError> {
        let row = on_locked!(
            *self.conn(),
            "SELECT id, link, code, relying_party, service, function, channel, state, account, wants, terms, granted, asked_at,
               expires_at, decided_at, ended_at, polled_at, poll_micros, notify
             FROM citizen_request WHERE id = $1",
            |c, sql| sqlx::query_as(sql).bind(&id.as_bytes()[..]).fetch_optional(c)
        );
        row.map_err(|error| self.error(error))
    }

    /// Puts a request on record.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when an open one has its comparison code.
    pub async fn insert_citizen_request(&mut self, row: &CitizenRequestRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "INSERT INTO citizen_request (id, link, code, relying_party, service, function, channel, state, account, wants, terms,
               granted, asked_at, expires_at, decided_at, ended_at, polled_at, poll_micros, notify)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)"
        )
        .bind(&row.id)
        .bind(&row.link)
        .bind(&row.code)
        .bind(&row.relying_party)
        .bind(row.service)
        .bind(row.function)
        .bind(row.channel)
        .bind(&row.state)
        .bind(&row.account)
        .bind(&row.wants)
        .bind(&row.terms)
        .bind(&row.granted)
        .bind(row.asked_at)
        .bind(row.expires_at)
        .bind(row.decided_at)
        .bind(row.ended_at)
        .bind(row.polled_at)
        .bind(row.poll_micros)
        .bind(&row.notify)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }

    /// Stores what a rule has made of a request that is locked. What is over cannot be found by what a screen showed any more.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_citizen_request(
        &mut self,
        id: CitizenRequestId,
        changed: &CitizenRequest,
        decided_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let granted = changed.granted.as_ref().map(serde_json::to_string).transpose();
        let granted = granted.map_err(|error| StoreError::Broken(error.into()))?;
        let ended_at = (!changed.state.is_open()).then(|| now.micros());
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "UPDATE citizen_request SET state = $2, account = $3, granted = $4, expires_at = $5, decided_at = $6, ended_at = $7,
               link = CASE WHEN $2 = 'waiting' THEN link END, code = CASE WHEN $2 = 'waiting' THEN code END
             WHERE id = $1"
        )
        .bind(&id.as_bytes()[..])
        .bind(changed.state.as_str())
        .bind(changed.account.map(|account| account.as_bytes().to_vec()))
        .bind(granted)
        .bind(changed.expires_at.micros())
        .bind(decided_at.map(Timestamp::micros))
        .bind(ended_at)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }

    /// Redeems an approved request: once, in time, for the service that asked, and only while account, service and party are active
    /// at this very moment. None when one of these is not so.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn redeem_citizen_request(
        &mut self,
        id: CitizenRequestId,
        service: i32,
        judged: Timestamp,
        now: Timestamp,
    ) -> Result<Option<CitizenRequestRow>, StoreError> {
        let row = on!(*self.conn(), |c| sqlx::query_as(
            "UPDATE citizen_request SET state = 'redeemed', ended_at = $4, notify = NULL
             WHERE id = $1 AND service = $2 AND state = 'approved' AND expires_at > $3
               AND EXISTS (SELECT 1 FROM account a WHERE a.id = citizen_request.account AND a.state = 'active')
               AND EXISTS (SELECT 1 FROM service s JOIN relying_party p ON p.id = s.relying_party
                           WHERE s.code = citizen_request.service AND s.state = 'active' AND p.state = 'active')
             RETURNING id, link, code, relying_party, service, function, channel, state, account, wants, terms, granted, asked_at,
               expires_at, decided_at, ended_at, polled_at, poll_micros, notify"
        )
        .bind(&id.as_bytes()[..])
        .bind(service)
        .bind(judged.micros())
        .bind(now.micros())
        .fetch_optional(c));
        row.map_err(|error| self.error(error))
    }

    /// Notes that the client asks how a request stands; gives whether it asks too soon, which makes its wait five seconds longer
    /// (CIBA Core 1.0, section 11).
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn note_poll(&mut self, row: &CitizenRequestRow, longer: i64, now: Timestamp) -> Result<bool, StoreError> {
        let too_soon = row.polled_at.is_some_and(|polled| now.micros() - polled < row.poll_micros);
        let wait = if too_soon { row.poll_micros + longer } else { row.poll_micros };
        let done =
            on!(*self.conn(), |c| sqlx::query("UPDATE citizen_request SET polled_at = $2, poll_micros = $3 WHERE id = $1")
                .bind(&row.id)
                .bind(now.micros())
                .bind(wait)
                .execute(c)
                .map_ok(|_| ()));
        done.map_err(|error| self.error(error)).map(|()| too_soon)
    }

    /// Forgets requests of before a moment that are over, some of them.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep_requests(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "DELETE FROM citizen_request WHERE id IN (SELECT id FROM citizen_request WHERE id < $1 ORDER BY id LIMIT 1000)
               AND state NOT IN ('waiting', 'approved')"
        )
        .bind(&first_id_of(before)[..])
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }
}

impl Read {
    /// Whether a request waits whose time has passed.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn requests_overdue(&mut self, judged: Timestamp) -> Result<bool, StoreError> {
        let first: Result<Option<i64>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT expires_at FROM citizen_request WHERE state IN ('waiting', 'approved') ORDER BY expires_at LIMIT 1"
        )
        .fetch_optional(c));
        Ok(first.map_err(|error| self.error(error))?.is_some_and(|first| first <= judged.micros()))
    }
}
