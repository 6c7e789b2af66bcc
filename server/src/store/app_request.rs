//! Requests as citizens' apps show them: with the names of the service and of whoever runs it.

use domain::{
    AccountId, Bilingual, CitizenRequestId, Claim, ClientId, ComparisonCode, Function, RequestState, Timestamp, UsageChannel,
    Wants,
};
use uuid::Uuid;

use super::account::account_id;
use super::conn::on;
use super::{Read, StoreError};

/// A request with the names that its citizen knows.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AppRequestRow {
    id: Vec<u8>,
    code: Option<String>,
    function: i16,
    channel: i16,
    state: String,
    wants: String,
    granted: Option<String>,
    /// When it was asked.
    pub asked_at: i64,
    /// Its last moment.
    pub expires_at: i64,
    /// When it was over.
    pub ended_at: Option<i64>,
    relying_party: String,
    slug: String,
    name_en: String,
    name_zh_hant: String,
    organisation_en: String,
    organisation_zh_hant: String,
    reference: Option<i64>,
}

impl AppRequestRow {
    /// Its id.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn id(&self) -> Result<CitizenRequestId, StoreError> {
        CitizenRequestId::from_bytes(&self.id).map_err(|_| broken("id"))
    }

    /// What stands beside the QR code.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn code(&self) -> Result<Option<ComparisonCode>, StoreError> {
        self.code.as_deref().map(str::parse).transpose().map_err(|_| broken("comparison code"))
    }

    /// The service.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn client(&self) -> Result<ClientId, StoreError> {
        let (rp, service) = (self.relying_party.parse(), self.slug.parse());
        Ok(ClientId { rp: rp.map_err(|_| broken("party"))?, service: service.map_err(|_| broken("service"))? })
    }

    /// The name of the organisation that runs the service.
    #[must_use]
    pub fn organisation(&self) -> Bilingual {
        Bilingual { en: self.organisation_en.clone(), zh_hant: self.organisation_zh_hant.clone() }
    }

    /// The service's name.
    #[must_use]
    pub fn service(&self) -> Bilingual {
        Bilingual { en: self.name_en.clone(), zh_hant: self.name_zh_hant.clone() }
    }

    /// What it asks for.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn function(&self) -> Result<Function, StoreError> {
        Function::from_code(self.function).ok_or_else(|| broken("function"))
    }

    /// How the citizen came by it.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn channel(&self) -> Result<UsageChannel, StoreError> {
        UsageChannel::from_code(self.channel).ok_or_else(|| broken("channel"))
    }

    /// Where it stands at that moment: one whose time has passed has expired, whether that was noted or not.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn state(&self, now: Timestamp) -> Result<RequestState, StoreError> {
        let state: RequestState = self.state.parse().map_err(|_| broken("state"))?;
        Ok(if state.is_open() && self.expires_at <= now.micros() { RequestState::Expired } else { state })
    }

    /// What is asked for.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn wants(&self) -> Result<Wants, StoreError> {
        serde_json::from_str(&self.wants).map_err(|_| broken("list of what is asked for"))
    }

    /// What was released.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn granted(&self) -> Result<Vec<Claim>, StoreError> {
        let granted = self.granted.as_deref().map(serde_json::from_str).transpose().map_err(|_| broken("grant"))?;
        Ok(granted.unwrap_or_default())
    }

    /// Whose it is; none until somebody takes it up.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn account(&self) -> Result<Option<AccountId>, StoreError> {
        self.reference.map(account_id).transpose()
    }
}

fn broken(what: &str) -> StoreError {
    StoreError::Broken(anyhow::anyhow!("the row of a citizen's request has a bad {what}"))
}

macro_rules! rows {
    ($where:literal) => {
        concat!(
            "SELECT r.id, r.code, r.function, r.channel, r.state, r.wants, r.granted, r.asked_at, r.expires_at, r.ended_at,
               s.relying_party, s.slug, s.name_en, s.name_zh_hant, p.name_en AS organisation_en,
               p.name_zh_hant AS organisation_zh_hant, a.reference
             FROM citizen_request r JOIN service s ON s.code = r.service JOIN relying_party p ON p.id = s.relying_party
               LEFT JOIN account a ON a.id = r.account
             WHERE ",
            $where
        )
    };
}

impl Read {
    /// One request.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn app_request(&mut self, id: CitizenRequestId) -> Result<Option<AppRequestRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(rows!("r.id = $1")).bind(&id.as_bytes()[..]).fetch_optional(c))
            .map_err(|error| self.error(error))
    }

    /// What waits for a citizen, the oldest first. Few can wait at once: so many may be put to one citizen.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn app_requests_waiting(&mut self, account: Uuid, now: Timestamp) -> Result<Vec<AppRequestRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(rows!(
            "r.account = $1 AND r.asked_at >= $2 AND r.state = 'waiting' AND r.expires_at > $3 ORDER BY r.asked_at, r.id"
        ))
        .bind(&account.as_bytes()[..])
        // Whatever waits still was asked within the longest wait before now.
        .bind(now.minus(domain::citizen_request::WAITS_AT_MOST).micros())
        .bind(now.micros())
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// The requests of a citizen that somebody has decided or that are over, the newest first, from behind `after` on: a request of
    /// the same citizen; of another one nothing follows.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn app_requests_past(
        &mut self,
        account: Uuid,
        now: Timestamp,
        after: Option<CitizenRequestId>,
        limit: i64,
    ) -> Result<Vec<AppRequestRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(rows!(
            "r.account = $1 AND (r.state <> 'waiting' OR r.expires_at <= $2)
             AND ($3 IS NULL OR (r.asked_at, r.id) <
                 (SELECT before.asked_at, before.id FROM citizen_request before WHERE before.id = $3 AND before.account = $1))
             ORDER BY r.asked_at DESC, r.id DESC LIMIT $4"
        ))
        .bind(&account.as_bytes()[..])
        .bind(now.micros())
        .bind(after.map(|after| after.as_bytes().to_vec()))
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Whatever waits, for whomever, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn app_requests_open(&mut self, now: Timestamp, limit: i64) -> Result<Vec<AppRequestRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(rows!(
            "r.state IN ('waiting', 'approved') AND r.state = 'waiting' AND r.expires_at > $1
             ORDER BY r.expires_at, r.id LIMIT $2"
        ))
        .bind(now.micros())
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}
