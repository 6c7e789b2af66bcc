//! Registrations on their way, and what came of those that are over.

use domain::{
    Channel, LocationId, Progress, RegistrationEnd, RegistrationId, RegistrationKind, RegistrationState, StationId, Tier,
    Timestamp,
};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::conn::{on, on_locked};
use super::{Read, StoreError, Write};

/// A registration as stored.
#[derive(Debug, Clone)]
pub struct StoredRegistration {
    /// Its id.
    pub id: RegistrationId,
    /// How the person came.
    pub channel: Channel,
    /// Where; none for `remote`.
    pub location: Option<LocationId>,
    /// By which station.
    pub station: Option<StationId>,
    /// What the account is to be able to do.
    pub tier: Tier,
    /// Where it stands.
    pub progress: Progress,
    /// When evidence was taken.
    pub begun_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Keyed digest of the one-time code.
    pub code_mac: Option<Vec<u8>>,
    /// The person, sealed, while a device is waited for.
    pub person: Option<Vec<u8>>,
    /// The account, by the id in the database.
    pub account: Option<Uuid>,
    /// The thumbprint of the device that was bound.
    pub device: Option<String>,
}

#[derive(sqlx::FromRow)]
struct RegistrationRow {
    id: Vec<u8>,
    channel: String,
    location: Option<String>,
    station: Option<String>,
    tier: String,
    state: String,
    kind: Option<String>,
    reason: Option<String>,
    tries: i16,
    begun_at: i64,
    until: i64,
    ended_at: Option<i64>,
    code_mac: Option<Vec<u8>>,
    person: Option<Vec<u8>>,
    account: Option<Vec<u8>>,
    device: Option<String>,
}

impl RegistrationRow {
    fn stored(self) -> Result<StoredRegistration, StoreError> {
        let id = RegistrationId::from_bytes(&self.id)
            .map_err(|_| StoreError::Broken(anyhow::anyhow!("a registration has a bad id")))?;
        let broken = |what: &'static str| StoreError::Broken(anyhow::anyhow!("registration {id} has a bad {what}"));
        let until = Timestamp::from_micros(self.until);
        let reason = self.reason.as_deref().map(|word| word.parse::<RegistrationEnd>().map_err(|_| broken("reason")));
        let state: RegistrationState = self.state.parse().map_err(|_| broken("state"))?;
        let progress = match (state, reason.transpose()?) {
            (RegistrationState::Begun, None) => Progress::Begun { since: Timestamp::from_micros(self.begun_at) },
            (RegistrationState::Verified, None) => {
                Progress::Verified { until, tries: u16::try_from(self.tries).map_err(|_| broken("number of tries"))? }
            }
            (RegistrationState::Completed, None) => {
                let kind = self.kind.as_deref().and_then(|word| word.parse::<RegistrationKind>().ok());
                Progress::Completed { kind: kind.ok_or_else(|| broken("kind"))?, until }
            }
            (RegistrationState::Refused, Some(reason)) => Progress::Refused(reason),
            (RegistrationState::Expired, Some(_)) => Progress::Expired,
            (RegistrationState::Abandoned, Some(reason)) => Progress::Abandoned(reason),
            _ => return Err(broken("reason")),
        };
        Ok(StoredRegistration {
            id,
            channel: self.channel.parse().map_err(|_| broken("channel"))?,
            location: self.location.map(|at| at.parse().map_err(|_| broken("location"))).transpose()?,
            station: self.station.map(|id| id.parse().map_err(|_| broken("station"))).transpose()?,
            tier: self.tier.parse().map_err(|_| broken("tier"))?,
            progress,
            begun_at: Timestamp::from_micros(self.begun_at),
            ended_at: self.ended_at.map(Timestamp::from_micros),
            code_mac: self.code_mac,
            person: self.person,
            account: self.account.map(|id| Uuid::from_slice(&id).map_err(|_| broken("account"))).transpose()?,
            device: self.device,
        })
    }
}

/// What a page of the list is to hold; what is absent lets everything pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct RegistrationFilter<'a> {
    /// Only this state.
    pub state: Option<RegistrationState>,
    /// Only this channel.
    pub channel: Option<Channel>,
    /// Only this place.
    pub location: Option<&'a LocationId>,
    /// Only this station.
    pub station: Option<&'a StationId>,
}

/// How many registrations of a channel and place are in a state.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct RegistrationCountRow {
    /// Channel.
    pub channel: String,
    /// Place; empty for none.
    pub location: String,
    /// State.
    pub state: String,
    /// How many.
    pub registrations: i64,
}

/// What a step of a registration leaves in its row.
#[derive(Debug, Clone, Default)]
pub struct Left<'a> {
    /// Digest of the code, as long as it is good.
    pub code_mac: Option<&'a [u8]>,
    /// The sealed person, while a device is waited for.
    pub person: Option<&'a [u8]>,
    /// The account.
    pub account: Option<Uuid>,
    /// The device.
    pub device: Option<&'a str>,
}

