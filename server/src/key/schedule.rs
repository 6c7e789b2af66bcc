//! Rotations that nobody asks for: keys whose certificates are about to run short are followed on schedule, by plans of the
//! platform's own that take the same steps as everybody's.

use std::time::Duration;

use domain::{ActivateAt, KeyPurpose, KeyState, PlanState, RotationPlan, Timestamp, renew_from, renews_itself};
use pki::{AuthorityPurpose, Certificate};
use serde_json::json;

use super::begin::{begin, make_way, planned, signing};
use super::clock::doubt;
use super::work::{self, Line};
use crate::app::{App, Keep};
use crate::certificate::clock::fault;
use crate::failure::Failure;
use crate::keys::SERVERS;
use crate::store::{Housekeeping, KeyRow, Leader, PlanRow, StoreError};

/// A plan that its node has not run by then, another one runs: that node has died.
const LEFT: Duration = Duration::from_mins(1);
/// When somebody has called a scheduled rotation off, the next one is not begun before.
const CALLED_OFF: Duration = Duration::from_hours(24);

/// Plans and runs every rotation that is due by itself; gives how many. A clock that cannot be believed rotates nothing.
///
/// # Errors
/// When the database cannot be reached; when a key cannot be made or a rule refuses it: then all others are rotated all the same.
pub async fn rotate_due(app: &App) -> anyhow::Result<usize> {
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let keys = read.live_keys().await?;
    let due: Vec<&KeyRow> = keys.iter().filter(|row| is_due(row, &keys, now)).collect();
    if due.is_empty() {
        return Ok(0);
    }
    let plans = read.open_plans().await?;
    if doubt(&mut read, now).await?.is_some() || fault(app, &mut read, now).await?.is_some() {
        return Ok(0);
    }
    let past = read.plans().await?;
    drop(read);
    let (mut begun, mut failed) = (0, Ok(()));
    for row in due {
        if was_called_off(&past, row, now) {
            continue;
        }
        match follow(app, row, &plans, now).await {
            Ok(done) => begun += usize::from(done),
            Err(error) => {
                metrics::counter!("iam_key_rotations_failed_total", "purpose" => row.purpose.clone()).increment(1);
                let error = error.context(format!("{} is not followed on schedule", row.kid));
                if let Err(other) = std::mem::replace(&mut failed, Err(error)) {
                    tracing::warn!(error = format!("{other:#}"), "a scheduled rotation failed, and will be tried again");
                }
            }
        }
    }
    failed.map(|()| begun)
}

/// Plans and runs the rotation of one key; gives whether it was this node that did.
async fn follow(app: &App, row: &KeyRow, plans: &[PlanRow], now: Timestamp) -> anyhow::Result<bool> {
    let purpose: KeyPurpose = row.purpose.parse().map_err(|_| anyhow::anyhow!("key {} has a bad purpose", row.kid))?;
    let line = work::line(purpose, Some(&row.name), None).map_err(told)?;
    match plan(app, &line, plans, row, now).await? {
        Some(plan) => run(app, &line, plan, now).await,
        None => Ok(false),
    }
}

/// Whether a key is to be followed now, and none follows it yet.
fn is_due(row: &KeyRow, keys: &[KeyRow], now: Timestamp) -> bool {
    let Ok(purpose) = row.purpose.parse::<KeyPurpose>() else { return false };
    if row.state != KeyState::Active.as_str() || !renews_itself(purpose) {
        return false;
    }
    let Some(certificate) = row.certificate.as_deref().and_then(|der| Certificate::from_der(der).ok()) else { return false };
    let waits = |other: &KeyRow| {
        let same_slot = other.purpose == row.purpose && other.name == row.name && other.algorithm == row.algorithm;
        same_slot && other.state == KeyState::Published.as_str()
    };
    let since = Timestamp::from_micros(row.activate_at.unwrap_or(row.created_at));
    let view = certificate.view();
    !keys.iter().any(waits)
        && renew_from(purpose, since, [view.not_before, view.not_after]) <= now
        && would_last(row, purpose, keys, [now, view.not_after])
}

