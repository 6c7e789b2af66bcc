//! The dated steps of rotations, taken by one node when they are due.

use api::rotation::Readiness;
use domain::{Due, HoldCause, KeyGeneration, KeyState, Kid, PlanRef, PlanState, RotationPlan, Step, Timestamp, next_step};
use serde_json::{Value, json};

use super::clock::{doubt, watch};
use super::ledger::{counted, ledger};
use super::take_over::{Replaced, generations, kids, put, take_over};
use super::work::{self, Gate};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{Housekeeping, KeyRow, Leader, PlanRow, Read, StoreError, WorkRow, Write};

/// Parties that an entry of the audit log names: the plan shows all of them.
const NAMED: usize = 20;

/// Takes every step that is due; gives how many. Each is a transaction of its own with its own audit entry, so that a node that
/// dies between two of them leaves what the next one goes on from.
///
/// # Errors
/// When the database cannot be reached; when a plan cannot be gone on with, or a rule refuses a step: then the steps of all others
/// are taken all the same.
pub async fn take_due(app: &App) -> anyhow::Result<usize> {
    let (mut taken, mut aside) = (0, Aside::default());
    loop {
        match take_one(app, &mut aside).await? {
            Round::Taken => {
                app.wake.sealer.notify_one();
                app.wake.pairs.notify_one();
                taken += 1;
            }
            Round::Failed => {}
            Round::Over => break,
        }
    }
    aside.failed.map_or(Ok(taken), Err)
}

/// What one look at the plans came to.
enum Round {
    /// A step was taken.
    Taken,
    /// One was refused, and its plan was set aside.
    Failed,
    /// Nothing more is due, or it is another node's to do.
    Over,
}

/// Plans, and generations without one, that cannot be gone on with this time.
#[derive(Default)]
struct Aside {
    whose: Vec<String>,
    failed: Option<anyhow::Error>,
}

impl Aside {
    fn has(&self, whose: &str) -> bool {
        self.whose.iter().any(|aside| aside == whose)
    }

    fn set(&mut self, whose: String, error: anyhow::Error) {
        metrics::counter!("iam_key_steps_failed_total").increment(1);
        let error = error.context(format!("no step of {whose} was taken"));
        self.whose.push(whose);
        if let Some(other) = self.failed.replace(error) {
            tracing::warn!(error = format!("{other:#}"), "a rotation cannot go on, and will be tried again");
        }
    }
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

impl Next {
    /// The plan, or the generation that belongs to none.
    fn whose(&self) -> String {
        match self {
            Self::Due(plan, ..) | Self::Hold(plan, ..) => plan.id.to_string(),
            Self::Loose(step) => step.kid().to_string(),
        }
    }
}

async fn take_one(app: &App, aside: &mut Aside) -> anyhow::Result<Round> {
    // Looked at by a read first: mostly nothing is due, and the one writer of SQLite has better things to do.
    let mut read = app.store.read().await?;
    let rows = read.open_plans().await?;
    let keys = read.live_keys().await?;
    drop(read);
    let held = rows.iter().filter(|row| row.state == PlanState::Held.to_string()).count();
    metrics::gauge!("iam_key_rotations_held").set(u32::try_from(held).unwrap_or(u32::MAX));
    let shut = work_on(app, &rows, &keys, aside).await;
    let mut read = app.store.read().await?;
    if next(&mut read, &rows, &keys, &shut, aside, app.clock.now()).await?.is_none() {
        drop(read);
        watch(app, &rows, false).await?;
        return Ok(Round::Over);
    }
    let doubt = doubt(&mut read, app.clock.now()).await?;
    drop(read);
    app.clock_doubted.note(doubt.as_ref());
    if doubt.is_some() {
        watch(app, &rows, true).await?;
        return Ok(Round::Over);
    }
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::KeySteps).await? {
        return Ok(Round::Over);
    }
    tx.hold_generations().await?;
    let now = app.clock.now();
    let rows = tx.open_plans().await?;
    let keys = tx.live_keys().await?;
    let Some(next) = next(&mut tx, &rows, &keys, &shut, aside, now).await? else {
        // Said aloud: dropped, it would keep the leader's lock until somebody gets round to it.
        tx.rollback().await?;
        return Ok(Round::Over);
    };
    let whose = next.whose();
    match take(app, &mut tx, &keys, next, now).await {
        Ok((action, subject, facts)) => {
            tx.commit_housekeeping(Housekeeping::Step { action, subject, facts }).await?;
            Ok(Round::Taken)
        }
        Err(failure) => {
            tx.rollback().await?;
            aside.set(whose, failure.into_error());
            Ok(Round::Failed)
        }
    }
}

