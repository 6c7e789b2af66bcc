//! Key generations. Private parts lie wrapped under the node's key-encryption key, or in a token.

use domain::{KeyGeneration, KeyPurpose, KeySlot, KeyState, Kid, Revocation, Timestamp};
use futures_util::TryFutureExt;

use super::conn::on;
use super::held::Register;
use super::{Read, StoreError, Write};

/// A generation as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyRow {
    /// Key id.
    pub kid: String,
    /// Purpose.
    pub purpose: String,
    /// Line of generations within the purpose.
    pub name: String,
    /// Algorithm.
    pub algorithm: String,
    /// State.
    pub state: String,
    /// Counts up with each change.
    pub version: i64,
    /// When it was made.
    pub created_at: i64,
    /// When it becomes, or became, active.
    pub activate_at: Option<i64>,
    /// When it leaves, or left, use.
    pub retire_at: Option<i64>,
    /// When it was revoked.
    pub revoked_at: Option<i64>,
    /// Why.
    pub revoked_reason: Option<String>,
    /// Public key, SPKI DER.
    pub public_key: Option<Vec<u8>>,
    /// Certificate, DER.
    pub certificate: Option<Vec<u8>>,
    /// Private key or secret, wrapped.
    pub private_sealed: Option<Vec<u8>>,
    /// The key-encryption key it is wrapped under.
    pub kek_id: Option<String>,
    /// The key pair in the token, where the private part lies there.
    pub token_object: Option<String>,
    /// The rotation that made it.
    pub plan: Option<String>,
    /// The rotation in which another took its place.
    pub drained_by: Option<String>,
}

impl KeyRow {
    /// The generation that rules work on.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn generation(&self) -> Result<KeyGeneration, StoreError> {
        let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("key {} has a bad {what}", self.kid));
        Ok(KeyGeneration {
            kid: self.kid.parse().map_err(|_| broken("kid"))?,
            purpose: self.purpose.parse().map_err(|_| broken("purpose"))?,
            name: self.name.clone(),
            algorithm: self.algorithm.parse().map_err(|_| broken("algorithm"))?,
            state: self.state.parse().map_err(|_| broken("state"))?,
            created_at: Timestamp::from_micros(self.created_at),
            activate_at: self.activate_at.map(Timestamp::from_micros),
            retire_at: self.retire_at.map(Timestamp::from_micros),
            revocation: match (self.revoked_at, &self.revoked_reason) {
                (Some(at), Some(reason)) => Some(Revocation {
                    at: Timestamp::from_micros(at),
                    reason: reason.parse().map_err(|_| broken("revocation reason"))?,
                }),
                _ => None,
            },
            plan: self.plan.as_deref().map(str::parse).transpose().map_err(|_| broken("plan"))?,
            drained_by: self.drained_by.as_deref().map(str::parse).transpose().map_err(|_| broken("plan"))?,
            version: self.version,
        })
    }

    /// The row with a generation's new state; keys and certificate stay.
    #[must_use]
    pub fn with(&self, generation: &KeyGeneration) -> Self {
        Self {
            state: generation.state.to_string(),
            activate_at: generation.activate_at.map(Timestamp::micros),
            retire_at: generation.retire_at.map(Timestamp::micros),
            revoked_at: generation.revocation.as_ref().map(|revocation| revocation.at.micros()),
            revoked_reason: generation.revocation.as_ref().map(|revocation| revocation.reason.to_string()),
            plan: generation.plan.map(|plan| plan.to_string()),
            drained_by: generation.drained_by.map(|plan| plan.to_string()),
            ..self.clone()
        }
    }
}

