use api::sandbox::{ListRequests, WaitingRequest, WaitingRequests};
use domain::{Environment, Refusal, RequestState, Timestamp};

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::request::Named;
use crate::store::{AppRequestRow, Read, StoreError};

/// The most that are told at once.
const MOST: i64 = 500;

/// What waits for the citizens of a sandbox, so that virtual phones can answer it.
pub async fn requests(app: &App, _: &Caller, op: ListRequests) -> Result<WaitingRequests, Failure> {
    if app.environment == Environment::Production {
        let refusal = Refusal::new("phone.production", "there are virtual phones on sandbox instances only");
        return Err(refusal.hint("make a sandbox instance: iamd init --environment sandbox").into());
    }
    let mut read = app.store.read().await?;
    let rows = match &op.shown {
        None => read.app_requests_open(app.latest(), MOST).await?,
        Some(shown) => named(app, &mut read, shown).await?.into_iter().collect(),
    };
    let requests = rows.iter().map(waiting).collect::<Result<_, _>>()?;
    Ok(WaitingRequests { public_url: app.issuer_url.clone(), requests })
}

async fn named(app: &App, read: &mut Read, shown: &str) -> Result<Option<AppRequestRow>, Failure> {
    let unlocked = app.keys.now();
    let Some(named) = Named::read(shown, unlocked.handles()).map_err(anyhow::Error::from)? else { return Ok(None) };
    let Some(id) = read.citizen_request_shown(named.shown()).await? else { return Ok(None) };
    let Some(row) = read.app_request(id).await? else { return Ok(None) };
    Ok((row.state(app.latest())? == RequestState::Waiting).then_some(row))
}

fn waiting(row: &AppRequestRow) -> Result<WaitingRequest, StoreError> {
    Ok(WaitingRequest {
        request: row.id()?,
        account: row.account()?,
        client: row.client()?,
        function: row.function()?,
        comparison_code: row.code()?,
        asked_at: Timestamp::from_micros(row.asked_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}
