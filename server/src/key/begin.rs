//! The beginning of a rotation: the same for one that is planned and run in one breath and for one that was planned before.

use api::key::RotatedKey;
use api::rotation::Readiness;
use domain::{
    ActivateAt, KeyPurpose, KeyState, Kid, OperatorId, PlanRef, PlanState, Refusal, RotationPlan, Timestamp, in_the_way,
    plan_rotation,
};

use serde_json::{Value, json};

use super::ledger::{counted, ledger};
use super::take_over::{Replaced, generations, kids, take_over};
use super::view::view;
use super::work::{self, Line};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{KeyRow, StoreError, Write};

/// A plan of a line as it is written down.
pub(super) fn planned(app: &App, line: &Line, wanted: ActivateAt, by: Option<&OperatorId>, now: Timestamp) -> RotationPlan {
    RotationPlan {
        id: PlanRef::random(app.entropy.as_ref()),
        purpose: line.purpose,
        name: line.name.clone(),
        algorithms: line.algorithms.clone(),
        state: PlanState::Planned,
        created_at: now,
        created_by: by.cloned(),
        wanted,
        times: work::times(app, line),
        publish_at: None,
        activate_at: None,
        activated_at: None,
        finished_at: None,
        emergency: None,
        overridden: None,
        hold: None,
        version: 1,
    }
}

/// The generations of a purpose that sign now: what an operator means to replace. Whoever replaces them meanwhile, at once, leaves
/// no trace that a rule could see.
pub(super) async fn signing(app: &App, purpose: KeyPurpose) -> Result<Vec<Kid>, Failure> {
    Ok(active(&app.store.read().await?.keys(Some(purpose), None).await?)?)
}

fn active(rows: &[KeyRow]) -> Result<Vec<Kid>, StoreError> {
    let signing = generations(rows)?.into_iter().filter(|generation| generation.state == KeyState::Active);
    Ok(signing.map(|generation| generation.kid).collect())
}

/// A rotation that has begun.
pub(super) struct Begun {
    /// The plan as it is now.
    pub plan: RotationPlan,
    /// The generations that it made, or took over.
    pub made: Vec<KeyRow>,
    /// Those that they have replaced already.
    pub replaced: Vec<KeyRow>,
    /// In an emergency those before them, which drained and are revoked as well.
    pub older: Vec<KeyRow>,
    /// The plans of the line that lapsed.
    pub lapsed: Vec<PlanRef>,
    /// How many relying parties know the new keys.
    pub readiness: Readiness,
}

impl Begun {
    /// What the audit log says of it.
    pub fn facts(&self) -> Value {
        json!({
            "plan": self.plan.id,
            "published": kids(&self.made),
            "replaces": kids(&self.replaced),
            "activate_at": self.plan.activate_at,
            "immediate": self.plan.wanted == ActivateAt::Now,
            "override": self.plan.overridden,
            "lapsed": self.lapsed,
            "readiness": self.readiness,
        })
    }

    /// What the operator is told.
    pub fn reply(&self) -> Result<Vec<RotatedKey>, Failure> {
        let mut keys = Vec::with_capacity(self.made.len());
        for row in &self.made {
            let old = self.replaced.iter().find(|old| old.name == row.name && old.algorithm == row.algorithm);
            let replaced = old.map(KeyRow::generation).transpose()?.map(|generation| generation.kid);
            let same_line = |old: &&KeyRow| old.name == row.name && old.algorithm == row.algorithm;
            let gone = self.replaced.iter().chain(&self.older).filter(same_line).map(KeyRow::generation);
            let gone = gone.collect::<Result<Vec<_>, _>>()?.into_iter().filter(|old| old.state == KeyState::Revoked);
            let withdrawn = gone.map(|old| old.kid).collect();
            keys.push(RotatedKey { key: view(row)?, replaced, withdrawn, readiness: self.readiness, notices: None });
        }
        Ok(keys)
    }
}

