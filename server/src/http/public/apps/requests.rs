//! What services ask of a citizen: shown, taken up, approved, refused.

use std::sync::Arc;

use api::app::request::{AppRequest, Approval, Decided, Decision, Refuse, TakeUp};
use axum::extract::State;
use axum::response::Response;
use domain::{CitizenRequestId, Tier, Timestamp, citizen_request};

use super::answer::answer;
use super::authenticate::Citizen;
use crate::account::seal::open_message;
use crate::app::App;
use crate::failure::Failure;
use crate::http::public::in_path::InPath;
use crate::request::{Device, Named, approve, refuse, take_up};
use crate::store::{AppRequestRow, CitizenRequestRow, Read};
use uuid::Uuid;

impl Citizen {
    fn device(&self) -> Device<'_> {
        Device {
            owner: self.device.owner,
            account: self.device.account,
            thumbprint: &self.device.thumbprint,
            request: self.request,
        }
    }
}

pub(super) async fn waiting(State(app): State<Arc<App>>, citizen: Citizen) -> Response {
    answer("requests.list", citizen.request, async {
        let mut read = app.store.read().await?;
        let rows = read.app_requests_waiting(citizen.device.owner, app.latest()).await?;
        let mut all = Vec::with_capacity(rows.len());
        for row in &rows {
            all.push(shown(&app, &mut read, citizen.device.owner, row).await?);
        }
        Ok(all)
    })
    .await
}

/// As its citizen sees it, the service's message opened.
async fn shown(app: &App, read: &mut Read, owner: Uuid, row: &AppRequestRow) -> Result<AppRequest, Failure> {
    let wants = row.wants()?;
    let binding_message = match &wants.message {
        None => None,
        Some(sealed) => match read.account_of_id(owner).await? {
            None => None,
            Some(stored) => {
                app.keys.learn(read, &stored.kek_id).await;
                open_message(&app.keys, &stored, row.id()?, sealed)?
            }
        },
    };
    Ok(AppRequest {
        request: row.id()?,
        client: row.client()?,
        organisation: row.organisation(),
        service: row.service(),
        function: row.function()?,
        tier: if wants.plus { Tier::IamSmartPlus } else { Tier::IamSmart },
        channel: row.channel()?,
        claims: wants.claims,
        binding_message,
        offline: wants.offline,
        comparison_code: row.code()?,
        asked_at: Timestamp::from_micros(row.asked_at),
        expires_at: Timestamp::from_micros(row.expires_at),
    })
}

pub(super) async fn takes_up(State(app): State<Arc<App>>, citizen: Citizen) -> Response {
    answer("requests.claim", citizen.request, async {
        let TakeUp { shown: text } = citizen.says()?;
        let unlocked = app.keys.now();
        app.guesses.check(citizen.device.owner, app.clock.now())?;
        let taken = match Named::read(&text, unlocked.handles()).map_err(anyhow::Error::from)? {
            Some(named) => take_up(&app, &citizen.device(), named.shown()).await,
            None => Err(citizen_request::not_found().into()),
        };
        if taken.as_ref().is_err_and(|failure| failure.code() == "request.not-found") {
            app.guesses.missed(citizen.device.owner, app.clock.now());
        }
        let id = taken?.id()?;
        let mut read = app.store.look().await?;
        let row = read.app_request(id).await?.ok_or_else(citizen_request::not_found)?;
        shown(&app, &mut read, citizen.device.owner, &row).await
    })
    .await
}

pub(super) async fn approves(State(app): State<Arc<App>>, InPath(id): InPath, citizen: Citizen) -> Response {
    answer("requests.approve", citizen.request, async {
        let Approval { claims } = citizen.says()?;
        let row = approve(&app, &citizen.device(), read(&id)?, &claims).await?;
        app.wake.sealer.notify_one();
        decided(&row, Decision::Approved)
    })
    .await
}

pub(super) async fn refuses(State(app): State<Arc<App>>, InPath(id): InPath, citizen: Citizen) -> Response {
    answer("requests.refuse", citizen.request, async {
        let Refuse {} = citizen.says()?;
        let row = refuse(&app, &citizen.device(), read(&id)?).await?;
        app.wake.sealer.notify_one();
        decided(&row, Decision::Refused)
    })
    .await
}

/// An id that is none is answered as one that nobody has.
fn read(id: &str) -> Result<CitizenRequestId, Failure> {
    id.parse().map_err(|_| citizen_request::not_found().into())
}

fn decided(row: &CitizenRequestRow, state: Decision) -> Result<Decided, Failure> {
    let decided_at = Timestamp::from_micros(row.decided_at.unwrap_or(row.asked_at));
    Ok(Decided { request: row.id()?, state, decided_at })
}
