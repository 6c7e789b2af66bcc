//! Credentials of relying parties.

use domain::{
    CredentialId, CredentialLife, CredentialSource, CredentialState, CredentialType, RelyingPartyId, RevocationReason,
    ServiceSlug, Timestamp,
};
use futures_util::TryFutureExt;
use std::time::Duration;

use super::conn::on;
use super::{Read, StoreError, Write};

/// How often the last use of a credential is written down at most: a busy party's uses do not wait on one row.
const SEEN_AGAIN: Duration = Duration::from_mins(5);

/// A credential as stored.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct CredentialRow {
    /// The number that its id stands for.
    pub id: i64,
    /// Whose.
    pub relying_party: String,
    /// `jwks`, `jwks-url`, `certificate` or `client-secret`.
    pub kind: String,
    /// Who names it: `manifest`, `added`, `url` or `issued`.
    pub source: String,
    /// The credential under whose address it was found.
    pub address: Option<i64>,
    /// What it is called among people.
    pub label: Option<String>,
    /// `active`, `superseded` or `revoked`; that it has expired is never stored.
    pub state: String,
    /// RFC 7638 thumbprint of its key; an address has none.
    pub thumbprint: Option<String>,
    /// A JWK with the `kid` that the party gave it; a certificate in PEM; an address; the SHA-256 of a secret, lower-case hex.
    pub content: String,
    /// Serial of a certificate that this platform issued, lower-case hex.
    pub serial: Option<String>,
    /// First moment.
    pub not_before: Option<i64>,
    /// Last moment.
    pub not_after: Option<i64>,
    /// When it came.
    pub created_at: i64,
    /// When it was superseded or revoked.
    pub ended_at: Option<i64>,
    /// Why it was revoked.
    pub reason: Option<String>,
    /// When it was last used, to a few minutes.
    pub last_used_at: Option<i64>,
    /// The service whose shared secret it is.
    pub service: Option<String>,
}

impl CredentialRow {
    /// A credential that begins now: active, named by `source`.
    #[must_use]
    pub fn new(
        id: CredentialId,
        rp: &str,
        kind: CredentialType,
        source: CredentialSource,
        content: String,
        now: Timestamp,
    ) -> Self {
        Self {
            id: number(id),
            relying_party: rp.to_owned(),
            kind: kind.to_string(),
            source: source.to_string(),
            address: None,
            label: None,
            state: CredentialState::Active.to_string(),
            thumbprint: None,
            content,
            serial: None,
            not_before: None,
            not_after: None,
            created_at: now.micros(),
            ended_at: None,
            reason: None,
            last_used_at: None,
            service: None,
        }
    }

