//! Logins and their tokens.

use domain::{CitizenRequestId, Claim, RelyingPartyId, Tier, Timestamp};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::conn::{on, on_locked};
use super::{Read, StoreError, Write};

/// A login as stored.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct LoginRow {
    /// The request's id.
    pub id: Vec<u8>,
    /// Whose.
    pub account: Vec<u8>,
    /// At which party.
    pub relying_party: String,
    /// At which service.
    pub service: i32,
    /// The tier the account had.
    pub tier: String,
    /// What the interface that asked was granted, JSON: scopes, released claims.
    pub granted: String,
    /// The key or certificate that its tokens are bound to: `jkt:…` (RFC 9449) or `x5t:…` (RFC 8705).
    pub bound_to: Option<String>,
    /// When the citizen approved.
    pub authenticated_at: i64,
    /// When its last token ends.
    pub expires_at: i64,
    /// When it was ended before that.
    pub ended_at: Option<i64>,
    /// Why.
    pub end_reason: Option<String>,
}

/// What a login was granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Grant {
    /// Scopes, as they stand in tokens.
    pub scopes: Vec<String>,
    /// Claims that the citizen released.
    pub claims: Vec<Claim>,
}

impl LoginRow {
    /// Its id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<CitizenRequestId, StoreError> {
        CitizenRequestId::from_bytes(&self.id).map_err(|_| broken("id"))
    }

    /// Whose.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn account(&self) -> Result<Uuid, StoreError> {
        Uuid::from_slice(&self.account).map_err(|_| broken("account"))
    }

    /// The tier the account had.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn tier(&self) -> Result<Tier, StoreError> {
        self.tier.parse().map_err(|_| broken("tier"))
    }

    /// What was granted.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn granted(&self) -> Result<Grant, StoreError> {
        serde_json::from_str(&self.granted).map_err(|_| broken("grant"))
    }
}

fn broken(what: &str) -> StoreError {
    StoreError::Broken(anyhow::anyhow!("the row of a login has a bad {what}"))
}

/// What kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Shown to resources; its id is the `jti`.
    Access,
    /// Exchanged for others; its id is its SHA-256.
    Refresh,
}

impl TokenKind {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Access => "access",
            Self::Refresh => "refresh",
        }
    }
}

/// A token that is issued.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// Its id.
    pub id: Vec<u8>,
    /// What it is.
    pub kind: TokenKind,
    /// Its last moment.
    pub expires_at: Timestamp,
}

/// A token with its login, and how account, service and party stand at this moment.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct TokenRow {
    /// The login.
    #[sqlx(flatten)]
    pub login: LoginRow,
    /// `access` or `refresh`.
    pub token_kind: String,
    /// When it was issued.
    pub token_issued_at: i64,
    /// Its last moment.
    pub token_expires_at: i64,
    /// When it was used up or revoked.
    pub token_ended_at: Option<i64>,
    /// The account's state.
    pub account_state: String,
    /// The service's own state.
    pub service_state: String,
    /// The party's.
    pub party_state: String,
}

impl TokenRow {
    /// Whether it can still be used at this moment.
    #[must_use]
    pub fn is_alive(&self, judged: Timestamp) -> bool {
        self.token_ended_at.is_none()
            && self.login.ended_at.is_none()
            && judged.micros() < self.token_expires_at
            && [&self.account_state, &self.service_state, &self.party_state].iter().all(|state| *state == "active")
    }
}

macro_rules! with_login {
    ($where:literal) => {
        concat!(
            "SELECT l.id, l.account, l.relying_party, l.service, l.tier, l.granted, l.bound_to, l.authenticated_at, l.expires_at,
               l.ended_at, l.end_reason, t.kind AS token_kind, t.issued_at AS token_issued_at, t.expires_at AS token_expires_at,
               t.ended_at AS token_ended_at, a.state AS account_state, s.state AS service_state, p.state AS party_state
             FROM token t JOIN login l ON l.id = t.login JOIN account a ON a.id = l.account JOIN service s ON s.code = l.service
               JOIN relying_party p ON p.id = l.relying_party
             WHERE ",
            $where
        )
    };
}

impl Read {
    /// A token of a login, with everything that decides whether it is good.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn token(&mut self, id: &[u8]) -> Result<Option<TokenRow>, StoreError> {
        let row = on!(self.conn, |c| sqlx::query_as(with_login!("t.id = $1")).bind(id).fetch_optional(c));
        row.map_err(|error| self.error(error))
    }

    /// Whether a token that belongs to no login was revoked.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn token_revoked(&mut self, id: &[u8]) -> Result<bool, StoreError> {
        let found: Result<Option<i64>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT ended_at FROM token WHERE id = $1 AND login IS NULL AND ended_at IS NOT NULL"
        )
        .bind(id)
        .fetch_optional(c));
        Ok(found.map_err(|error| self.error(error))?.is_some())
    }

    /// Whether a token that a service has for itself was revoked, or its party was suspended since it was issued.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn own_token_ended(&mut self, id: &[u8], rp: &RelyingPartyId, issued: Timestamp) -> Result<bool, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM token WHERE id = $1 AND login IS NULL AND ended_at IS NOT NULL)
                 OR EXISTS (SELECT 1 FROM relying_party_version
                            WHERE relying_party = $2 AND state = 'suspended' AND (valid_to IS NULL OR valid_to > $3))"
        )
        .bind(id)
        .bind(rp.as_str())
        .bind(issued.micros())
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// A login.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn login(&mut self, id: CitizenRequestId) -> Result<Option<LoginRow>, StoreError> {
        let row = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT id, account, relying_party, service, tier, granted, bound_to, authenticated_at, expires_at, ended_at, end_reason
             FROM login WHERE id = $1"
        )
        .bind(&id.as_bytes()[..])
        .fetch_optional(c)
        });
        row.map_err(|error| self.error(error))
    }
}

