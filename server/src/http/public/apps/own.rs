//! What a citizen sees and changes of their own account.

use std::sync::Arc;
use std::time::Duration;

use api::app::own::{Consent, LoginHint, SuspendOwn, Use};
use axum::extract::{Path, State};
use axum::response::Response;
use domain::{ClientId, Timestamp};

use super::answer::answer;
use super::authenticate::Citizen;
use crate::account::suspend_own::suspend_own;
use crate::app::App;
use crate::consent::withdraw::withdraw;
use crate::failure::Failure;
use crate::store::{AppRequestRow, ConsentRow, StoreError};

/// How much of the past is told.
const PAST: i64 = 200;
/// How long a service can ask by a hint.
const HINT: Duration = Duration::from_mins(5);

pub(super) async fn consents(State(app): State<Arc<App>>, citizen: Citizen) -> Response {
    answer("own.consents", citizen.request, async {
        let mut read = app.store.read().await?;
        let rows = read.consents_of(citizen.device.owner).await?;
        Ok(rows.into_iter().map(consent).collect::<Result<Vec<_>, _>>()?)
    })
    .await
}

fn consent(row: ConsentRow) -> Result<Consent, StoreError> {
    Ok(Consent {
        client: row.client()?,
        organisation: row.organisation(),
        service: row.name(),
        claims: row.granted.split_whitespace().filter_map(|claim| claim.parse().ok()).collect(),
        given_at: Timestamp::from_micros(row.given_at),
        used_at: Timestamp::from_micros(row.used_at),
    })
}

pub(super) async fn withdraws(State(app): State<Arc<App>>, Path(client): Path<String>, citizen: Citizen) -> Response {
    answer("own.withdraw", citizen.request, async {
        // A name that is none is answered as one that nobody has.
        let client: ClientId = client.parse().map_err(|_| Failure::not_found("consent", domain::visible(&client)))?;
        withdraw(&app, &citizen.device, client, citizen.request).await
    })
    .await
}

pub(super) async fn suspends(State(app): State<Arc<App>>, citizen: Citizen) -> Response {
    answer("own.suspend", citizen.request, async {
        let SuspendOwn {} = citizen.says()?;
        suspend_own(&app, &citizen.device, citizen.request).await
    })
    .await
}

pub(super) async fn uses(State(app): State<Arc<App>>, citizen: Citizen) -> Response {
    answer("own.uses", citizen.request, async {
        let now = app.latest();
        let rows = app.store.read().await?.app_requests_past(citizen.device.owner, now, PAST).await?;
        Ok(rows.iter().map(|row| past(row, now)).collect::<Result<Vec<_>, _>>()?)
    })
    .await
}

fn past(row: &AppRequestRow, now: Timestamp) -> Result<Use, StoreError> {
    Ok(Use {
        request: row.id()?,
        client: row.client()?,
        organisation: row.organisation(),
        service: row.service(),
        function: row.function()?,
        channel: row.channel()?,
        state: row.state(now)?,
        claims: row.granted()?,
        asked_at: Timestamp::from_micros(row.asked_at),
        ended_at: row.ended_at.map(Timestamp::from_micros),
    })
}

pub(super) async fn login_hint(State(app): State<Arc<App>>, citizen: Citizen) -> Response {
    answer("own.login-hint", citizen.request, async {
        let expires_at = app.latest().plus(HINT);
        let unlocked = app.keys.now();
        let token = unlocked.handles().login_hint(citizen.device.owner, expires_at).map_err(anyhow::Error::from)?;
        Ok(LoginHint { login_hint_token: token, expires_at })
    })
    .await
}
