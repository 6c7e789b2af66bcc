//! Services.

use api::service::ListServices;
use domain::{Bilingual, Category, ClientId, Function, PartyState, Sector, ServiceManifest, ServiceState};
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A service as stored.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ServiceRow {
    /// The integer under which its uses are counted; never given to another.
    pub code: i32,
    /// Who runs it.
    pub relying_party: String,
    /// Its id within the party.
    pub slug: String,
    /// Name, English.
    pub name_en: String,
    /// Name, Traditional Chinese.
    pub name_zh_hant: String,
    /// Category.
    pub category: Option<String>,
    /// Functions, parted by spaces.
    pub functions: String,
    /// Its own state; what a citizen meets is the worse of it and the party's.
    pub state: String,
    /// Its first day.
    pub since: Option<i32>,
    /// Whether it is made up for a sandbox, itself or with its party.
    pub synthetic: bool,
    /// Its part of the manifest as last applied, JSON.
    pub manifest: String,
}

/// A service with what a list shows of its party.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedServiceRow {
    /// The service.
    #[sqlx(flatten)]
    pub service: ServiceRow,
    /// The party's state.
    pub party_state: String,
    /// The party's sector.
    pub party_sector: String,
    /// The party's name, English.
    pub party_name_en: String,
    /// The party's name, Traditional Chinese.
    pub party_name_zh_hant: String,
}

impl ServiceRow {
    /// Its id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn client(&self) -> Result<ClientId, StoreError> {
        Ok(ClientId {
            rp: self.relying_party.parse().map_err(|_| self.broken("relying party"))?,
            service: self.slug.parse().map_err(|_| self.broken("id"))?,
        })
    }

    /// Its own state.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn state(&self) -> Result<ServiceState, StoreError> {
        self.state.parse().map_err(|_| self.broken("state"))
    }

    /// Its category.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn category(&self) -> Result<Option<Category>, StoreError> {
        self.category.as_deref().map(str::parse).transpose().map_err(|_| self.broken("category"))
    }

    /// What it may use.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn functions(&self) -> Result<Vec<Function>, StoreError> {
        self.functions.split(' ').map(str::parse).collect::<Result<_, _>>().map_err(|_| self.broken("list of functions"))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> Bilingual {
        Bilingual { en: self.name_en.clone(), zh_hant: self.name_zh_hant.clone() }
    }

    /// Its part of the manifest as last applied.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn manifest(&self) -> Result<ServiceManifest, StoreError> {
        serde_json::from_str(&self.manifest).map_err(|_| self.broken("manifest"))
    }

    fn broken(&self, what: &str) -> StoreError {
        StoreError::Broken(anyhow::anyhow!("service {} has a bad {what}", self.code))
    }
}

impl ListedServiceRow {
    /// What a citizen meets.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn state(&self) -> Result<ServiceState, StoreError> {
        let party: PartyState = self.party_state.parse().map_err(|_| self.service.broken("state of its party"))?;
        Ok(self.service.state()?.under(party))
    }

    /// The party's sector.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn sector(&self) -> Result<Sector, StoreError> {
        self.party_sector.parse().map_err(|_| self.service.broken("sector"))
    }

    /// The organisation that runs it.
    #[must_use]
    pub fn organisation(&self) -> Bilingual {
        Bilingual { en: self.party_name_en.clone(), zh_hant: self.party_name_zh_hant.clone() }
    }
}

