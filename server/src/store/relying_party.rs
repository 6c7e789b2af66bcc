//! Relying parties: the register, what each party was before, and its public keys.

use domain::{Bilingual, Change, Manifest, PartyState, RelyingPartyId, Sector, Timestamp};
use futures_util::TryFutureExt;

use super::conn::on;
use super::held::Register;
use super::{Read, StoreError, Write};

/// A party as stored.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PartyRow {
    /// Id.
    pub id: String,
    /// State.
    pub state: String,
    /// Counts up with each change.
    pub version: i64,
    /// Sector.
    pub sector: String,
    /// Industry.
    pub industry: Option<String>,
    /// Name, English.
    pub name_en: String,
    /// Name, Traditional Chinese.
    pub name_zh_hant: String,
    /// What an eye sees of the English name.
    pub skeleton_en: String,
    /// What an eye sees of the Chinese name.
    pub skeleton_zh_hant: String,
    /// Whether it is made up for a sandbox.
    pub synthetic: bool,
    /// Why it is suspended.
    pub suspended_reason: Option<String>,
    /// The manifest as last applied, JSON.
    pub manifest: String,
    /// When it was first applied.
    pub created_at: i64,
    /// When it last changed.
    pub updated_at: i64,
}

/// A party in a list.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedPartyRow {
    /// Id.
    pub id: String,
    /// State.
    pub state: String,
    /// Counts up with each change.
    pub version: i64,
    /// Sector.
    pub sector: String,
    /// Industry.
    pub industry: Option<String>,
    /// Name, English.
    pub name_en: String,
    /// Name, Traditional Chinese.
    pub name_zh_hant: String,
    /// Whether it is made up for a sandbox.
    pub synthetic: bool,
    /// Services that are not retired.
    pub services: i64,
}

/// A party's name and what an eye sees of it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PartyNameRow {
    /// Id.
    pub id: String,
    /// Name, English.
    pub name_en: String,
    /// Name, Traditional Chinese.
    pub name_zh_hant: String,
    /// What an eye sees of the English name.
    pub skeleton_en: String,
    /// What an eye sees of the Chinese name.
    pub skeleton_zh_hant: String,
}

/// What a party was from one moment on.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct PartyVersionRow {
    /// Which party.
    pub relying_party: String,
    /// Version.
    pub version: i64,
    /// From when it held.
    pub valid_from: i64,
    /// Until when.
    pub valid_to: Option<i64>,
    /// Who made it.
    pub operator: String,
    /// State in it.
    pub state: String,
    /// Why, where a reason was asked for.
    pub reason: Option<String>,
    /// The manifest, JSON.
    pub manifest: String,
    /// What it changed, JSON.
    pub changes: String,
}

impl PartyRow {
    /// Its id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<RelyingPartyId, StoreError> {
        self.id.parse().map_err(|_| self.broken("id"))
    }

    /// Its state.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn state(&self) -> Result<PartyState, StoreError> {
        self.state.parse().map_err(|_| self.broken("state"))
    }

    /// Its sector.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn sector(&self) -> Result<Sector, StoreError> {
        self.sector.parse().map_err(|_| self.broken("sector"))
    }

    /// Its name.
    #[must_use]
    pub fn organisation(&self) -> Bilingual {
        Bilingual { en: self.name_en.clone(), zh_hant: self.name_zh_hant.clone() }
    }

    /// The manifest as it was last applied.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn manifest(&self) -> Result<Manifest, StoreError> {
        serde_json::from_str(&self.manifest).map_err(|_| self.broken("manifest"))
    }

    fn broken(&self, what: &str) -> StoreError {
        StoreError::Broken(anyhow::anyhow!("relying party {} has a bad {what}", self.id))
    }
}

impl PartyVersionRow {
    /// State in this version.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn state(&self) -> Result<PartyState, StoreError> {
        self.state.parse().map_err(|_| self.broken("state"))
    }

    /// What it changed.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn changes(&self) -> Result<Vec<Change>, StoreError> {
        serde_json::from_str(&self.changes).map_err(|_| self.broken("list of changes"))
    }

    fn broken(&self, what: &str) -> StoreError {
        StoreError::Broken(anyhow::anyhow!("version {} of relying party {} has a bad {what}", self.version, self.relying_party))
    }
}

