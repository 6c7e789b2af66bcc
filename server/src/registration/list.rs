use std::collections::BTreeMap;

use api::Page;
use api::registration::{CountRegistrations, ListRegistrations, RegistrationCount, RegistrationView};
use domain::{Progress, RegistrationEnd, RegistrationId, RegistrationState};

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{RegistrationFilter, StoredRegistration};

/// Registrations, the newest first; no personal data, so nothing is unsealed and nothing audited.
pub async fn list(app: &App, _: &Caller, op: ListRegistrations) -> Result<Page<RegistrationView>, Failure> {
    let after: Option<RegistrationId> = match op.page.after.as_deref().map(str::parse) {
        None => None,
        Some(Ok(after)) => Some(after),
        Some(Err(error)) => return Err(Failure::invalid_field("page.after", "after", format!("'after' is {error}"))),
    };
    let filter =
        RegistrationFilter { state: op.state, channel: op.channel, location: op.location.as_ref(), station: op.station.as_ref() };
    let rows = app.store.read().await?.registrations(filter, after, op.page.limit()).await?;
    let items: Vec<_> = rows.into_iter().map(view).collect();
    let next = crate::page::next(&items, op.page.limit(), |view| view.registration.to_string());
    Ok(Page { items, next })
}

/// How many there are, by channel and place.
pub async fn count(app: &App, _: &Caller, _: CountRegistrations) -> Result<Vec<RegistrationCount>, Failure> {
    let mut counts: BTreeMap<(String, String), RegistrationCount> = BTreeMap::new();
    for row in app.store.read().await?.registration_counts().await? {
        let broken = |what: &str| anyhow::anyhow!("a registration has a bad {what}");
        let count = RegistrationCount {
            channel: row.channel.parse().map_err(|_| broken("channel"))?,
            location: (!row.location.is_empty()).then(|| row.location.parse()).transpose().map_err(|_| broken("location"))?,
            open: 0,
            completed: 0,
            refused: 0,
            expired: 0,
            abandoned: 0,
        };
        let count = counts.entry((row.channel, row.location)).or_insert(count);
        let there = u64::try_from(row.registrations).unwrap_or(0);
        match row.state.parse().map_err(|_| broken("state"))? {
            RegistrationState::Begun | RegistrationState::Verified => count.open += there,
            RegistrationState::Completed => count.completed += there,
            RegistrationState::Refused => count.refused += there,
            RegistrationState::Expired => count.expired += there,
            RegistrationState::Abandoned => count.abandoned += there,
        }
    }
    Ok(counts.into_values().collect())
}

/// What the office sees of a registration.
pub(super) fn view(row: StoredRegistration) -> RegistrationView {
    let (kind, reason) = match row.progress {
        Progress::Completed { kind, .. } => (Some(kind), None),
        Progress::Refused(reason) | Progress::Abandoned(reason) => (None, Some(reason)),
        Progress::Expired => (None, Some(RegistrationEnd::NoDevice)),
        Progress::Begun { .. } | Progress::Verified { .. } => (None, None),
    };
    RegistrationView {
        registration: row.id,
        state: row.progress.state(),
        kind,
        reason,
        channel: row.channel,
        location: row.location,
        station: row.station,
        tier: row.tier,
        begun_at: row.begun_at,
        ended_at: row.ended_at,
    }
}