impl Read {
    /// One generation.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn key(&mut self, kid: &Kid) -> Result<Option<KeyRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kid, purpose, name, algorithm, state, version, created_at, activate_at, retire_at, revoked_at,
                    revoked_reason, public_key, certificate, private_sealed, kek_id, token_object, plan, drained_by
             FROM key_generation WHERE kid = $1"
        )
        .bind(kid.as_str())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Generations, line by line, each from its first on; a filter that is absent is NULL and lets everything pass.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn keys(&mut self, purpose: Option<KeyPurpose>, state: Option<KeyState>) -> Result<Vec<KeyRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kid, purpose, name, algorithm, state, version, created_at, activate_at, retire_at, revoked_at,
                    revoked_reason, public_key, certificate, private_sealed, kek_id, token_object, plan, drained_by
             FROM key_generation
             WHERE (CAST($1 AS TEXT) IS NULL OR purpose = $1) AND (CAST($2 AS TEXT) IS NULL OR state = $2)
             ORDER BY purpose, name, algorithm, created_at, kid"
        )
        .bind(purpose.map(|purpose| purpose.to_string()))
        .bind(state.map(|state| state.to_string()))
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Counts up with every change of a key row: by one for each that is added, and as each row's own version does.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn keys_version(&mut self) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT CAST(COALESCE(SUM(version + 1), 0) AS BIGINT) FROM key_generation")
            .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// Every generation that waits, signs or drains, line by line, each from its first on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn live_keys(&mut self) -> Result<Vec<KeyRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kid, purpose, name, algorithm, state, version, created_at, activate_at, retire_at, revoked_at,
                    revoked_reason, public_key, certificate, private_sealed, kek_id, token_object, plan, drained_by
             FROM key_generation WHERE state IN ('published', 'active', 'draining')
             ORDER BY purpose, name, algorithm, created_at, kid"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Every generation whose key pair lies in the token.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn keys_in_token(&mut self) -> Result<Vec<KeyRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kid, purpose, name, algorithm, state, version, created_at, activate_at, retire_at, revoked_at,
                    revoked_reason, public_key, certificate, private_sealed, kek_id, token_object, plan, drained_by
             FROM key_generation WHERE token_object IS NOT NULL
             ORDER BY purpose, name, algorithm, created_at, kid"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The active generation of a slot.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn signing_key(&mut self, slot: &KeySlot) -> Result<Option<KeyRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kid, purpose, name, algorithm, state, version, created_at, activate_at, retire_at, revoked_at,
                    revoked_reason, public_key, certificate, private_sealed, kek_id, token_object, plan, drained_by
             FROM key_generation WHERE purpose = $1 AND name = $2 AND algorithm = $3 AND state = 'active'"
        )
        .bind(slot.purpose.as_str())
        .bind(&slot.name)
        .bind(slot.algorithm.as_str())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// The active generation of a line.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn active_key(&mut self, purpose: KeyPurpose, name: &str) -> Result<Option<KeyRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kid, purpose, name, algorithm, state, version, created_at, activate_at, retire_at, revoked_at,
                    revoked_reason, public_key, certificate, private_sealed, kek_id, token_object, plan, drained_by
             FROM key_generation WHERE purpose = $1 AND name = $2 AND state = 'active' ORDER BY created_at DESC LIMIT 1"
        )
        .bind(purpose.to_string())
        .bind(name)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Keeps which generations sign as it is until this transaction ends: of two who replace the same one, the second sees what
    /// the first has done.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when another transaction holds it for too long.
    pub async fn hold_generations(&mut self) -> Result<(), StoreError> {
        self.conn().hold(Register::Generations).await
    }

    /// Adds a generation.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when its line has one in that state already.
    pub async fn insert_key(&mut self, row: &KeyRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO key_generation (kid, purpose, name, algorithm, state, version, created_at, activate_at, retire_at,
               revoked_at, revoked_reason, public_key, certificate, private_sealed, kek_id, token_object, plan, drained_by)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
        )
        .bind(&row.kid)
        .bind(&row.purpose)
        .bind(&row.name)
        .bind(&row.algorithm)
        .bind(&row.state)
        .bind(row.version)
        .bind(row.created_at)
        .bind(row.activate_at)
        .bind(row.retire_at)
        .bind(row.revoked_at)
        .bind(&row.revoked_reason)
        .bind(&row.public_key)
        .bind(&row.certificate)
        .bind(&row.private_sealed)
        .bind(&row.kek_id)
        .bind(&row.token_object)
        .bind(&row.plan)
        .bind(&row.drained_by)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Puts a generation's new state; the version in the row is the one that was read.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when somebody was faster.
    pub async fn put_key(&mut self, row: &KeyRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE key_generation SET state = $1, activate_at = $2, retire_at = $3, revoked_at = $4, revoked_reason = $5,
               plan = $6, drained_by = $7, version = version + 1
             WHERE kid = $8 AND version = $9"
        )
        .bind(&row.state)
        .bind(row.activate_at)
        .bind(row.retire_at)
        .bind(row.revoked_at)
        .bind(&row.revoked_reason)
        .bind(&row.plan)
        .bind(&row.drained_by)
        .bind(&row.kid)
        .bind(row.version)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }

    /// Destroys the private part of a generation.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn forget_private_part(&mut self, kid: &str) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE key_generation SET private_sealed = NULL, version = version + 1 WHERE kid = $1"
        )
        .bind(kid)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Takes note that the key pair of a generation is gone from the token; gives whether it was on record still.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn forget_pair(&mut self, kid: &str, object: &str) -> Result<bool, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE key_generation SET token_object = NULL, version = version + 1 WHERE kid = $1 AND token_object = $2"
        )
        .bind(kid)
        .bind(object)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        Ok(done.map_err(|error| self.error(error))? > 0)
    }

    /// Puts a new certificate over the same key.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when somebody was faster.
    pub async fn put_key_certificate(&mut self, row: &KeyRow, certificate: &[u8]) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE key_generation SET certificate = $1, version = version + 1 WHERE kid = $2 AND version = $3"
        )
        .bind(certificate)
        .bind(&row.kid)
        .bind(row.version)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }
}
