//! By what names relying parties know citizens (OpenID Connect Core 1.0, section 8.1).

use domain::{RelyingPartyId, Timestamp};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::engine::on;
use super::{Read, StoreError, Write};

impl Read {
    /// By what name a party knows this citizen; none when it has met them at no login yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn subject_of(&mut self, account: Uuid, rp: &RelyingPartyId) -> Result<Option<[u8; 16]>, StoreError> {
        let subject: Result<Option<Option<Vec<u8>>>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT subject FROM account_relying_party WHERE account = $1 AND relying_party = $2"
        )
        .bind(&account.as_bytes()[..])
        .bind(rp.as_str())
        .fetch_optional(c));
        Ok(subject.map_err(|error| self.error(error))?.flatten().and_then(|subject| subject.try_into().ok()))
    }

    /// The account that a party knows by that name.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_of_subject(&mut self, rp: &RelyingPartyId, subject: &[u8; 16]) -> Result<Option<Uuid>, StoreError> {
        let account: Result<Option<Vec<u8>>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT account FROM account_relying_party WHERE relying_party = $1 AND subject = $2"
        )
        .bind(rp.as_str())
        .bind(&subject[..])
        .fetch_optional(c));
        let account = account.map_err(|error| self.error(error))?;
        account.map(|id| Uuid::from_slice(&id).map_err(|error| StoreError::Broken(error.into()))).transpose()
    }

    /// The account that a party knows by that name, where it is active at this moment.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn active_account_of_subject(
        &mut self,
        rp: &RelyingPartyId,
        subject: &[u8; 16],
    ) -> Result<Option<Uuid>, StoreError> {
        let account: Result<Option<Vec<u8>>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT a.id FROM account_relying_party l JOIN account a ON a.id = l.account
             WHERE l.relying_party = $1 AND l.subject = $2 AND a.state = 'active'"
        )
        .bind(rp.as_str())
        .bind(&subject[..])
        .fetch_optional(c));
        let account = account.map_err(|error| self.error(error))?;
        account.map(|id| Uuid::from_slice(&id).map_err(|error| StoreError::Broken(error.into()))).transpose()
    }
}

impl Write {
    /// Notes by what name a party knows this citizen from now on; the name on record stays.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn know_citizen(
        &mut self,
        account: Uuid,
        rp: &RelyingPartyId,
        subject: &[u8; 16],
        kid: &str,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "INSERT INTO account_relying_party (account, relying_party, since, subject, pairwise_kid) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (account, relying_party) DO UPDATE
               SET subject = COALESCE(account_relying_party.subject, excluded.subject),
                   pairwise_kid = COALESCE(account_relying_party.pairwise_kid, excluded.pairwise_kid)"
        )
        .bind(&account.as_bytes()[..])
        .bind(rp.as_str())
        .bind(since.micros())
        .bind(&subject[..])
        .bind(kid)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }
}
