use api::audit::AuditOutcome;
use domain::{
    AccountId, AccountState, CitizenRequest, CitizenRequestId, Claim, Outcome, Refusal, RequestId, Tier, Timestamp,
    citizen_request,
};
use serde_json::json;
use uuid::Uuid;

use super::ask::check_service;
use super::outcome::record;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{CitizenRequestRow, EndedRequestRow, PublicActor, PublicUse, Shown, StoreError, StoredAccount, Write};

/// The device of a citizen that has signed what it asks.
#[derive(Debug, Clone, Copy)]
pub struct Device<'a> {
    /// Whose, by the id in the database.
    pub owner: Uuid,
    /// Whose.
    pub account: AccountId,
    /// The RFC 7638 thumbprint of its key.
    pub thumbprint: &'a str,
    /// This request to us.
    pub request: RequestId,
}

impl Device<'_> {
    fn actor(&self) -> PublicActor<'_> {
        PublicActor::Citizen { account: self.account, device: self.thumbprint }
    }
}

/// Somebody has a request on their screen: it becomes theirs.
///
/// # Errors
/// By the rule ([`CitizenRequest::take_up`]); `request.service` when the service is there no more; `request.tier` when their account may not answer it; as [`approve`].
pub async fn take_up(app: &App, device: &Device<'_>, shown: Shown<'_>) -> Result<CitizenRequestRow, Failure> {
    let mut tx = app.store.write().await?;
    let id = tx.citizen_request_shown(shown).await?.ok_or_else(citizen_request::not_found)?;
    let stored = keep_owner(&mut tx, device).await?;
    let row = tx.citizen_request_locked(id).await?.ok_or_else(citizen_request::not_found)?;
    let request = row.request()?;
    let taken = request.take_up(device.owner, app.latest())?;
    check_service(&mut tx, row.service).await?;
    check_tier(&request, &stored)?;
    if taken == request {
        // Nothing is changed by looking again.
        return Ok(row);
    }
    tx.put_citizen_request(id, &taken, None, app.clock.now()).await?;
    let facts = json!({ "request": id, "rp": row.relying_party });
    let action = "request.take-up";
    commit(tx, device, action, facts).await?;
    Ok(CitizenRequestRow { account: Some(device.owner.as_bytes().to_vec()), ..row })
}

/// The citizen says yes; durable when this returns. What was released before is consented to from now on.
///
/// # Errors
/// By the rule ([`CitizenRequest::approve`]); `account.suspended` when the account has been, `device.ended` when another device has
/// followed this one.
pub async fn approve(
    app: &App,
    device: &Device<'_>,
    id: CitizenRequestId,
    released: &[Claim],
) -> Result<CitizenRequestRow, Failure> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    let stored = keep_owner(&mut tx, device).await?;
    let row = tx.citizen_request_locked(id).await?.ok_or_else(citizen_request::not_found)?;
    let request = row.request()?;
    let approved = request.approve(device.owner, released, app.latest())?;
    check_service(&mut tx, row.service).await?;
    check_tier(&request, &stored)?;
    tx.put_citizen_request(id, &approved, Some(now), now).await?;
    let granted = approved.granted.as_deref().unwrap_or_default();
    tx.give_consent(device.owner, row.service, &words(granted), now).await?;
    tell(&mut tx, &row, id, now).await?;
    let facts = json!({ "request": id, "rp": row.relying_party, "released": granted });
    commit(tx, device, "request.approve", facts).await?;
    wake(app, &row);
    Ok(changed(row, &approved, now.micros()))
}

/// The citizen says no.
///
/// # Errors
/// As [`approve`].
pub async fn refuse(app: &App, device: &Device<'_>, id: CitizenRequestId) -> Result<CitizenRequestRow, Failure> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    let stored = keep_owner(&mut tx, device).await?;
    let row = tx.citizen_request_locked(id).await?.ok_or_else(citizen_request::not_found)?;
    let refused = row.request()?.refuse(device.owner, app.latest())?;
    tx.put_citizen_request(id, &refused, Some(now), now).await?;
    let ended = EndedRequestRow {
        id: row.id.clone(),
        service: row.service,
        function: row.function,
        channel: row.channel,
        account: Some(device.owner.as_bytes().to_vec()),
        decided_at: Some(now.micros()),
    };
    record(app, &mut tx, &ended, &stored, Outcome::Refused).await?;
    tell(&mut tx, &row, id, now).await?;
    let facts = json!({ "request": id, "rp": row.relying_party });
    commit(tx, device, "request.refuse", facts).await?;
    wake(app, &row);
    Ok(changed(row, &refused, now.micros()))
}

/// A client that wants to be told of the decision is, once it is durable.
async fn tell(tx: &mut Write, row: &CitizenRequestRow, id: CitizenRequestId, now: Timestamp) -> Result<(), StoreError> {
    match row.notify {
        Some(_) => tx.tell_of_decision(id, now).await,
        None => Ok(()),
    }
}

fn wake(app: &App, row: &CitizenRequestRow) {
    if row.notify.is_some() {
        app.wake.outbox.notify_one();
    }
}

/// The account of the device, which stays as it is until the transaction ends, and its device in use.
async fn keep_owner(tx: &mut Write, device: &Device<'_>) -> Result<StoredAccount, Failure> {
    let stored = tx.account_kept(device.owner).await?.ok_or_else(|| Failure::not_found("account", device.account))?;
    if stored.account.state() != AccountState::Active {
        let state = stored.account.state();
        return Err(Refusal::new("account.suspended", format!("account {} is {state}", device.account))
            .hint("the citizen registers again")
            .into());
    }
    let known = tx.device_by_thumbprint(device.thumbprint).await?;
    if known.is_none_or(|known| known.ended || known.owner != device.owner) {
        return Err(Refusal::new("device.ended", "another device has followed this one").into());
    }
    Ok(stored)
}

fn check_tier(request: &CitizenRequest, stored: &StoredAccount) -> Result<(), Failure> {
    if request.wants.plus && stored.account.tier != Tier::IamSmartPlus {
        return Err(Refusal::new("request.tier", "the service wants an account of iAM Smart+")
            .hint("upgrade at a kiosk, a counter or with a mobile team")
            .into());
    }
    Ok(())
}

async fn commit(tx: Write, device: &Device<'_>, action: &'static str, facts: serde_json::Value) -> Result<(), Failure> {
    let record = PublicUse {
        actor: device.actor(),
        action,
        subject: device.account.to_string(),
        outcome: AuditOutcome::Done,
        request: device.request,
        facts,
    };
    Ok(tx.commit_public(record).await?)
}

fn words(claims: &[Claim]) -> String {
    claims.iter().map(|claim| claim.as_str()).collect::<Vec<_>>().join(" ")
}

fn changed(row: CitizenRequestRow, request: &CitizenRequest, at: i64) -> CitizenRequestRow {
    CitizenRequestRow {
        state: request.state.to_string(),
        account: request.account.map(|account| account.as_bytes().to_vec()),
        granted: request.granted.as_ref().and_then(|granted| serde_json::to_string(granted).ok()),
        expires_at: request.expires_at.micros(),
        decided_at: Some(at),
        link: None,
        code: None,
        ..row
    }
}
