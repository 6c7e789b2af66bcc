//! The one row that says which instance this is.

use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// The instance.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct InstanceRow {
    /// UUID, lower case.
    pub id: String,
    /// `sandbox` or `production`.
    pub environment: String,
    /// Base of the public interface and issuer of its tokens.
    pub public_url: String,
    /// Base under which certificates and revocation lists are published.
    pub pki_url: String,
    /// Id of the key-encryption key that wraps the others.
    pub kek_id: String,
    /// Where private keys are made: `files` or `pkcs11`.
    pub keys_provider: String,
    /// Whether severe operations need a second person.
    pub two_person: bool,
    /// When it was made.
    pub created_at: i64,
}

impl Read {
    /// Relying parties that are active.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn active_parties(&mut self) -> Result<i64, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT COUNT(*) FROM relying_party WHERE state = 'active'").fetch_one(c))
            .map_err(|error| self.error(error))
    }

    /// The instance; none before `iamd init` has finished.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn instance(&mut self) -> Result<Option<InstanceRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, environment, public_url, pki_url, kek_id, keys_provider, two_person, created_at FROM instance"
        )
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Records a new instance.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_instance(&mut self, row: &InstanceRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO instance (id, environment, public_url, pki_url, kek_id, keys_provider, two_person, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
        )
        .bind(&row.id)
        .bind(&row.environment)
        .bind(&row.public_url)
        .bind(&row.pki_url)
        .bind(&row.kek_id)
        .bind(&row.keys_provider)
        .bind(row.two_person)
        .bind(row.created_at)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
