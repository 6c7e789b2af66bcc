//! Certificates that were issued, or were about to be.

mod row;

use domain::{CertificateStanding, CertificateState, HolderKind, RevocationReason, Serial, Timestamp};
use futures_util::TryFutureExt;

use super::conn::{on, on_locked};
use super::revocation::UntoldRow;
use super::{Read, StoreError, Write};

pub use row::CertificateRow;

/// What a revocation list says of a certificate.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RevokedRow {
    /// Lower-case hex.
    pub serial: String,
    /// Since when.
    pub revoked_at: i64,
    /// Why.
    pub revoked_reason: String,
}

/// Which certificates a list shows; what is absent lets everything pass.
#[derive(Debug, Clone, Default)]
pub struct CertificateFilter {
    /// Only holders of this kind.
    pub holder_kind: Option<HolderKind>,
    /// Only this holder.
    pub holder: Option<String>,
    /// Only this authority's.
    pub issuer: Option<String>,
    /// Only this profile.
    pub profile: Option<String>,
    /// Only this state, as it is at `now`.
    pub state: Option<CertificateState>,
    /// Only what ends before this moment.
    pub ends_before: Option<Timestamp>,
    /// Only what ends at this moment or later.
    pub ends_after: Option<Timestamp>,
}

impl Read {
    /// One certificate.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn certificate(&mut self, serial: &Serial) -> Result<Option<CertificateRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at, not_before, not_after,
               signed_digest, key_id, fingerprint, der, revoked_at, revoked_reason
             FROM certificate WHERE serial = $1"
        )
        .bind(serial.as_str())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// The certificate with this fingerprint.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn certificate_shown(&mut self, fingerprint: &[u8]) -> Result<Option<CertificateRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at, not_before, not_after,
               signed_digest, key_id, fingerprint, der, revoked_at, revoked_reason
             FROM certificate WHERE fingerprint = $1"
        )
        .bind(fingerprint)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// A holder's certificates, newest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn certificates_of(&mut self, kind: HolderKind, holder: &str) -> Result<Vec<CertificateRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at, not_before, not_after,
               signed_digest, key_id, fingerprint, der, revoked_at, revoked_reason
             FROM certificate WHERE holder_kind = $1 AND holder = $2 ORDER BY not_before DESC, serial"
        )
        .bind(kind.as_str())
        .bind(holder)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The certificates of a key, by its thumbprint.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn certificates_over(&mut self, key_id: &str) -> Result<Vec<CertificateRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at, not_before, not_after,
               signed_digest, key_id, fingerprint, der, revoked_at, revoked_reason
             FROM certificate WHERE key_id = $1 ORDER BY not_before DESC, serial"
        )
        .bind(key_id)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Certificates of which it is not on record what key they are over: those that operators had before keys were.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn certificates_without_key(&mut self) -> Result<Vec<CertificateRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at, not_before, not_after,
               signed_digest, key_id, fingerprint, der, revoked_at, revoked_reason
             FROM certificate WHERE key_id IS NULL AND der IS NOT NULL ORDER BY serial"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Certificates in the order in which they end, behind `after`; a filter that is absent is NULL and lets everything pass.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn certificates(
        &mut self,
        filter: &CertificateFilter,
        now: Timestamp,
        after: Option<&Serial>,
        limit: i64,
    ) -> Result<Vec<CertificateRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at, not_before, not_after,
               signed_digest, key_id, fingerprint, der, revoked_at, revoked_reason
             FROM certificate
             WHERE (CAST($1 AS TEXT) IS NULL OR holder_kind = $1) AND (CAST($2 AS TEXT) IS NULL OR holder = $2)
               AND (CAST($3 AS TEXT) IS NULL OR issuer = $3) AND (CAST($4 AS TEXT) IS NULL OR profile = $4)
               AND (CAST($5 AS TEXT) IS NULL AND state <> 'planned'
                 OR CASE WHEN state IN ('valid', 'on-hold') AND not_after < $6 THEN 'expired' ELSE state END = $5)
               AND (CAST($7 AS BIGINT) IS NULL OR not_after < $7)
               AND (CAST($8 AS TEXT) IS NULL
                 OR (not_after, serial) > (SELECT last.not_after, last.serial FROM certificate last WHERE last.serial = $8))
               AND (CAST($10 AS BIGINT) IS NULL OR not_after >= $10)
             ORDER BY not_after, serial LIMIT $9"
        )
        .bind(filter.holder_kind.map(HolderKind::as_str))
        .bind(&filter.holder)
        .bind(&filter.issuer)
        .bind(&filter.profile)
        .bind(filter.state.map(CertificateState::as_str))
        .bind(now.micros())
        .bind(filter.ends_before.map(Timestamp::micros))
        .bind(after.map(Serial::as_str))
        .bind(limit)
        .bind(filter.ends_after.map(Timestamp::micros))
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// What an authority has revoked or put on hold and has not expired at `now`, in order of serial number.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn revoked_by(&mut self, issuer: &str, now: Timestamp) -> Result<Vec<RevokedRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT serial, revoked_at, revoked_reason FROM certificate
             WHERE issuer = $1 AND not_after >= $2 AND revoked_at IS NOT NULL ORDER BY serial"
        )
        .bind(issuer)
        .bind(now.micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Records that wait for their certificate since before `planned_before`, and would not be over by `now`.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn certificates_planned(
        &mut self,
        planned_before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<CertificateRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at, not_before, not_after,
               signed_digest, key_id, fingerprint, der, revoked_at, revoked_reason
             FROM certificate WHERE state = 'planned' AND planned_at < $1 AND not_after >= $2 ORDER BY planned_at LIMIT 1000"
        )
        .bind(planned_before.micros())
        .bind(now.micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// One certificate, locked for the rest of the transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn certificate_locked(&mut self, serial: &Serial) -> Result<Option<CertificateRow>, StoreError> {
        on_locked!(
            *self.conn(),
            "SELECT serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at, not_before, not_after,
               signed_digest, key_id, fingerprint, der, revoked_at, revoked_reason
             FROM certificate WHERE serial = $1",
            |c, sql| sqlx::query_as(sql).bind(serial.as_str()).fetch_optional(c)
        )
        .map_err(|error| self.error(error))
    }

    /// Puts a certificate, or the record of one that is to be signed, into the inventory.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when the serial number is taken.
    pub async fn insert_certificate(&mut self, row: &CertificateRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO certificate (serial, issuer, profile, subject, holder_kind, holder, state, version, planned_at,
               not_before, not_after, signed_digest, key_id, fingerprint, der, revoked_at, revoked_reason)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"
        )
        .bind(&row.serial)
        .bind(&row.issuer)
        .bind(&row.profile)
        .bind(&row.subject)
        .bind(&row.holder_kind)
        .bind(&row.holder)
        .bind(&row.state)
        .bind(row.version)
        .bind(row.planned_at)
        .bind(row.not_before)
        .bind(row.not_after)
        .bind(&row.signed_digest)
        .bind(&row.key_id)
        .bind(&row.fingerprint)
        .bind(&row.der)
        .bind(row.revoked_at)
        .bind(&row.revoked_reason)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Stores the certificate that a record was waiting for.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when the record is no longer waiting: its serial number was revoked meanwhile.
    pub async fn confirm_certificate(&mut self, row: &CertificateRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE certificate SET state = 'valid', fingerprint = $1, der = $2, version = version + 1
             WHERE serial = $3 AND state = 'planned'"
        )
        .bind(&row.fingerprint)
        .bind(&row.der)
        .bind(&row.serial)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }

    /// Puts a certificate's new standing; the version in the row is the one that was read. What others were told of it is due
    /// to change.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when somebody was faster.
    pub async fn put_standing(&mut self, row: &CertificateRow, standing: CertificateStanding) -> Result<(), StoreError> {
        let revocation = standing.revocation();
        let state = match standing {
            CertificateStanding::Planned => CertificateState::Planned,
            CertificateStanding::Valid => CertificateState::Valid,
            CertificateStanding::OnHold { .. } => CertificateState::OnHold,
            CertificateStanding::Revoked(_) => CertificateState::Revoked,
        };
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE certificate SET state = $1, revoked_at = $2, revoked_reason = $3, version = version + 1
             WHERE serial = $4 AND version = $5"
        )
        .bind(state.as_str())
        .bind(revocation.map(|revocation| revocation.at.micros()))
        .bind(revocation.map(|revocation| revocation.reason.as_str()))
        .bind(&row.serial)
        .bind(row.version)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        if done.map_err(|error| self.error(error))? != 1 {
            return Err(StoreError::Contended);
        }
        let at = self.now().micros();
        let untold = UntoldRow { serial: row.serial.clone(), version: row.version + 1, issuer: row.issuer.clone(), at };
        self.insert_untold(&untold).await
    }

    /// Revokes every certificate of an authority that is not revoked and not over, recorded ones included; gives how many. No list of
    /// its own says so: the root's list says it of the authority.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn revoke_all_of(&mut self, issuer: &str, reason: RevocationReason, now: Timestamp) -> Result<u64, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE certificate SET state = 'revoked', revoked_at = $1, revoked_reason = $2, version = version + 1
             WHERE issuer = $3 AND state <> 'revoked' AND not_after >= $1"
        )
        .bind(now.micros())
        .bind(reason.as_str())
        .bind(issuer)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }

    /// Puts every valid certificate of a holder on hold, and revokes what was only planned; gives how many were good.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn hold_certificates(&mut self, kind: HolderKind, holder: &str, now: Timestamp) -> Result<u64, StoreError> {
        let mut held = 0;
        for row in self.certificates_of(kind, holder).await? {
            let standing = row.standing()?;
            let changed = standing.hold(now);
            if changed != standing {
                self.put_standing(&row, changed).await?;
                held += u64::from(standing == CertificateStanding::Valid && row.not_after() >= now);
            }
        }
        Ok(held)
    }

    /// Revokes every certificate of a holder but the one that takes their place; gives how many there were.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn supersede_certificates(
        &mut self,
        kind: HolderKind,
        holder: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut revoked = 0;
        for row in self.certificates_of(kind, holder).await? {
            if row.serial == by {
                continue;
            }
            // One that is revoked, or over, is left as it is.
            if let Ok(changed) = row.standing()?.revoke(RevocationReason::Superseded, row.not_after(), now) {
                self.put_standing(&row, changed).await?;
                revoked += u64::from(row.der.is_some());
            }
        }
        Ok(revoked)
    }
}