impl Read {
    /// One registration.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn registration(&mut self, id: RegistrationId) -> Result<Option<StoredRegistration>, StoreError> {
        let row: Result<Option<RegistrationRow>, _> = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT id, channel, location, station, tier, state, kind, reason, tries, begun_at, until, ended_at, code_mac, person,
               account, device
             FROM registration WHERE id = $1"
        )
        .bind(&id.as_bytes()[..])
        .fetch_optional(c)
        });
        row.map_err(|error| self.error(error))?.map(RegistrationRow::stored).transpose()
    }

    /// Registrations, the newest first, from behind `after` on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn registrations(
        &mut self,
        filter: RegistrationFilter<'_>,
        after: Option<RegistrationId>,
        limit: i64,
    ) -> Result<Vec<StoredRegistration>, StoreError> {
        let rows: Result<Vec<RegistrationRow>, _> = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT id, channel, location, station, tier, state, kind, reason, tries, begun_at, until, ended_at, code_mac, person,
               account, device
             FROM registration
             WHERE (CAST($1 AS TEXT) IS NULL OR state = $1) AND (CAST($2 AS TEXT) IS NULL OR channel = $2)
               AND (CAST($3 AS TEXT) IS NULL OR location = $3) AND (CAST($4 AS TEXT) IS NULL OR station = $4)
               AND id < $5
             ORDER BY id DESC LIMIT $6"
        )
        .bind(filter.state.map(RegistrationState::as_str))
        .bind(filter.channel.map(Channel::as_str))
        .bind(filter.location.map(LocationId::as_str))
        .bind(filter.station.map(StationId::as_str))
        .bind(after.map_or_else(|| vec![u8::MAX; 16], |after| after.as_bytes().to_vec()))
        .bind(limit)
        .fetch_all(c)
        });
        rows.map_err(|error| self.error(error))?.into_iter().map(RegistrationRow::stored).collect()
    }

    /// How many there are, by channel, place and state.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn registration_counts(&mut self) -> Result<Vec<RegistrationCountRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT channel, COALESCE(location, '') AS location, state, COUNT(*) AS registrations FROM registration
             GROUP BY channel, COALESCE(location, ''), state ORDER BY channel, COALESCE(location, ''), state"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Registrations that wait for something beyond its last moment.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn registrations_overdue(&mut self, now: Timestamp, limit: i64) -> Result<Vec<RegistrationId>, StoreError> {
        let rows: Result<Vec<Vec<u8>>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT id FROM registration WHERE state IN ('begun', 'verified') AND until < $1 ORDER BY until LIMIT $2"
        )
        .bind(now.micros())
        .bind(limit)
        .fetch_all(c));
        let id = |bytes: Vec<u8>| RegistrationId::from_bytes(&bytes);
        let broken = |_| StoreError::Broken(anyhow::anyhow!("a registration has a bad id"));
        rows.map_err(|error| self.error(error))?.into_iter().map(id).collect::<Result<_, _>>().map_err(broken)
    }
}

impl Write {
    /// One registration, locked for the rest of the transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn registration_locked(&mut self, id: RegistrationId) -> Result<Option<StoredRegistration>, StoreError> {
        let row: Result<Option<RegistrationRow>, _> = on_locked!(
            *self.conn(),
            "SELECT id, channel, location, station, tier, state, kind, reason, tries, begun_at, until, ended_at, code_mac, person,
               account, device
             FROM registration WHERE id = $1",
            |c, sql| sqlx::query_as(sql).bind(&id.as_bytes()[..]).fetch_optional(c)
        );
        row.map_err(|error| self.error(error))?.map(RegistrationRow::stored).transpose()
    }

    /// Puts down that evidence was taken. Nothing of the person is in the row.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_registration(&mut self, new: &StoredRegistration) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO registration (id, channel, location, station, tier, state, tries, begun_at, until)
             VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8)"
        )
        .bind(&new.id.as_bytes()[..])
        .bind(new.channel.as_str())
        .bind(new.location.as_ref().map(LocationId::as_str))
        .bind(new.station.as_ref().map(StationId::as_str))
        .bind(new.tier.as_str())
        .bind(new.progress.state().as_str())
        .bind(new.begun_at.micros())
        .bind(new.begun_at.plus(domain::registering::CHECKED_WITHIN).micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Puts down how a registration stands, and what of it is kept; the rest is gone from its row.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn put_registration(
        &mut self,
        id: RegistrationId,
        progress: Progress,
        left: Left<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let (kind, reason, until, tries) = match progress {
            Progress::Begun { .. } => (None, None, None, 0),
            Progress::Verified { until, tries } => (None, None, Some(until), tries),
            Progress::Completed { kind, until } => (Some(kind), None, Some(until), 0),
            Progress::Refused(reason) | Progress::Abandoned(reason) => (None, Some(reason), None, 0),
            Progress::Expired => (None, Some(RegistrationEnd::NoDevice), None, 0),
        };
        let open = matches!(progress, Progress::Begun { .. } | Progress::Verified { .. });
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "UPDATE registration SET state = $2, kind = $3, reason = $4, tries = $5, until = COALESCE($6, until), ended_at = $7,
               code_mac = $8, person = $9, account = $10, device = $11
             WHERE id = $1"
        )
        .bind(&id.as_bytes()[..])
        .bind(progress.state().as_str())
        .bind(kind.map(RegistrationKind::as_str))
        .bind(reason.map(RegistrationEnd::as_str))
        .bind(i16::try_from(tries).unwrap_or(i16::MAX))
        .bind(until.map(Timestamp::micros))
        .bind((!open).then_some(now.micros()))
        .bind(left.code_mac)
        .bind(left.person)
        .bind(left.account.map(|id| id.as_bytes().to_vec()))
        .bind(left.device)
        .execute(c)
        .map_ok(|done| done.rows_affected())
        });
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }
}
