//! What each service was before: its versions.

use domain::{Bilingual, ClientId, Day, ServiceHistory, ServiceVersion, Timestamp};
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// What a service was from one moment on.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct ServiceVersionRow {
    /// Which service.
    pub service: i32,
    /// From when it held.
    pub valid_from: i64,
    /// Until when.
    pub valid_to: Option<i64>,
    /// Who ran it.
    pub relying_party: String,
    /// Their sector.
    pub sector: String,
    /// Its category.
    pub category: Option<String>,
    /// Name, English.
    pub name_en: String,
    /// Name, Traditional Chinese.
    pub name_zh_hant: String,
    /// What a citizen met: the worse of its own state and its party's.
    pub state: String,
    /// Its first day as it was given then.
    pub since: Option<i32>,
    /// Their industry.
    pub industry: Option<String>,
    /// Their name, English.
    pub party_en: String,
    /// Their name, Traditional Chinese.
    pub party_zh_hant: String,
}

/// A version with what never changes of its service.
#[derive(sqlx::FromRow)]
struct KnownVersionRow {
    #[sqlx(flatten)]
    version: ServiceVersionRow,
    slug: String,
    synthetic: bool,
}

impl KnownVersionRow {
    fn read(self) -> Result<ServiceVersion, StoreError> {
        let Self { version, slug, synthetic } = self;
        let broken =
            |what: &str| StoreError::Broken(anyhow::anyhow!("a version of service {} has a bad {what}", version.service));
        Ok(ServiceVersion {
            code: version.service,
            service: ClientId {
                rp: version.relying_party.parse().map_err(|_| broken("relying party"))?,
                service: slug.parse().map_err(|_| broken("id"))?,
            },
            recorded: Timestamp::from_micros(version.valid_from),
            sector: version.sector.parse().map_err(|_| broken("sector"))?,
            category: version.category.as_deref().map(str::parse).transpose().map_err(|_| broken("category"))?,
            state: version.state.parse().map_err(|_| broken("state"))?,
            since: version.since.map(Day::from_number),
            name: Bilingual { en: version.name_en, zh_hant: version.name_zh_hant },
            industry: version.industry.as_deref().map(str::parse).transpose().map_err(|_| broken("industry"))?,
            party: Bilingual { en: version.party_en, zh_hant: version.party_zh_hant },
            synthetic,
        })
    }
}

impl Read {
    /// What all services were, as far as it was recorded up to the end of that day.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn service_history(&mut self, known_at: Day) -> Result<ServiceHistory, StoreError> {
        let rows: Vec<KnownVersionRow> = on!(self.conn, |c| sqlx::query_as(
            "SELECT v.service, v.valid_from, v.valid_to, v.relying_party, v.sector, v.category, v.name_en, v.name_zh_hant,
                    v.state, v.since, v.industry, v.party_en, v.party_zh_hant, s.slug, s.synthetic
             FROM service_version v JOIN service s ON s.code = v.service
             WHERE v.valid_from < $1 ORDER BY v.service, v.valid_from"
        )
        .bind(known_at.end().micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))?;
        let versions: Vec<ServiceVersion> = rows.into_iter().map(KnownVersionRow::read).collect::<Result<_, _>>()?;
        Ok(ServiceHistory::new(versions, known_at))
    }

    /// The services that citizens could reach at the end of `as_at`, as far as was recorded by the end of `known_at`, by code.
    /// The rule is [`ServiceHistory::accessible`].
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn services_accessible(&mut self, as_at: Day, known_at: Day) -> Result<Vec<ServiceVersion>, StoreError> {
        Ok(self.service_history(known_at).await?.accessible(as_at).cloned().collect())
    }

    /// The versions of a party's services that hold at present.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn present_service_versions(&mut self, party: &str) -> Result<Vec<ServiceVersionRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT v.service, v.valid_from, v.valid_to, v.relying_party, v.sector, v.category, v.name_en, v.name_zh_hant,
                    v.state, v.since, v.industry, v.party_en, v.party_zh_hant
             FROM service s JOIN service_version v ON v.service = s.code
             WHERE s.relying_party = $1 AND v.valid_to IS NULL ORDER BY v.service"
        )
        .bind(party)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Ends the version that holds.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_service_version(&mut self, service: i32, at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE service_version SET valid_to = $1 WHERE service = $2 AND valid_to IS NULL"
        )
        .bind(at.micros())
        .bind(service)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Records a version.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_service_version(&mut self, row: &ServiceVersionRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "INSERT INTO service_version (service, valid_from, valid_to, relying_party, sector, category, name_en, name_zh_hant,
               state, since, industry, party_en, party_zh_hant)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
        )
        .bind(row.service)
        .bind(row.valid_from)
        .bind(row.valid_to)
        .bind(&row.relying_party)
        .bind(&row.sector)
        .bind(&row.category)
        .bind(&row.name_en)
        .bind(&row.name_zh_hant)
        .bind(&row.state)
        .bind(row.since)
        .bind(&row.industry)
        .bind(&row.party_en)
        .bind(&row.party_zh_hant)
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }

    /// Has every service on record from its first day on, as if it had been brought on board then. For a sandbox's past alone.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn backdate_services(&mut self) -> Result<(), StoreError> {
        // A day in Hong Kong begins eight hours before that of UTC.
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "UPDATE service_version SET valid_from = CAST(since AS BIGINT) * 86400000000 - 28800000000
             WHERE valid_from > CAST(since AS BIGINT) * 86400000000 - 28800000000
               AND NOT EXISTS (SELECT 1 FROM service_version earlier
                               WHERE earlier.service = service_version.service AND earlier.valid_from < service_version.valid_from)"
        )
        .execute(c)
        .map_ok(|_| ())
        });
        done.map_err(|error| self.error(error))
    }
}
