//! What is known of the key sets that relying parties have seen, and what else says whether they are ready for a new key.

use std::time::Duration;

use domain::{CredentialId, Sighting, Timestamp};
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A sighting that lies this far ahead was made by a clock that ran ahead: a later one takes its place all the same.
const AHEAD: Duration = Duration::from_mins(1);

/// A party in the ledger.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct LedgerRow {
    /// Id.
    pub id: String,
    /// State of the party.
    pub state: String,
}

/// A credential in use.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CredentialInUseRow {
    /// Whose.
    pub relying_party: String,
    /// The number that its id stands for.
    pub id: i64,
    /// `jwks` or `certificate`.
    pub kind: String,
    /// Last moment of a certificate.
    pub not_after: Option<i64>,
    /// When it was last used, to a few minutes.
    pub last_used_at: Option<i64>,
}

impl CredentialInUseRow {
    /// Which it is.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<CredentialId, StoreError> {
        let number = u64::try_from(self.id).ok().and_then(CredentialId::from_number);
        number.ok_or_else(|| StoreError::Broken(anyhow::anyhow!("a credential of {} has a bad id", self.relying_party)))
    }
}

#[derive(sqlx::FromRow)]
struct SightingRow {
    relying_party: String,
    client: String,
    how: String,
    at: i64,
    kids: String,
    said_to: Option<String>,
}

impl SightingRow {
    fn sighting(self) -> Result<(String, Sighting), StoreError> {
        let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("a sighting of {} has a bad {what}", self.relying_party));
        let kids: Result<Vec<domain::Kid>, _> = self.kids.split_whitespace().map(str::parse).collect();
        let sighting = Sighting {
            client: Some(self.client).filter(|client| !client.is_empty()),
            how: self.how.parse().map_err(|_| broken("way"))?,
            at: Timestamp::from_micros(self.at),
            kids: kids.map_err(|_| broken("key id"))?,
            said_to: self.said_to.as_deref().map(str::parse).transpose().map_err(|_| broken("operator"))?,
        };
        Ok((self.relying_party, sighting))
    }
}

impl Read {
    /// Every party that is not retired.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn ledger_parties(&mut self) -> Result<Vec<LedgerRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as("SELECT id, state FROM relying_party WHERE state <> 'retired' ORDER BY id")
            .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The client of each service whose own state is active, `<rp>.<service>`, and the party that it is of.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn ledger_clients(&mut self) -> Result<Vec<(String, String)>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT relying_party, relying_party || '.' || slug FROM service WHERE state = 'active' ORDER BY relying_party, slug"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Every credential that a party can log somebody in with, party by party, the one that was used last, or else is newest,
    /// behind the others. An address is none: the keys found under it are.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn credentials_in_use(&mut self) -> Result<Vec<CredentialInUseRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT relying_party, id, kind, not_after, last_used_at FROM credential
             WHERE state = 'active' AND thumbprint IS NOT NULL
             ORDER BY relying_party, COALESCE(last_used_at, 0), created_at, id"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Every sighting, with the party it is of.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sightings(&mut self) -> Result<Vec<(String, Sighting)>, StoreError> {
        let rows: Result<Vec<SightingRow>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT relying_party, client, how, at, kids, said_to FROM jwks_sighting ORDER BY relying_party, client, how"
        )
        .fetch_all(c));
        rows.map_err(|error| self.error(error))?.into_iter().map(SightingRow::sighting).collect()
    }
}

impl Write {
    /// Keeps a sighting in the place of the one before it; an older one changes nothing.
    ///
    /// # Errors
    /// When the database cannot be reached, or there is no such party.
    pub async fn put_sighting(&mut self, party: &str, sighting: &Sighting, now: Timestamp) -> Result<(), StoreError> {
        let kids: Vec<&str> = sighting.kids.iter().map(domain::Kid::as_str).collect();
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO jwks_sighting (relying_party, client, how, at, kids, said_to) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (relying_party, client, how) DO UPDATE SET at = excluded.at, kids = excluded.kids,
               said_to = excluded.said_to
             WHERE jwks_sighting.at <= excluded.at OR jwks_sighting.at > $7"
        )
        .bind(party)
        .bind(sighting.client.as_deref().unwrap_or_default())
        .bind(sighting.how.as_str())
        .bind(sighting.at.micros())
        .bind(kids.join(" "))
        .bind(sighting.said_to.as_ref().map(domain::OperatorId::as_str))
        .bind(now.plus(AHEAD).micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