/// Whether one that follows would be of use: it ends with its authority at the latest. Stamps want a new key for its own sake.
fn would_last(row: &KeyRow, purpose: KeyPurpose, keys: &[KeyRow], [now, ends]: [Timestamp; 2]) -> bool {
    let active = |key: &KeyRow, line: &str| key.name == line && key.state == KeyState::Active.as_str();
    let issues = |key: &&KeyRow| match purpose {
        KeyPurpose::Ocsp => key.kid == row.name,
        KeyPurpose::TimeStamping => active(key, AuthorityPurpose::TimeStamping.line()),
        _ => active(key, SERVERS),
    };
    let authority = keys.iter().filter(|key| key.purpose == KeyPurpose::IssuingCa.as_str()).find(issues);
    let certificate = authority.and_then(|key| Certificate::from_der(key.certificate.as_deref()?).ok());
    certificate.is_none_or(|authority| {
        let end = authority.view().not_after;
        end > now && (end > ends || purpose == KeyPurpose::TimeStamping)
    })
}

/// Whether somebody has called off what would be done, and means it.
fn was_called_off(plans: &[PlanRow], row: &KeyRow, now: Timestamp) -> bool {
    plans.iter().any(|plan| {
        let same = plan.purpose == row.purpose && plan.name == row.name && plan.created_by.is_empty();
        let at = plan.finished_at.filter(|_| same && plan.state == PlanState::Aborted.as_str());
        at.is_some_and(|at| now < Timestamp::from_micros(at).plus(CALLED_OFF))
    })
}

/// Writes the plan down, so that one node alone makes the key; gives nothing where another node has the plan in hand. One that was
/// left behind is gone on with.
async fn plan(
    app: &App,
    line: &Line,
    open: &[PlanRow],
    follows: &KeyRow,
    now: Timestamp,
) -> anyhow::Result<Option<RotationPlan>> {
    let own = |row: &&PlanRow| {
        let ours = row.created_by.is_empty() && row.state == PlanState::Planned.as_str();
        ours && row.purpose == line.purpose.as_str() && row.name == line.name
    };
    if let Some(row) = open.iter().find(own) {
        let left = now.saturating_since(Timestamp::from_micros(row.created_at)) >= LEFT;
        return Ok(if left { Some(row.plan()?) } else { None });
    }
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::KeySteps).await? {
        tx.rollback().await?;
        return Ok(None);
    }
    let plan = planned(app, line, ActivateAt::AfterPublish, None, now);
    let lapsed = make_way(&mut tx, &plan, now).await.map_err(told)?;
    match tx.insert_plan(&plan).await {
        Ok(()) => {}
        Err(StoreError::Unique) => {
            tx.rollback().await?;
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    }
    let facts = json!({ "purpose": line.purpose, "name": line.name, "follows": follows.kid, "lapsed": lapsed });
    tx.commit_housekeeping(Housekeeping::Step { action: "key.plan", subject: plan.id.to_string(), facts }).await?;
    Ok(Some(plan))
}

/// Makes the key and publishes it; from there on the plan's steps are taken as any other's.
async fn run(app: &App, line: &Line, plan: RotationPlan, now: Timestamp) -> anyhow::Result<bool> {
    let seen = signing(app, line.purpose).await.map_err(told)?;
    let fresh = work::make(app, line, Keep::Effects, now).await.map_err(told)?;
    let mut tx = app.store.write().await?;
    let id = plan.id;
    let Some(plan) = tx.plan(id).await?.map(|row| row.plan()).transpose()?.filter(|plan| plan.state == PlanState::Planned) else {
        // Another node was faster, or an operator.
        tx.rollback().await?;
        return Ok(false);
    };
    let begun = match begin(app, &mut tx, plan, line, &seen, &fresh, now).await {
        Ok(begun) => begun,
        Err(Failure::Conflict(refusal)) => {
            tracing::info!(plan = %id, reason = refusal.message, "a scheduled rotation gave way to another");
            tx.rollback().await?;
            return Ok(false);
        }
        Err(failure) => return Err(told(failure)),
    };
    let facts = begun.facts();
    fresh.kept();
    tx.commit_housekeeping(Housekeeping::Step { action: "key.publish", subject: id.to_string(), facts }).await?;
    app.wake.sealer.notify_one();
    Ok(true)
}

fn told(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Internal(error) => error,
        other => anyhow::anyhow!("a scheduled rotation was refused: {} ({other:?})", other.code()),
    }
}
