//! Photos that were taken for a check: that they were, and that they are gone. The photos themselves are stored nowhere.

use domain::{RegistrationId, Timestamp};
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// What became of a photo.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PhotoRow {
    /// `card` or `selfie`.
    pub photo: String,
    /// Keyed digest.
    pub digest: Vec<u8>,
    /// When it came.
    pub taken_at: i64,
    /// When it was deleted.
    pub deleted_at: Option<i64>,
    /// Why: `checked`, `not-checked`, `interrupted`.
    pub why: Option<String>,
}

impl Read {
    /// The photos of a registration.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn photos_of(&mut self, registration: RegistrationId) -> Result<Vec<PhotoRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT photo, digest, taken_at, deleted_at, why FROM photo_deletion WHERE registration = $1 ORDER BY photo"
        )
        .bind(&registration.as_bytes()[..])
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Puts down that a photo is about to be looked at.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_photo(
        &mut self,
        registration: RegistrationId,
        photo: &str,
        digest: &[u8],
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO photo_deletion (registration, photo, digest, taken_at) VALUES ($1, $2, $3, $4)"
        )
        .bind(&registration.as_bytes()[..])
        .bind(photo)
        .bind(digest)
        .bind(at.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Puts down that the photos of a registration are gone, where that is not said yet; gives how many were.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn note_photos_deleted(
        &mut self,
        registration: RegistrationId,
        why: &str,
        at: Timestamp,
    ) -> Result<u64, StoreError> {
        on!(*self.conn(), |c| sqlx::query(
            "UPDATE photo_deletion SET deleted_at = $2, why = $3 WHERE registration = $1 AND deleted_at IS NULL"
        )
        .bind(&registration.as_bytes()[..])
        .bind(at.micros())
        .bind(why)
        .execute(c)
        .map_ok(|done| done.rows_affected()))
        .map_err(|error| self.error(error))
    }
}