impl Read {
    /// Whether a service may be used at this moment: it and its party are active.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn service_is_accessible(&mut self, code: i32) -> Result<bool, StoreError> {
        let found: Result<Option<i32>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT s.code FROM service s JOIN relying_party p ON p.id = s.relying_party
             WHERE s.code = $1 AND s.state = 'active' AND p.state = 'active'"
        )
        .bind(code)
        .fetch_optional(c));
        Ok(found.map_err(|error| self.error(error))?.is_some())
    }

    /// A party's services, retired ones too, in the order they came.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn party_services(&mut self, party: &str) -> Result<Vec<ServiceRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT code, relying_party, slug, name_en, name_zh_hant, category, functions, state, since, synthetic, manifest
             FROM service WHERE relying_party = $1 ORDER BY code"
        )
        .bind(party)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Services by party and id from behind `after` on, as `wanted` filters them.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn services(
        &mut self,
        wanted: &ListServices,
        after: Option<&ClientId>,
        limit: i64,
    ) -> Result<Vec<ListedServiceRow>, StoreError> {
        // Functions are whole words parted by spaces.
        let function = wanted.function.map(|function| format!("% {function} %"));
        on!(self.conn, |c| sqlx::query_as(
            "SELECT s.code, s.relying_party, s.slug, s.name_en, s.name_zh_hant, s.category, s.functions, s.state, s.since,
                    s.synthetic, s.manifest, p.state AS party_state, p.sector AS party_sector, p.name_en AS party_name_en,
                    p.name_zh_hant AS party_name_zh_hant
             FROM service s JOIN relying_party p ON p.id = s.relying_party
             WHERE (s.relying_party, s.slug) > ($1, $2)
               AND (CAST($3 AS TEXT) IS NULL OR s.relying_party = $3)
               AND (CAST($4 AS TEXT) IS NULL OR s.category = $4)
               AND (CAST($5 AS TEXT) IS NULL OR p.sector = $5)
               AND (CAST($6 AS TEXT) IS NULL OR ' ' || s.functions || ' ' LIKE $6)
             ORDER BY s.relying_party, s.slug LIMIT $7"
        )
        .bind(after.map_or("", |after| after.rp.as_str()))
        .bind(after.map_or("", |after| after.service.as_str()))
        .bind(wanted.rp.as_ref().map(domain::RelyingPartyId::as_str))
        .bind(wanted.category.map(|category| category.to_string()))
        .bind(wanted.sector.map(|sector| sector.to_string()))
        .bind(function)
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// One service.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn service(&mut self, id: &ClientId) -> Result<Option<ListedServiceRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT s.code, s.relying_party, s.slug, s.name_en, s.name_zh_hant, s.category, s.functions, s.state, s.since,
                    s.synthetic, s.manifest, p.state AS party_state, p.sector AS party_sector, p.name_en AS party_name_en,
                    p.name_zh_hant AS party_name_zh_hant
             FROM service s JOIN relying_party p ON p.id = s.relying_party
             WHERE s.relying_party = $1 AND s.slug = $2"
        )
        .bind(id.rp.as_str())
        .bind(id.service.as_str())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// The highest service code there is; 0 without services. The register of relying parties is to be held.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn highest_service_code(&mut self) -> Result<i32, StoreError> {
        let highest: Result<Option<i32>, _> =
            on!(*self.conn(), |c| sqlx::query_scalar("SELECT MAX(code) FROM service").fetch_one(c));
        Ok(highest.map_err(|error| self.error(error))?.unwrap_or(0))
    }

    /// Adds a service.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when its code or its id is taken.
    pub async fn insert_service(&mut self, row: &ServiceRow) -> Result<(), StoreError> {
        let told_of_logouts = row.manifest()?.backchannel_logout_uri.is_some();
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO service (code, relying_party, slug, name_en, name_zh_hant, category, functions, state, since,
               synthetic, manifest, told_of_logouts)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
        )
        .bind(row.code)
        .bind(&row.relying_party)
        .bind(&row.slug)
        .bind(&row.name_en)
        .bind(&row.name_zh_hant)
        .bind(&row.category)
        .bind(&row.functions)
        .bind(&row.state)
        .bind(row.since)
        .bind(row.synthetic)
        .bind(&row.manifest)
        .bind(told_of_logouts)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Puts what changed about a service; its code, party and id stay.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_service(&mut self, row: &ServiceRow) -> Result<(), StoreError> {
        let told_of_logouts = row.manifest()?.backchannel_logout_uri.is_some();
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE service SET name_en = $1, name_zh_hant = $2, category = $3, functions = $4, state = $5, since = $6,
               synthetic = $7, manifest = $8, told_of_logouts = $10
             WHERE code = $9"
        )
        .bind(&row.name_en)
        .bind(&row.name_zh_hant)
        .bind(&row.category)
        .bind(&row.functions)
        .bind(&row.state)
        .bind(row.since)
        .bind(row.synthetic)
        .bind(&row.manifest)
        .bind(row.code)
        .bind(told_of_logouts)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
