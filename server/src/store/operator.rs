//! Operators and their certificates.

use api::Role;
use api::operator::{OperatorCertificate, OperatorState, OperatorView};
use domain::{OperatorId, Timestamp};
use futures_util::TryFutureExt;

use super::certificate::CertificateRow;
use super::conn::{on, on_locked};
use super::held::Register;
use super::{Read, StoreError, Write};

/// An operator as stored; roles are words parted by spaces.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct OperatorRow {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Roles.
    pub roles: String,
    /// `invited`, `active` or `disabled`.
    pub state: String,
    /// Counts up with each change.
    pub version: i64,
    /// When they were put on record.
    pub created_at: i64,
    /// Keyed digest of the enrolment code that is out.
    pub enrolment_mac: Option<Vec<u8>>,
    /// The code's last moment.
    pub enrolment_expires_at: Option<i64>,
}

impl OperatorRow {
    /// The id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<OperatorId, StoreError> {
        self.id.parse().map_err(|_| StoreError::Broken(anyhow::anyhow!("an operator row has a bad id")))
    }

    /// The roles.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn roles(&self) -> Result<Vec<Role>, StoreError> {
        self.roles
            .split_whitespace()
            .map(|role| role.parse().map_err(|_| StoreError::Broken(anyhow::anyhow!("operator {} has a bad role", self.id))))
            .collect()
    }

    /// The state.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn state(&self) -> Result<OperatorState, StoreError> {
        match self.state.as_str() {
            "invited" => Ok(OperatorState::Invited),
            "active" => Ok(OperatorState::Active),
            "disabled" => Ok(OperatorState::Disabled),
            _ => Err(StoreError::Broken(anyhow::anyhow!("operator {} has a bad state", self.id))),
        }
    }

    /// What the office sees of it.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn view(&self, certificates: &[CertificateRow]) -> Result<OperatorView, StoreError> {
        Ok(OperatorView {
            operator: self.id()?,
            name: self.name.clone(),
            roles: self.roles()?,
            state: self.state()?,
            created_at: Timestamp::from_micros(self.created_at),
            certificates: certificates
                .iter()
                .filter(|certificate| certificate.der.is_some())
                .map(|certificate| OperatorCertificate {
                    serial: certificate.serial.clone(),
                    not_before: Timestamp::from_micros(certificate.not_before),
                    not_after: Timestamp::from_micros(certificate.not_after),
                    revoked_at: certificate.revoked_at.map(Timestamp::from_micros),
                })
                .collect(),
        })
    }
}

/// Roles as one stored text.
#[must_use]
pub fn roles_text(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(" ")
}

impl Read {
    /// One operator.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn operator(&mut self, id: &OperatorId) -> Result<Option<OperatorRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, name, roles, state, version, created_at, enrolment_mac, enrolment_expires_at FROM operator WHERE id = $1"
        )
        .bind(id.as_str())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// The operator whose enrolment code this is.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn operator_of_code(&mut self, mac: &[u8]) -> Result<Option<OperatorRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, name, roles, state, version, created_at, enrolment_mac, enrolment_expires_at
             FROM operator WHERE enrolment_mac = $1"
        )
        .bind(mac)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Operators by id from behind `after` on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn operators(&mut self, after: &str, limit: i64) -> Result<Vec<OperatorRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, name, roles, state, version, created_at, enrolment_mac, enrolment_expires_at
             FROM operator WHERE id > $1 ORDER BY id LIMIT $2"
        )
        .bind(after)
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Operators that may come in and hold this role.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn active_with_role(&mut self, role: Role) -> Result<Vec<OperatorId>, StoreError> {
        // Roles are words parted by spaces: the role stands between two of them.
        let rows: Result<Vec<String>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT id FROM operator WHERE state = 'active' AND ' ' || roles || ' ' LIKE '% ' || $1 || ' %' ORDER BY id"
        )
        .bind(role.as_str())
        .fetch_all(c));
        let broken = || StoreError::Broken(anyhow::anyhow!("an operator row has a bad id"));
        rows.map_err(|error| self.error(error))?.iter().map(|id| id.parse().map_err(|_| broken())).collect()
    }
}

impl Write {
    /// One operator, locked for the rest of the transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn operator_locked(&mut self, id: &OperatorId) -> Result<Option<OperatorRow>, StoreError> {
        on_locked!(
            *self.conn(),
            "SELECT id, name, roles, state, version, created_at, enrolment_mac, enrolment_expires_at FROM operator WHERE id = $1",
            |c, sql| sqlx::query_as(sql).bind(id.as_str()).fetch_optional(c)
        )
        .map_err(|error| self.error(error))
    }

    /// Keeps who is an administrator as it is until this transaction ends: of two who shut each other out, one comes second.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when another transaction holds it for too long.
    pub async fn hold_administrators(&mut self) -> Result<(), StoreError> {
        self.conn().hold(Register::Administrators).await
    }

    /// The operator whose enrolment code this is, locked.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn operator_enrolling(&mut self, mac: &[u8]) -> Result<Option<OperatorRow>, StoreError> {
        on_locked!(
            *self.conn(),
            "SELECT id, name, roles, state, version, created_at, enrolment_mac, enrolment_expires_at FROM operator WHERE enrolment_mac = $1",
            |c, sql| sqlx::query_as(sql).bind(mac).fetch_optional(c)
        )
        .map_err(|error| self.error(error))
    }

    /// Adds or replaces an operator; the version in the row is the one that was read.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when somebody was faster.
    pub async fn put_operator(&mut self, row: &OperatorRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO operator (id, name, roles, state, version, created_at, enrolment_mac, enrolment_expires_at)
             VALUES ($1, $2, $3, $4, $5 + 1, $6, $7, $8)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, roles = excluded.roles, state = excluded.state,
               version = excluded.version, enrolment_mac = excluded.enrolment_mac,
               enrolment_expires_at = excluded.enrolment_expires_at
             WHERE operator.version = $5"
        )
        .bind(&row.id)
        .bind(&row.name)
        .bind(&row.roles)
        .bind(&row.state)
        .bind(row.version)
        .bind(row.created_at)
        .bind(&row.enrolment_mac)
        .bind(row.enrolment_expires_at)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }

    /// Clears enrolment codes that are over, so that no clock that is turned back revives one; gives how many.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sweep_codes(&mut self, now: Timestamp) -> Result<u64, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE operator SET enrolment_mac = NULL, enrolment_expires_at = NULL, version = version + 1
             WHERE enrolment_mac IS NOT NULL AND enrolment_expires_at < $1"
        )
        .bind(now.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        done.map_err(|error| self.error(error))
    }
}
