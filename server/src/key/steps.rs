//! The dated steps of rotations, taken by one node when they are due.

use api::rotation::Readiness;
use domain::{Due, HoldCause, KeyState, Kid, PlanRef, PlanState, RotationPlan, Step, Timestamp, next_step};
use serde_json::{Value, json};

use super::clock::{doubt, watch};
use super::ledger::{counted, ledger};
use super::take_over::{Replaced, generations, kids, put, take_over};
use super::work::{self, Gate};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{Housekeeping, KeyRow, Leader, PlanRow, Read, WorkRow, Write};

/// Parties that an entry of the audit log names: the plan shows all of them.
const NAMED: usize = 20;

/// Takes every step that is due; gives how many. Each is a transaction of its own with its own audit entry, so that a node that
/// dies between two of them leaves what the next one goes on from.
///
/// # Errors
/// When the database cannot be reached, or a rule refuses a step.
pub async fn take_due(app: &App) -> anyhow::Result<usize> {
    let mut taken = 0;
    while take_one(app).await? {
        app.wake.sealer.notify_one();
        app.wake.pairs.notify_one();
        taken += 1;
    }
    Ok(taken)
}

/// What the scheduler does next.
enum Next {
    /// A step of a plan, and how many relying parties are ready for it.
    Due(RotationPlan, Due, Readiness),
    /// The plan has reached its date and cannot go on.
    Hold(RotationPlan, HoldCause, Value),
    /// A step of a generation that belongs to no plan.
    Loose(Step),
}

async fn take_one(app: &App) -> anyhow::Result<bool> {
    // Looked at by a read first: mostly nothing is due, and the one writer of SQLite has better things to do.
    let mut read = app.store.read().await?;
    let rows = read.open_plans().await?;
    let keys = read.live_keys().await?;
    drop(read);
    let held = rows.iter().filter(|row| row.state == PlanState::Held.to_string()).count();
    metrics::gauge!("iam_key_rotations_held").set(u32::try_from(held).unwrap_or(u32::MAX));
    let shut = work_on(app, &rows, &keys).await?;
    let mut read = app.store.read().await?;
    if next(&mut read, &rows, &keys, &shut, app.clock.now()).await.map_err(Failure::into_error)?.is_none() {
        drop(read);
        watch(app, &rows, false).await?;
        return Ok(false);
    }
    let doubt = doubt(&mut read, app.clock.now()).await?;
    drop(read);
    app.clock_doubted.note(doubt.as_ref());
    if doubt.is_some() {
        watch(app, &rows, true).await?;
        return Ok(false);
    }
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::KeySteps).await? {
        return Ok(false);
    }
    tx.hold_generations().await?;
    let now = app.clock.now();
    let rows = tx.open_plans().await?;
    let keys = tx.live_keys().await?;
    let Some(next) = next(&mut tx, &rows, &keys, &shut, now).await.map_err(Failure::into_error)? else {
        // Said aloud: dropped, it would keep the leader's lock until somebody gets round to it.
        tx.rollback().await?;
        return Ok(false);
    };
    let (action, subject, facts) = take(app, &mut tx, &keys, next, now).await.map_err(Failure::into_error)?;
    tx.commit_housekeeping(Housekeeping::Step { action, subject, facts }).await?;
    Ok(true)
}

/// Does a batch of the work of every plan that is under way, and notes how far it is. Gives those whose gate is shut.
async fn work_on(app: &App, rows: &[PlanRow], keys: &[KeyRow]) -> anyhow::Result<Vec<PlanRef>> {
    let mut shut = Vec::new();
    for row in rows {
        let plan = row.plan()?;
        if matches!(plan.state, PlanState::Running | PlanState::Held) {
            let waits = keys
                .iter()
                .any(|key| key.plan.as_deref() == Some(row.id.as_str()) && key.state == KeyState::Published.to_string());
            let gate =
                if waits { work::before_activation(app, &plan).await? } else { work::before_retirement(app, &plan).await? };
            if gate != Gate::Open {
                shut.push(plan.id);
            }
            note(app, &plan, &row.work, &gate).await?;
        }
    }
    Ok(shut)
}