    /// Its id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<CredentialId, StoreError> {
        u64::try_from(self.id).ok().and_then(CredentialId::from_number).ok_or_else(|| self.broken("id"))
    }

    /// Whose.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn rp(&self) -> Result<RelyingPartyId, StoreError> {
        self.relying_party.parse().map_err(|_| self.broken("relying party"))
    }

    /// What it is.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn kind(&self) -> Result<CredentialType, StoreError> {
        self.kind.parse().map_err(|_| self.broken("kind"))
    }

    /// Who names it.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn source(&self) -> Result<CredentialSource, StoreError> {
        self.source.parse().map_err(|_| self.broken("source"))
    }

    /// The credential under whose address it was found.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn under(&self) -> Result<Option<CredentialId>, StoreError> {
        let Some(address) = self.address else { return Ok(None) };
        let under = u64::try_from(address).ok().and_then(CredentialId::from_number);
        under.map(Some).ok_or_else(|| self.broken("address"))
    }

    /// The service whose shared secret it is.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn service(&self) -> Result<Option<ServiceSlug>, StoreError> {
        self.service.as_deref().map(str::parse).transpose().map_err(|_| self.broken("service"))
    }

    /// What became of it.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn life(&self) -> Result<CredentialLife, StoreError> {
        let ended_at = || self.ended_at.map(Timestamp::from_micros).ok_or_else(|| self.broken("end"));
        match self.state.as_str() {
            "active" => Ok(CredentialLife::Active),
            "superseded" => Ok(CredentialLife::Superseded { since: ended_at()? }),
            "revoked" => {
                let reason = self.reason.as_deref().and_then(|reason| reason.parse::<RevocationReason>().ok());
                Ok(CredentialLife::Revoked { at: ended_at()?, reason: reason.ok_or_else(|| self.broken("reason"))? })
            }
            _ => Err(self.broken("state")),
        }
    }

    /// The same with what became of it.
    #[must_use]
    pub fn with(&self, life: CredentialLife) -> Self {
        let (state, ended_at, reason) = match life {
            CredentialLife::Active => (CredentialState::Active, None, None),
            CredentialLife::Superseded { since } => (CredentialState::Superseded, Some(since), None),
            CredentialLife::Revoked { at, reason } => (CredentialState::Revoked, Some(at), Some(reason)),
        };
        Self {
            state: state.to_string(),
            ended_at: ended_at.map(Timestamp::micros),
            reason: reason.map(|reason| reason.to_string()),
            ..self.clone()
        }
    }

    /// What it is at a moment.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn state(&self, now: Timestamp) -> Result<CredentialState, StoreError> {
        Ok(self.life()?.state(self.not_after.map(Timestamp::from_micros), now))
    }

    /// Whether somebody logs in with it at that moment: an address is asked for keys, and no credential by itself.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn is_usable(&self, now: Timestamp) -> Result<bool, StoreError> {
        Ok(self.state(now)? == CredentialState::Active && self.kind()? != CredentialType::JwksUrl)
    }

    fn broken(&self, what: &str) -> StoreError {
        StoreError::Broken(anyhow::anyhow!("credential {} of relying party {} has a bad {what}", self.id, self.relying_party))
    }
}

fn number(id: CredentialId) -> i64 {
    // 45 bits.
    i64::try_from(id.number()).unwrap_or(i64::MAX)
}