impl Write {
    /// Puts a login on record.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_login(&mut self, row: &LoginRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO login (id, account, relying_party, service, tier, granted, bound_to, authenticated_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        )
        .bind(&row.id)
        .bind(&row.account)
        .bind(&row.relying_party)
        .bind(row.service)
        .bind(&row.tier)
        .bind(&row.granted)
        .bind(&row.bound_to)
        .bind(row.authenticated_at)
        .bind(row.expires_at)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Puts a token of a login on record.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_token(&mut self, login: CitizenRequestId, token: &NewToken, now: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO token (id, login, kind, issued_at, expires_at) VALUES ($1, $2, $3, $4, $5)"
        )
        .bind(&token.id)
        .bind(&login.as_bytes()[..])
        .bind(token.kind.as_str())
        .bind(now.micros())
        .bind(token.expires_at.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// The login of a refresh token, locked for the rest of the transaction: of two who exchange it, one comes second.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn login_locked(&mut self, id: CitizenRequestId) -> Result<Option<LoginRow>, StoreError> {
        let row = on_locked!(
            *self.conn(),
            "SELECT id, account, relying_party, service, tier, granted, bound_to, authenticated_at, expires_at, ended_at, end_reason
             FROM login WHERE id = $1",
            |c, sql| sqlx::query_as(sql).bind(&id.as_bytes()[..]).fetch_optional(c)
        );
        row.map_err(|error| self.error(error))
    }

    /// Uses a refresh token up: once, in time, and only while its login, the account, the service and the party are alive at this
    /// very moment. False when one of these is not so.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn use_refresh_token(&mut self, id: &[u8], judged: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE token SET ended_at = $3
             WHERE id = $1 AND kind = 'refresh' AND ended_at IS NULL AND expires_at > $2
               AND EXISTS (SELECT 1 FROM login l JOIN account a ON a.id = l.account JOIN service s ON s.code = l.service
                             JOIN relying_party p ON p.id = l.relying_party
                           WHERE l.id = token.login AND l.ended_at IS NULL AND a.state = 'active' AND s.state = 'active'
                             AND p.state = 'active')"
        )
        .bind(id)
        .bind(judged.micros())
        .bind(now.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error)).map(|count| count == 1)
    }

    /// A login lives as long as its last token.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn extend_login(&mut self, id: CitizenRequestId, expires_at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("UPDATE login SET expires_at = $2 WHERE id = $1 AND expires_at < $2")
            .bind(&id.as_bytes()[..])
            .bind(expires_at.micros())
            .execute(c)
            .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Revokes one access token: it leaves its login alive. One that belongs to no login gets a row of its own.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn revoke_token(&mut self, id: &[u8], expires_at: Timestamp, now: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO token (id, login, kind, issued_at, expires_at, ended_at) VALUES ($1, NULL, 'access', $3, $2, $3)
             ON CONFLICT (id) DO UPDATE SET ended_at = COALESCE(token.ended_at, excluded.ended_at)"
        )
        .bind(id)
        .bind(expires_at.micros())
        .bind(now.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Forgets logins whose last token ended before a moment, and their tokens; some of them at a time. One whose end is still to
    /// be told stays: the notice says whose it was.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep_logins(&mut self, before: Timestamp) -> Result<u64, StoreError> {
        let tokens = on!(*self.conn(), |c| sqlx::query(
            "DELETE FROM token WHERE id IN (SELECT id FROM token WHERE expires_at < $1 ORDER BY expires_at LIMIT 5000)
               AND (login IS NULL OR login IN (SELECT id FROM login WHERE expires_at < $1))"
        )
        .bind(before.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        let tokens = tokens.map_err(|error| self.error(error))?;
        let logins = on!(*self.conn(), |c| {
            sqlx::query(
            "DELETE FROM login WHERE id IN (SELECT l.id FROM login l WHERE l.expires_at < $1
               AND NOT EXISTS (SELECT 1 FROM token t WHERE t.login = l.id)
               AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = l.id AND o.state = 'pending') ORDER BY l.expires_at LIMIT 5000)"
        )
        .bind(before.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected())
        });
        Ok(tokens + logins.map_err(|error| self.error(error))?)
    }
}
