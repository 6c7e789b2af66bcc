//! What a citizen sees and changes of their own account.

use std::sync::Arc;
use std::time::Duration;

use api::Page;
use api::app::own::{Consent, LoginHint, MOST_USES, SuspendOwn, Use};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use domain::{CitizenRequestId, ClientId, Timestamp};
use url::form_urlencoded;

use super::answer::answer;
use super::authenticate::Citizen;
use crate::account::suspend_own::suspend_own;
use crate::app::App;
use crate::consent::withdraw::withdraw;
use crate::failure::{Failure, TRIES};
use crate::http::public::in_path::InPath;
use crate::store::{AppRequestRow, ConsentRow, StoreError};

/// How long a service can ask by a hint.
const HINT: Duration = Duration::from_mins(5);

pub(super) async fn consents(State(app): State<Arc<App>>, citizen: Citizen) -> Response {
    answer("own.consents", citizen.request, async {
        let mut read = app.store.look().await?;
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

pub(super) async fn withdraws(State(app): State<Arc<App>>, InPath(client): InPath, citizen: Citizen) -> Response {
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
        // Whoever stands in the way is over in a moment; a citizen whose phone is gone is not sent to try again.
        let mut tries = 0;
        loop {
            tries += 1;
            match suspend_own(&app, &citizen.device, citizen.request).await {
                Err(failure) if failure.is_contended() && tries < TRIES => {}
                done => return done,
            }
        }
    })
    .await
}

pub(super) async fn uses(State(app): State<Arc<App>>, RawQuery(query): RawQuery, citizen: Citizen) -> Response {
    answer("own.uses", citizen.request, async {
        let (after, limit) = page(query.as_deref().unwrap_or_default())?;
        let now = app.latest();
        let rows = app.store.look().await?.app_requests_past(citizen.device.owner, now, after, limit).await?;
        let items = rows.iter().map(|row| past(row, now)).collect::<Result<Vec<_>, _>>()?;
        let next = crate::page::next(&items, limit, |row| row.request.to_string());
        Ok(Page { items, next })
    })
    .await
}

/// Where the page begins, and how many rows it has at most.
fn page(query: &str) -> Result<(Option<CitizenRequestId>, i64), Failure> {
    let (mut after, mut limit) = (None, MOST_USES);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "after" => {
                let told = |error| Failure::invalid_field("page.after", "after", format!("'after' is {error}"));
                after = Some(value.parse().map_err(told)?);
            }
            "limit" => {
                let most = || Failure::invalid_field("request.invalid", "limit", format!("'limit' is 1 to {MOST_USES}"));
                limit = value.parse().ok().filter(|limit| (1..=MOST_USES).contains(limit)).ok_or_else(most)?;
            }
            other => {
                let message = format!("there is no parameter '{}' here", domain::visible(other));
                return Err(Failure::invalid_field("request.invalid", "query", message));
            }
        }
    }
    Ok((after, i64::from(limit)))
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