/// Runs a plan, stored before or not: publishes what was made for it, and lets it take over where that is to be at once.
///
/// # Errors
/// `key.rotation-in-progress`; `key.activation-too-early` or `-late`; `key.plan-held` for one that is to take over at once, unknown to parties.
pub(super) async fn begin(
    app: &App,
    tx: &mut Write,
    plan: RotationPlan,
    line: &Line,
    seen: &[Kid],
    fresh: &[KeyRow],
    now: Timestamp,
) -> Result<Begun, Failure> {
    unless_others_sign(tx, plan.purpose, seen).await?;
    let generations = generations(&tx.keys(Some(plan.purpose), None).await?)?;
    let mut activate_at = now;
    for slot in line.slots() {
        activate_at = plan_rotation(&slot, &generations, now, plan.wanted, &plan.times)?.activate_at;
    }
    in_the_way(&open_plans(tx).await?, plan.purpose, &plan.name, &plan.algorithms)?;
    let lapsed = make_way(tx, &plan, now).await?;
    let mut running = plan.run(now, activate_at)?;
    match tx.plan(plan.id).await? {
        None => tx.insert_plan(&running).await?,
        Some(_) => {
            tx.put_plan(&running).await?;
            running.version += 1;
        }
    }
    let made = work::publish(app, tx, &running, fresh).await?;
    let readiness = readiness(tx, &running, &made, now).await?;
    if plan.wanted != ActivateAt::Now || !work::at_once(plan.purpose) {
        return Ok(Begun { plan: running, made, replaced: Vec::new(), older: Vec::new(), lapsed, readiness });
    }
    running.check_at_once(readiness.awaited())?;
    let rows = tx.keys(Some(running.purpose), None).await?;
    let done = take_over(app, tx, &running, &rows, Replaced::Drain, now).await?;
    Ok(Begun { plan: done.plan, made: done.new, replaced: done.old, older: done.older, lapsed, readiness })
}

/// How many relying parties know the keys.
pub(super) async fn readiness(
    tx: &mut Write,
    plan: &RotationPlan,
    made: &[KeyRow],
    now: Timestamp,
) -> Result<Readiness, Failure> {
    let kids: Vec<Kid> = generations(made)?.into_iter().map(|generation| generation.kid).collect();
    Ok(counted(&ledger(tx, plan.purpose, &kids, now).await?))
}

/// Refuses when others sign than the operator has seen. From here to its end, the transaction alone changes who signs: looked at
/// without that, both of two would find what they had seen, and the second would replace the first one's key.
pub(super) async fn unless_others_sign(tx: &mut Write, purpose: KeyPurpose, seen: &[Kid]) -> Result<(), Failure> {
    tx.hold_generations().await?;
    if active(&tx.keys(Some(purpose), None).await?)? == seen { Ok(()) } else { Err(Failure::Conflict(faster())) }
}

/// Plans of the line that were written down and not run lapse: another one takes their place.
pub(super) async fn make_way(tx: &mut Write, plan: &RotationPlan, now: Timestamp) -> Result<Vec<PlanRef>, Failure> {
    let mut lapsed = Vec::new();
    for other in open_plans(tx).await? {
        let same_line = other.purpose == plan.purpose && other.name == plan.name;
        if other.id == plan.id || other.state != PlanState::Planned || !same_line {
            continue;
        }
        if other.algorithms.iter().any(|algorithm| plan.algorithms.contains(algorithm)) {
            tx.put_plan(&other.lapse(now)?).await?;
            lapsed.push(other.id);
        }
    }
    Ok(lapsed)
}

pub(super) async fn open_plans(tx: &mut Write) -> Result<Vec<RotationPlan>, StoreError> {
    tx.open_plans().await?.iter().map(crate::store::PlanRow::plan).collect()
}

/// Two operators at once: the loser's write meets the winner's row.
pub(super) fn somebody_was_faster(failure: Failure) -> Failure {
    match failure {
        Failure::Conflict(refusal) if matches!(refusal.code, "store.unique" | "store.contended") => Failure::Conflict(faster()),
        other => other,
    }
}

fn faster() -> Refusal {
    Refusal::new("key.rotation-in-progress", "somebody else rotated this key at the same moment; nothing was changed")
        .hint("see 'iamctl key list'")
}
