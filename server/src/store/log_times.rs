//! At which moments the audit log has entries, and for which gaps between them somebody has vouched.

use domain::Timestamp;
use serde_json::Value;

use super::audit::first_id_of;
use super::conn::on;
use super::{Read, StoreError};

/// An entry that vouches for a gap of the log.
pub struct VouchingRow {
    /// When it was made.
    pub at: Timestamp,
    /// Which gap, and on whose word.
    pub facts: Value,
}

impl Read {
    /// When the newest entry of before this moment was made, sealed or not.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn last_entry_before(&mut self, moment: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let at: Result<Option<i64>, _> =
            on!(self.conn, |c| sqlx::query_scalar("SELECT at FROM audit_entry WHERE id < $1 ORDER BY id DESC LIMIT 1")
                .bind(&first_id_of(moment)[..])
                .fetch_optional(c));
        Ok(at.map_err(|error| self.error(error))?.map(Timestamp::from_micros))
    }

    /// When the oldest entry from `from` on and before `to` was made, sealed or not.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn first_entry_between(&mut self, from: Timestamp, to: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let at: Result<Option<i64>, _> =
            on!(self.conn, |c| sqlx::query_scalar("SELECT at FROM audit_entry WHERE id >= $1 AND id < $2 ORDER BY id LIMIT 1")
                .bind(&first_id_of(from)[..])
                .bind(&first_id_of(to)[..])
                .fetch_optional(c));
        Ok(at.map_err(|error| self.error(error))?.map(Timestamp::from_micros))
    }

    /// What was vouched for by entries of this action from `since` on. Entries that were set aside are somebody's who has the
    /// database, and vouch for nothing.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn vouchings(&mut self, action: &str, since: Timestamp) -> Result<Vec<VouchingRow>, StoreError> {
        let rows: Result<Vec<(i64, Vec<u8>)>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT at, leaf FROM audit_entry
             WHERE action = $1 AND id >= $2 AND outcome = 'done' AND quarantined_at IS NULL ORDER BY id DESC LIMIT 100"
        )
        .bind(action)
        .bind(&first_id_of(since)[..])
        .fetch_all(c));
        let row = |(at, leaf): (i64, Vec<u8>)| {
            let mut leaf: Value = serde_json::from_slice(&leaf).ok()?;
            Some(VouchingRow { at: Timestamp::from_micros(at), facts: leaf.get_mut("facts")?.take() })
        };
        Ok(rows.map_err(|error| self.error(error))?.into_iter().filter_map(row).collect())
    }
}
