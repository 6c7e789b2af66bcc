//! What ends: certificates and credentials in use, how many of citizens' end on which day, and the alarms that have sounded.

use domain::{CredentialId, Serial, Timestamp};
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A certificate in use, without the certificate.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HeldCertificateRow {
    /// Lower-case hex.
    pub serial: String,
    /// NAME of the authority.
    pub issuer: String,
    /// Name of the profile.
    pub profile: String,
    /// Kind of holder.
    pub holder_kind: String,
    /// The holder's id.
    pub holder: String,
    /// `valid` or `on-hold`.
    pub state: String,
    /// Counts up with each change.
    pub version: i64,
    /// When the record was made.
    pub planned_at: i64,
    /// First moment.
    pub not_before: i64,
    /// Last moment.
    pub not_after: i64,
    /// Whether a valid one that ends later was issued in its place.
    pub followed: bool,
}

/// A credential in use that a party has brought, with what is wrong at its address.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct HeldCredentialRow {
    /// The number that its id stands for.
    pub id: i64,
    /// Whose.
    pub relying_party: String,
    /// `jwks`, `jwks-url` or `certificate`.
    pub kind: String,
    /// What it is called among people.
    pub label: Option<String>,
    /// First moment.
    pub not_before: Option<i64>,
    /// Last moment.
    pub not_after: Option<i64>,
    /// When it came.
    pub created_at: i64,
    /// When it was last used, to a few minutes.
    pub last_used_at: Option<i64>,
    /// When its address is read again.
    pub next_at: Option<i64>,
    /// What is wrong with the newest copy from its address.
    pub fault: Option<String>,
}

impl HeldCredentialRow {
    /// Its id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<CredentialId, StoreError> {
        let number = u64::try_from(self.id).ok().and_then(CredentialId::from_number);
        number.ok_or_else(|| StoreError::Broken(anyhow::anyhow!("a credential of {} has a bad id", self.relying_party)))
    }
}

/// Certificates that end on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct EndingDayRow {
    /// The day in Hong Kong, by number.
    pub day: i64,
    /// How many.
    pub count: i64,
}

/// Citizens' certificates that end within so many days, each count holding the smaller ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct EndingSoonRow {
    /// Sixty days.
    pub within_60: i64,
    /// Thirty.
    pub within_30: i64,
    /// Fourteen.
    pub within_14: i64,
    /// Seven.
    pub within_7: i64,
    /// One.
    pub within_1: i64,
}

/// An alarm that has sounded.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct AlarmRow {
    /// Kind of thing.
    pub kind: String,
    /// The thing.
    pub subject: String,
    /// When it ends.
    pub ends_at: i64,
    /// So many days before.
    pub days: i16,
}

impl Read {
    /// Certificates in use that have not ended before `since`, but citizens'.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn certificates_held(&mut self, since: Timestamp) -> Result<Vec<HeldCertificateRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT c.serial, c.issuer, c.profile, c.holder_kind, c.holder, c.state, c.version, c.planned_at, c.not_before,
               c.not_after,
               EXISTS (SELECT 1 FROM certificate_renewal r JOIN certificate n ON n.serial = r.serial
                       WHERE r.follows = c.serial AND n.state = 'valid' AND n.not_after > c.not_after) AS followed
             FROM certificate c
             WHERE c.holder_kind IN ('key', 'operator', 'relying-party', 'station') AND c.state IN ('valid', 'on-hold') AND c.not_after >= $1
             ORDER BY c.not_after, c.serial"
        )
        .bind(since.micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Active credentials that parties have brought, of parties that are not retired. What this platform has issued to them
    /// stands among the certificates.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn credentials_held(&mut self) -> Result<Vec<HeldCredentialRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT c.id, c.relying_party, c.kind, c.label, c.not_before, c.not_after, c.created_at, c.last_used_at, a.next_at, a.fault
             FROM credential c JOIN relying_party p ON p.id = c.relying_party LEFT JOIN key_set_address a ON a.credential = c.id
             WHERE c.state = 'active' AND c.serial IS NULL AND p.state <> 'retired'
             ORDER BY c.relying_party, c.created_at, c.id"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// How many certificates of citizens that are in use end from `from` on and before `to`, by the day in Hong Kong.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn citizens_ending(&mut self, from: Timestamp, to: Timestamp) -> Result<Vec<EndingDayRow>, StoreError> {
        // Eight hours ahead of UTC, in microseconds, and a day of them.
        on!(self.conn, |c| sqlx::query_as(
            "SELECT (not_after + 28800000000) / 86400000000 AS day, COUNT(*) AS count FROM certificate
             WHERE holder_kind = 'account' AND state IN ('valid', 'on-hold') AND not_after >= $1 AND not_after < $2
             GROUP BY (not_after + 28800000000) / 86400000000 ORDER BY 1"
        )
        .bind(from.micros())
        .bind(to.micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// How many certificates of citizens end soon after `now`; each of `within` is a moment, the furthest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn citizens_ending_soon(&mut self, now: Timestamp, within: [Timestamp; 5]) -> Result<EndingSoonRow, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT COUNT(*) AS within_60,
                    CAST(COALESCE(SUM(CASE WHEN not_after <= $3 THEN 1 ELSE 0 END), 0) AS BIGINT) AS within_30,
                    CAST(COALESCE(SUM(CASE WHEN not_after <= $4 THEN 1 ELSE 0 END), 0) AS BIGINT) AS within_14,
                    CAST(COALESCE(SUM(CASE WHEN not_after <= $5 THEN 1 ELSE 0 END), 0) AS BIGINT) AS within_7,
                    CAST(COALESCE(SUM(CASE WHEN not_after <= $6 THEN 1 ELSE 0 END), 0) AS BIGINT) AS within_1
             FROM certificate
             WHERE holder_kind = 'account' AND state IN ('valid', 'on-hold') AND not_after >= $1 AND not_after <= $2"
        )
        .bind(now.micros())
        .bind(within[0].micros())
        .bind(within[1].micros())
        .bind(within[2].micros())
        .bind(within[3].micros())
        .bind(within[4].micros())
        .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// Alarms that have sounded for what has not ended before `since`.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn alarms_sounded(&mut self, since: Timestamp) -> Result<Vec<AlarmRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT kind, subject, ends_at, days FROM expiry_alarm WHERE ends_at >= $1 ORDER BY kind, subject, ends_at, days"
        )
        .bind(since.micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Notes that an alarm sounds.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when it has sounded already.
    pub async fn insert_alarm(&mut self, alarm: &AlarmRow, at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO expiry_alarm (kind, subject, ends_at, days, at) VALUES ($1, $2, $3, $4, $5)"
        )
        .bind(&alarm.kind)
        .bind(&alarm.subject)
        .bind(alarm.ends_at)
        .bind(alarm.days)
        .bind(at.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Notes that a certificate was issued in the place of another one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_renewal(&mut self, serial: &Serial, follows: &Serial) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query("INSERT INTO certificate_renewal (serial, follows) VALUES ($1, $2)")
            .bind(serial.as_str())
            .bind(follows.as_str())
            .execute(c)
            .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