/// Notes how far the work is, where that has changed.
async fn note(app: &App, plan: &RotationPlan, noted: &WorkRow, gate: &Gate) -> anyhow::Result<()> {
    let whole = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let now = match gate {
        Gate::Working { done, total, what } => {
            WorkRow { work_what: Some(what.to_string()), work_done: Some(whole(*done)), work_total: Some(whole(*total)) }
        }
        // What was worked at is finished.
        Gate::Open => WorkRow { work_done: noted.work_total, ..noted.clone() },
    };
    if now == *noted {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    tx.note_work(plan.id, &now).await?;
    Ok(tx.commit_housekeeping(Housekeeping::Progress).await?)
}

/// The first thing to do, over every plan and every generation that belongs to none.
async fn next(
    read: &mut Read,
    rows: &[PlanRow],
    keys: &[KeyRow],
    shut: &[PlanRef],
    now: Timestamp,
) -> Result<Option<Next>, Failure> {
    let generations = generations(keys)?;
    for row in rows {
        let plan = row.plan()?;
        let shut = shut.contains(&plan.id);
        match plan.due(&generations, now) {
            Some(Due::Activate { .. }) if shut && plan.hold == Some(HoldCause::Work) => {}
            Some(Due::Activate { .. }) if shut => {
                return Ok(Some(Next::Hold(plan, HoldCause::Work, json!({ "cause": HoldCause::Work }))));
            }
            Some(Due::Activate { kids, drains }) => {
                let ledger = ledger(read, plan.purpose, &kids, now).await?;
                let readiness = counted(&ledger);
                if readiness.awaited() == 0 || plan.overridden.is_some() {
                    return Ok(Some(Next::Due(plan, Due::Activate { kids, drains }, readiness)));
                }
                if plan.hold != Some(HoldCause::Parties) {
                    let first = ledger.iter().filter(|party| party.verdict.is_awaited()).take(NAMED).map(|party| &party.rp);
                    let first: Vec<_> = first.collect();
                    let facts = json!({ "cause": HoldCause::Parties, "readiness": readiness, "parties": first });
                    return Ok(Some(Next::Hold(plan, HoldCause::Parties, facts)));
                }
            }
            Some(Due::Retire { .. }) if shut => {}
            Some(due) => return Ok(Some(Next::Due(plan, due, Readiness::default()))),
            None => {}
        }
    }
    Ok(next_step(&generations, now).into_iter().next().map(Next::Loose))
}

/// Takes a step in the transaction; gives what the audit log says of it.
async fn take(
    app: &App,
    tx: &mut Write,
    keys: &[KeyRow],
    next: Next,
    now: Timestamp,
) -> Result<(&'static str, String, Value), Failure> {
    match next {
        Next::Due(plan, Due::Activate { .. }, readiness) => {
            let done = take_over(app, tx, &plan, keys, Replaced::Drain, now).await?;
            let facts = json!({ "plan": plan.id, "drains": kids(&done.old), "readiness": readiness,
                "override": plan.overridden });
            Ok(("key.activate", kids(&done.new).join(" "), facts))
        }
        Next::Due(plan, Due::Retire { kid }, _) => {
            let row = row(keys, &kid)?;
            let retired = put(tx, row, &row.generation()?.retire(now)?).await?;
            work::retired(app, tx, &plan, &retired).await?;
            // The last one ends the plan.
            let left: Vec<KeyRow> = keys.iter().filter(|key| key.kid != retired.kid).cloned().collect();
            if plan.due(&generations(&left)?, now) == Some(Due::Finish) {
                tx.put_plan(&plan.finish(now)?).await?;
            }
            Ok(("key.retire", kid.to_string(), json!({ "plan": plan.id })))
        }
        Next::Due(plan, Due::Finish, _) => {
            tx.put_plan(&plan.finish(now)?).await?;
            Ok(("key.finish", plan.id.to_string(), json!({})))
        }
        Next::Due(plan, Due::Lapse, _) => {
            tx.put_plan(&plan.lapse(now)?).await?;
            Ok(("key.lapse", plan.id.to_string(), json!({ "planned_at": plan.created_at })))
        }
        Next::Hold(plan, cause, facts) => {
            tx.put_plan(&plan.hold(cause)?).await?;
            tracing::warn!(plan = %plan.id, %cause, "a rotation has reached its date and is held");
            Ok(("key.hold", plan.id.to_string(), facts))
        }
        Next::Loose(Step::Activate { kid, drains }) => {
            // The old one first: there is one active generation of a slot at every moment.
            if let Some(old) = &drains {
                let row = row(keys, old)?;
                put(tx, row, &row.generation()?.drain(now, app.settings.rotation.drain)?).await?;
            }
            let row = row(keys, &kid)?;
            put(tx, row, &row.generation()?.activate(now)?).await?;
            Ok(("key.activate", kid.to_string(), json!({ "drains": drains })))
        }
        Next::Loose(Step::Retire { kid }) => {
            let row = row(keys, &kid)?;
            put(tx, row, &row.generation()?.retire(now)?).await?;
            Ok(("key.retire", kid.to_string(), json!({})))
        }
    }
}

fn row<'a>(rows: &'a [KeyRow], kid: &Kid) -> Result<&'a KeyRow, Failure> {
    rows.iter().find(|row| row.kid == kid.as_str()).ok_or_else(|| anyhow::anyhow!("key {kid} is gone").into())
}