impl Read {
    /// One credential.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn credential(&mut self, id: CredentialId) -> Result<Option<CredentialRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, relying_party, kind, source, address, label, state, thumbprint, content, serial, not_before, not_after,
                    created_at, ended_at, reason, last_used_at, service
             FROM credential WHERE id = $1"
        )
        .bind(number(id))
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// The same by the number that its id stands for.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn credential_of_number(&mut self, number: i64) -> Result<Option<CredentialRow>, StoreError> {
        match u64::try_from(number).ok().and_then(CredentialId::from_number) {
            Some(id) => self.credential(id).await,
            None => Ok(None),
        }
    }

    /// A party's credentials, whatever became of them, oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn party_credentials(&mut self, rp: &str) -> Result<Vec<CredentialRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, relying_party, kind, source, address, label, state, thumbprint, content, serial, not_before, not_after,
                    created_at, ended_at, reason, last_used_at, service
             FROM credential WHERE relying_party = $1 ORDER BY created_at, id"
        )
        .bind(rp)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The credentials by which a party's systems can say at that moment who they are, oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn usable_credentials(&mut self, rp: &str, now: Timestamp) -> Result<Vec<CredentialRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, relying_party, kind, source, address, label, state, thumbprint, content, serial, not_before, not_after,
                    created_at, ended_at, reason, last_used_at, service
             FROM credential
             WHERE relying_party = $1 AND state = 'active' AND kind <> 'jwks-url' AND COALESCE(not_before, $2) <= $2
               AND COALESCE(not_after, $2) >= $2
             ORDER BY created_at, id"
        )
        .bind(rp)
        .bind(now.micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Every credential over a key, whatever became of it: one, or the certificates that followed each other.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn credentials_of_key(&mut self, thumbprint: &str) -> Result<Vec<CredentialRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, relying_party, kind, source, address, label, state, thumbprint, content, serial, not_before, not_after,
                    created_at, ended_at, reason, last_used_at, service
             FROM credential WHERE thumbprint = $1 ORDER BY created_at, id"
        )
        .bind(thumbprint)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The credential of a certificate that this platform issued.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn credential_of_serial(&mut self, serial: &str) -> Result<Option<CredentialRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, relying_party, kind, source, address, label, state, thumbprint, content, serial, not_before, not_after,
                    created_at, ended_at, reason, last_used_at, service
             FROM credential WHERE serial = $1"
        )
        .bind(serial)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// The party whose key it is, or was.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn key_holder(&mut self, thumbprint: &str) -> Result<Option<String>, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT relying_party FROM credential WHERE thumbprint = $1 LIMIT 1")
            .bind(thumbprint)
            .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Credentials by party and age, from behind `after` on; an absent filter lets everything pass. `now` decides what has
    /// expired.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn credentials(
        &mut self,
        rp: Option<&RelyingPartyId>,
        state: Option<CredentialState>,
        now: Timestamp,
        after: Option<CredentialId>,
        limit: i64,
    ) -> Result<Vec<CredentialRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, relying_party, kind, source, address, label, state, thumbprint, content, serial, not_before, not_after,
                    created_at, ended_at, reason, last_used_at, service
             FROM credential
             WHERE (CAST($1 AS TEXT) IS NULL OR relying_party = $1)
               AND (CAST($2 AS TEXT) IS NULL
                    OR CASE WHEN state = 'active' AND not_after < $3 THEN 'expired' ELSE state END = $2)
               AND (CAST($4 AS BIGINT) IS NULL
                    OR (relying_party, created_at, id) > (SELECT a.relying_party, a.created_at, a.id FROM credential a WHERE a.id = $4))
             ORDER BY relying_party, created_at, id LIMIT $5"
        )
        .bind(rp.map(RelyingPartyId::as_str))
        .bind(state.map(CredentialState::as_str))
        .bind(now.micros())
        .bind(after.map(number))
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Adds a credential. Whoever adds holds the register of relying parties.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when its key is, or ever was, another party's, or stands there already.
    pub async fn insert_credential(&mut self, row: &CredentialRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO credential (id, relying_party, kind, source, address, label, state, thumbprint, content, serial,
               not_before, not_after, created_at, ended_at, reason, last_used_at, service)
             SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17
             WHERE NOT EXISTS (SELECT 1 FROM credential WHERE thumbprint = $8 AND relying_party <> $2)"
        )
        .bind(row.id)
        .bind(&row.relying_party)
        .bind(&row.kind)
        .bind(&row.source)
        .bind(row.address)
        .bind(&row.label)
        .bind(&row.state)
        .bind(&row.thumbprint)
        .bind(&row.content)
        .bind(&row.serial)
        .bind(row.not_before)
        .bind(row.not_after)
        .bind(row.created_at)
        .bind(row.ended_at)
        .bind(&row.reason)
        .bind(row.last_used_at)
        .bind(&row.service)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Unique),
        }
    }

    /// Puts what is new about a credential: who names it and how, its content, and what became of it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_credential(&mut self, row: &CredentialRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "UPDATE credential SET source = $1, address = $2, label = $3, state = $4, content = $5, not_before = $6, not_after = $7,
               ended_at = $8, reason = $9
             WHERE id = $10"
        )
        .bind(&row.source)
        .bind(row.address)
        .bind(&row.label)
        .bind(&row.state)
        .bind(&row.content)
        .bind(row.not_before)
        .bind(row.not_after)
        .bind(row.ended_at)
        .bind(&row.reason)
        .bind(row.id)
        .execute(c)
        .map_ok(|done| done.rows_affected())
        });
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }

    /// Writes down that a credential was used, unless that was written a moment before: called in the transaction of the use,
    /// it costs a row once in five minutes. Gives whether it was written.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn credential_seen(&mut self, id: CredentialId, at: Timestamp) -> Result<bool, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE credential SET last_used_at = $1 WHERE id = $2 AND (last_used_at IS NULL OR last_used_at <= $3)"
        )
        .bind(at.micros())
        .bind(number(id))
        .bind(at.minus(SEEN_AGAIN).micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        Ok(done.map_err(|error| self.error(error))? == 1)
    }
}
