//! By what names relying parties know citizens (OpenID Connect Core 1.0, section 8.1).

use domain::{RelyingPartyId, Tier, Timestamp};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::conn::on;
use super::{Read, StoreError, Write};

/// How a party will know a citizen.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct ForeseenRow {
    /// The citizen's tier.
    tier: String,
    /// Their name, where the party has met them.
    subject: Option<Vec<u8>>,
}

impl ForeseenRow {
    /// The citizen's tier.
    ///
    /// # Errors
    /// When the database is damaged.
    pub fn tier(&self) -> Result<Tier, StoreError> {
        self.tier.parse().map_err(|_| StoreError::Broken(anyhow::anyhow!("an account has a bad tier")))
    }

    /// By what name the party knows them; none when it has met them at no login yet.
    #[must_use]
    pub fn subject(&self) -> Option<[u8; 16]> {
        self.subject.as_deref().and_then(|subject| subject.try_into().ok())
    }
}

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

    /// By what name a party will know this citizen and what account they have, as far as both are on record; none when there is no
    /// such account.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn foreseen(&mut self, account: Uuid, rp: &RelyingPartyId) -> Result<Option<ForeseenRow>, StoreError> {
        let row = on!(self.conn, |c| sqlx::query_as(
            "SELECT a.tier, l.subject
             FROM account a LEFT JOIN account_relying_party l ON l.account = a.id AND l.relying_party = $2
             WHERE a.id = $1"
        )
        .bind(&account.as_bytes()[..])
        .bind(rp.as_str())
        .fetch_optional(c));
        row.map_err(|error| self.error(error))
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