/// Does a batch of the work of every plan that is under way, and notes how far it is. Gives those whose gate is shut; those whose
/// work fails are set aside.
async fn work_on(app: &App, rows: &[PlanRow], keys: &[KeyRow], aside: &mut Aside) -> Vec<PlanRef> {
    let mut shut = Vec::new();
    for row in rows {
        if aside.has(&row.id) {
            continue;
        }
        match work_on_one(app, row, keys).await {
            Ok(closed) => shut.extend(closed),
            Err(error) => aside.set(row.id.clone(), error),
        }
    }
    shut
}

/// A batch for one plan, which is given where its gate is shut.
async fn work_on_one(app: &App, row: &PlanRow, keys: &[KeyRow]) -> anyhow::Result<Option<PlanRef>> {
    let plan = row.plan()?;
    if !matches!(plan.state, PlanState::Running | PlanState::Held) {
        return Ok(None);
    }
    let waits =
        keys.iter().any(|key| key.plan.as_deref() == Some(row.id.as_str()) && key.state == KeyState::Published.to_string());
    let gate = if waits { work::before_activation(app, &plan).await? } else { work::before_retirement(app, &plan).await? };
    note(app, &plan, &row.work, &gate).await?;
    Ok((gate != Gate::Open).then_some(plan.id))
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

/// The first thing to do, over every plan and every generation that belongs to none, but for what is set aside.
async fn next(
    read: &mut Read,
    rows: &[PlanRow],
    keys: &[KeyRow],
    shut: &[PlanRef],
    aside: &mut Aside,
    now: Timestamp,
) -> Result<Option<Next>, StoreError> {
    let generations = generations(keys)?;
    for row in rows {
        if aside.has(&row.id) {
            continue;
        }
        match next_of(read, row, &generations, shut, now).await {
            Ok(None) => {}
            Ok(next) => return Ok(next),
            Err(failure) => aside.set(row.id.clone(), failure.into_error()),
        }
    }
    Ok(next_step(&generations, now).into_iter().find(|step| !aside.has(step.kid().as_str())).map(Next::Loose))
}

/// What is to be done for a plan.
async fn next_of(
    read: &mut Read,
    row: &PlanRow,
    generations: &[KeyGeneration],
    shut: &[PlanRef],
    now: Timestamp,
) -> Result<Option<Next>, Failure> {
    let plan = row.plan()?;
    let shut = shut.contains(&plan.id);
    Ok(match plan.due(generations, now) {
        Some(Due::Activate { .. }) if shut && plan.hold == Some(HoldCause::Work) => None,
        Some(Due::Activate { .. }) if shut => Some(Next::Hold(plan, HoldCause::Work, json!({ "cause": HoldCause::Work }))),
        Some(Due::Activate { kids, drains }) => {
            let ledger = ledger(read, plan.purpose, &kids, now).await?;
            let readiness = counted(&ledger);
            if readiness.awaited() == 0 || plan.overridden.is_some() {
                return Ok(Some(Next::Due(plan, Due::Activate { kids, drains }, readiness)));
            }
            if plan.hold == Some(HoldCause::Parties) {
                return Ok(None);
            }
            let awaited = ledger.iter().filter(|party| party.verdict.is_awaited());
            let first: Vec<_> = awaited.take(NAMED).map(|party| &party.rp).collect();
            let facts = json!({ "cause": HoldCause::Parties, "readiness": readiness, "parties": first });
            Some(Next::Hold(plan, HoldCause::Parties, facts))
        }
        Some(Due::Retire { .. }) if shut => None,
        Some(due) => Some(Next::Due(plan, due, Readiness::default())),
        None => None,
    })
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
