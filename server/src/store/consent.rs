//! What citizens let services know.

use domain::{Bilingual, ClientId, Timestamp};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::conn::on;
use super::{EndedRequestRow, Read, StoreError, Write};

/// A consent in force, with the names of the service and of whoever runs it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ConsentRow {
    /// The service's code.
    pub service: i32,
    /// Who runs it.
    pub relying_party: String,
    /// Its id within the party.
    pub slug: String,
    /// Its name, English.
    pub name_en: String,
    /// Its name, Traditional Chinese.
    pub name_zh_hant: String,
    /// The organisation's name, English.
    pub organisation_en: String,
    /// The organisation's name, Traditional Chinese.
    pub organisation_zh_hant: String,
    /// The claims that were last released, parted by spaces.
    pub granted: String,
    /// When it was first given.
    pub given_at: i64,
    /// When it was last given again.
    pub used_at: i64,
}

impl ConsentRow {
    /// The service.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn client(&self) -> Result<ClientId, StoreError> {
        let broken = || StoreError::Broken(anyhow::anyhow!("the service {} has a bad id", self.service));
        let (rp, service) = (self.relying_party.parse(), self.slug.parse());
        Ok(ClientId { rp: rp.map_err(|_| broken())?, service: service.map_err(|_| broken())? })
    }

    /// The organisation's name.
    #[must_use]
    pub fn organisation(&self) -> Bilingual {
        Bilingual { en: self.organisation_en.clone(), zh_hant: self.organisation_zh_hant.clone() }
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> Bilingual {
        Bilingual { en: self.name_en.clone(), zh_hant: self.name_zh_hant.clone() }
    }
}

impl Read {
    /// The consents of an account that are in force, the one used last first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn consents_of(&mut self, account: Uuid) -> Result<Vec<ConsentRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT n.service, s.relying_party, s.slug, s.name_en, s.name_zh_hant, p.name_en AS organisation_en,
                    p.name_zh_hant AS organisation_zh_hant, n.granted, n.given_at, n.used_at
             FROM consent n JOIN service s ON s.code = n.service JOIN relying_party p ON p.id = s.relying_party
             WHERE n.account = $1 AND n.withdrawn_at IS NULL ORDER BY n.used_at DESC, n.service"
        )
        .bind(&account.as_bytes()[..])
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Keeps that a citizen lets a service know these claims, parted by spaces; they stand for the ones before.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn give_consent(&mut self, account: Uuid, service: i32, granted: &str, at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO consent (account, service, granted, given_at, used_at) VALUES ($1, $2, $3, $4, $4)
             ON CONFLICT (account, service) DO UPDATE SET granted = excluded.granted, used_at = excluded.used_at,
               given_at = CASE WHEN consent.withdrawn_at IS NULL THEN consent.given_at ELSE excluded.given_at END,
               withdrawn_at = NULL"
        )
        .bind(&account.as_bytes()[..])
        .bind(service)
        .bind(granted)
        .bind(at.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Takes a consent back; says whether there was one in force.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn withdraw_consent(&mut self, account: Uuid, service: i32, at: Timestamp) -> Result<bool, StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE consent SET withdrawn_at = $3 WHERE account = $1 AND service = $2 AND withdrawn_at IS NULL"
        )
        .bind(&account.as_bytes()[..])
        .bind(service)
        .bind(at.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected() > 0));
        done.map_err(|error| self.error(error))
    }

    /// Ends what an account has approved of a service and the service has not redeemed yet; gives what ended.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_approved_requests_at(
        &mut self,
        account: Uuid,
        service: i32,
        at: Timestamp,
    ) -> Result<Vec<EndedRequestRow>, StoreError> {
        let rows = on!(*self.conn(), |c| sqlx::query_as(
            "UPDATE citizen_request SET state = 'ended', ended_at = $3, link = NULL, code = NULL
             WHERE account = $1 AND service = $2 AND state = 'approved' AND expires_at > $3
             RETURNING id, service, function, channel, account, decided_at"
        )
        .bind(&account.as_bytes()[..])
        .bind(service)
        .bind(at.micros())
        .fetch_all(c));
        rows.map_err(|error| self.error(error))
    }
}
