use api::key::RotatedKey;
use api::rotation::EmergencyRotation;
use domain::{ActivateAt, KeyState, PlanRef, RotationPlan, Timestamp};
use serde_json::json;

use super::abort::call_off;
use super::begin::{Begun, make_way, open_plans, planned, readiness, signing, somebody_was_faster, unless_others_sign};
use super::revoke::settle;
use super::take_over::{Replaced, kids, put, take_over};
use super::telling::{Withdrawn, tell_parties};
use super::work::{self, Line};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::FreshKeys;
use crate::store::{KeyRow, Write};

/// Replaces a key that somebody else has. A generation that waits takes over, for relying parties may know it already; where none
/// waits, a fresh one. Every generation that was accepted is revoked: the stolen one may be the one before.
pub async fn emergency(app: &App, caller: &Caller, op: EmergencyRotation) -> Result<Vec<RotatedKey>, Failure> {
    op.reason.check_for_key().map_err(|refusal| Failure::invalid_field(refusal.code, "reason", refusal.message))?;
    let line = work::line(op.purpose, op.name.as_deref(), op.algorithm)?;
    work::must_be_at_once(&line)?;
    let now = app.clock.now();
    let seen = signing(app, op.purpose).await?;
    // Whether any is needed shows below: a token that is away must not keep a generation that waits from taking over.
    let (mut fresh, unmade) = match work::make(app, &line, caller.keep, now).await {
        Ok(fresh) => (fresh, None),
        Err(failure) => (FreshKeys::none(), Some(failure)),
    };
    let mut tx = app.store.write().await?;
    unless_others_sign(&mut tx, op.purpose, &seen).await?;
    let plan = planned(app, &line, ActivateAt::Now, Some(&caller.operator), now);
    let plan = RotationPlan { emergency: Some(op.reason), ..plan }.run(now, now)?;
    let lapsed = make_way(&mut tx, &plan, now).await.map_err(somebody_was_faster)?;
    let waiting = adopt(app, &mut tx, &plan, &line, now).await.map_err(somebody_was_faster)?;
    tx.insert_plan(&plan).await.map_err(|error| somebody_was_faster(error.into()))?;
    fresh.retain(|row| !waiting.adopted.iter().any(|other| other.algorithm == row.algorithm));
    if let Some(failure) = unmade.filter(|_| waiting.adopted.len() < line.algorithms.len()) {
        return Err(failure);
    }
    work::publish(app, &mut tx, &plan, &fresh).await.map_err(somebody_was_faster)?;
    let rows = tx.keys(Some(op.purpose), None).await?;
    let done = take_over(app, &mut tx, &plan, &rows, Replaced::AreRevoked(op.reason), now).await.map_err(somebody_was_faster)?;
    let ended = settle(&mut tx, op.purpose, now).await.map_err(somebody_was_faster)?;
    let revoked = [done.old.as_slice(), &done.older].concat();
    let (purpose, subject, reason) = (op.purpose, done.plan.id.to_string(), op.reason);
    let withdrawn = Withdrawn { purpose, subject, revoked: &revoked, active: &done.new, reason };
    let notices = tell_parties(app, &mut tx, withdrawn, now).await?;
    let readiness = readiness(&mut tx, &done.plan, &done.new, now).await?;
    let begun = Begun { plan: done.plan, made: done.new, replaced: done.old, older: done.older, lapsed, readiness };
    let facts = json!({ "rotation": begun.facts(), "revoked": kids(&revoked), "called_off": waiting.called_off,
        "ended": ended, "reason": op.reason, "notices": notices });
    let mut reply = begun.reply()?;
    for made in &mut reply {
        made.notices = Some(notices.clone());
    }
    fresh.hand_over(caller);
    let reply = tx.commit(caller.record(&op).facts(facts), reply).await?;
    app.wake.outbox.notify_one();
    Ok(reply)
}

/// What stood in the way of an emergency.
struct Waiting {
    adopted: Vec<KeyRow>,
    called_off: Vec<PlanRef>,
}

/// Calls the rotations off that are under way in the line, and takes over their published generations of it.
async fn adopt(app: &App, tx: &mut Write, plan: &RotationPlan, line: &Line, now: Timestamp) -> Result<Waiting, Failure> {
    let slots = line.slots();
    let mut adopted = Vec::new();
    for row in tx.keys(Some(line.purpose), Some(KeyState::Published)).await? {
        let mut generation = row.generation()?;
        if slots.contains(&generation.slot()) {
            generation.plan = Some(plan.id);
            adopted.push(put(tx, &row, &generation).await?);
        }
    }
    let mut called_off = Vec::new();
    for other in open_plans(tx).await? {
        let shares = other.algorithms.iter().any(|algorithm| line.algorithms.contains(algorithm));
        let same_line = other.purpose == plan.purpose && other.name == plan.name && shares;
        if other.occupies() && same_line && other.activated_at.is_none() {
            // What it has published of other slots goes with it.
            call_off(app, tx, &other, now).await?;
            called_off.push(other.id);
        }
    }
    Ok(Waiting { adopted, called_off })
}