impl Read {
    /// One party.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn party(&mut self, id: &RelyingPartyId) -> Result<Option<PartyRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, state, version, sector, industry, name_en, name_zh_hant, skeleton_en, skeleton_zh_hant, synthetic,
                    suspended_reason, manifest, created_at, updated_at
             FROM relying_party WHERE id = $1"
        )
        .bind(id.as_str())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Parties by id from behind `after` on; an absent filter lets everything pass.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn parties(
        &mut self,
        sector: Option<Sector>,
        state: Option<PartyState>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<ListedPartyRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT p.id, p.state, p.version, p.sector, p.industry, p.name_en, p.name_zh_hant, p.synthetic,
                    (SELECT COUNT(*) FROM service s WHERE s.relying_party = p.id AND s.state <> 'retired') AS services
             FROM relying_party p
             WHERE p.id > $1 AND (CAST($2 AS TEXT) IS NULL OR p.sector = $2) AND (CAST($3 AS TEXT) IS NULL OR p.state = $3)
             ORDER BY p.id LIMIT $4"
        )
        .bind(after)
        .bind(sector.map(|sector| sector.to_string()))
        .bind(state.map(|state| state.to_string()))
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The names of all parties, retired ones too: a name that meant one organisation does not come to mean another.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn party_names(&mut self) -> Result<Vec<PartyNameRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, name_en, name_zh_hant, skeleton_en, skeleton_zh_hant FROM relying_party ORDER BY id"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// What a party was, newest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn party_versions(&mut self, id: &RelyingPartyId) -> Result<Vec<PartyVersionRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT relying_party, version, valid_from, valid_to, operator, state, reason, manifest, changes
             FROM relying_party_version WHERE relying_party = $1 ORDER BY version DESC"
        )
        .bind(id.as_str())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The parties that are not retired and have a credential in use: those who may have accepted what we signed.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn parties_with_credentials(&mut self) -> Result<Vec<String>, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT id FROM relying_party p WHERE p.state <> 'retired'
               AND EXISTS (SELECT 1 FROM credential k WHERE k.relying_party = p.id AND k.state = 'active')
             ORDER BY id"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Keeps the register of relying parties for this transaction: names are compared and service codes counted over all of
    /// them, so two that change it go one after the other.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when another one keeps it for too long.
    pub async fn hold_relying_parties(&mut self) -> Result<(), StoreError> {
        self.conn().hold(Register::RelyingParties).await
    }

    /// Keeps a party's state as it is until the transaction ends: nobody suspends it meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when somebody takes too long to change it.
    pub async fn keep_party(&mut self, rp: &RelyingPartyId) -> Result<(), StoreError> {
        self.conn().keep_party(rp.as_str()).await
    }

    /// Lets nobody rely on a party's state until the transaction ends, and waits for those who do.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when one of them takes too long.
    pub async fn hold_party(&mut self, rp: &RelyingPartyId) -> Result<(), StoreError> {
        self.conn().hold_party(rp.as_str()).await
    }

    /// Adds a party.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when its id is taken.
    pub async fn insert_party(&mut self, row: &PartyRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO relying_party (id, state, version, sector, industry, name_en, name_zh_hant, skeleton_en,
               skeleton_zh_hant, synthetic, suspended_reason, manifest, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        )
        .bind(&row.id)
        .bind(&row.state)
        .bind(row.version)
        .bind(&row.sector)
        .bind(&row.industry)
        .bind(&row.name_en)
        .bind(&row.name_zh_hant)
        .bind(&row.skeleton_en)
        .bind(&row.skeleton_zh_hant)
        .bind(row.synthetic)
        .bind(&row.suspended_reason)
        .bind(&row.manifest)
        .bind(row.created_at)
        .bind(row.updated_at)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Puts a party's next version; the one before it is the one that was read.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when somebody was faster.
    pub async fn put_party(&mut self, row: &PartyRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE relying_party SET state = $1, version = $2, sector = $3, industry = $4, name_en = $5, name_zh_hant = $6,
               skeleton_en = $7, skeleton_zh_hant = $8, synthetic = $9, suspended_reason = $10, manifest = $11, updated_at = $12
             WHERE id = $13 AND version = $2 - 1"
        )
        .bind(&row.state)
        .bind(row.version)
        .bind(&row.sector)
        .bind(&row.industry)
        .bind(&row.name_en)
        .bind(&row.name_zh_hant)
        .bind(&row.skeleton_en)
        .bind(&row.skeleton_zh_hant)
        .bind(row.synthetic)
        .bind(&row.suspended_reason)
        .bind(&row.manifest)
        .bind(row.updated_at)
        .bind(&row.id)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }

    /// Ends the version that holds.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_party_version(&mut self, id: &str, at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE relying_party_version SET valid_to = $1 WHERE relying_party = $2 AND valid_to IS NULL"
        )
        .bind(at.micros())
        .bind(id)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Records a version.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_party_version(&mut self, row: &PartyVersionRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "INSERT INTO relying_party_version (relying_party, version, valid_from, valid_to, operator, state, reason, manifest,
               changes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
        )
        .bind(&row.relying_party)
        .bind(row.version)
        .bind(row.valid_from)
        .bind(row.valid_to)
        .bind(&row.operator)
        .bind(&row.state)
        .bind(&row.reason)
        .bind(&row.manifest)
        .bind(&row.changes)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }
}
