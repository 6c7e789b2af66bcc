//! The moment at which new generations take over: the same transaction for the scheduler, for an operator who cannot wait, and
//! in an emergency.

use domain::{KeyGeneration, KeyState, RevocationReason, RotationPlan, Timestamp};

use super::work;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{KeyRow, StoreError, Write};

/// What becomes of the generations that are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Replaced {
    /// What they signed is accepted until it has run out.
    Drain,
    /// Nothing that they signed is accepted any more, nor what those before them signed that still drain: which of them somebody
    /// else has is not known.
    AreRevoked(RevocationReason),
}

/// What was done.
pub(super) struct TakenOver {
    /// The plan as it is now.
    pub plan: RotationPlan,
    /// The generations that sign.
    pub new: Vec<KeyRow>,
    /// Those that do not any more.
    pub old: Vec<KeyRow>,
    /// Those before them that drained and are revoked as well.
    pub older: Vec<KeyRow>,
}

/// Activates the published generations of a plan and takes the active ones of their slots out of use; puts the plan.
pub(super) async fn take_over(
    app: &App,
    tx: &mut Write,
    plan: &RotationPlan,
    rows: &[KeyRow],
    replaced: Replaced,
    now: Timestamp,
) -> Result<TakenOver, Failure> {
    let generations = generations(rows)?;
    let waits = |one: &KeyGeneration| one.plan == Some(plan.id) && one.state == KeyState::Published;
    let waiting: Vec<&KeyGeneration> = generations.iter().filter(|one| waits(one)).collect();
    let mut old = Vec::new();
    // The old ones first: there is one active generation of a slot at every moment.
    for (row, generation) in rows.iter().zip(&generations) {
        if generation.state != KeyState::Active || !waiting.iter().any(|one| one.slot() == generation.slot()) {
            continue;
        }
        let changed = match replaced {
            Replaced::Drain => generation.drain(now, plan.times.drain)?,
            Replaced::AreRevoked(reason) => generation.revoke(reason, now)?,
        };
        old.push(put(tx, row, &KeyGeneration { drained_by: Some(plan.id), ..changed }).await?);
    }
    let mut older = Vec::new();
    if let Replaced::AreRevoked(reason) = replaced {
        for (row, generation) in rows.iter().zip(&generations) {
            if generation.state == KeyState::Draining && waiting.iter().any(|one| one.slot() == generation.slot()) {
                older.push(put(tx, row, &generation.revoke(reason, now)?).await?);
            }
        }
    }
    let mut new = Vec::new();
    for (row, generation) in rows.iter().zip(&generations).filter(|(_, generation)| waits(generation)) {
        new.push(put(tx, row, &generation.activate(now)?).await?);
    }
    work::taken_over(app, tx, plan, &new, &[old.as_slice(), &older].concat()).await?;
    let mut active = plan.activate(now)?;
    if !old.iter().any(|row| row.state == KeyState::Draining.to_string()) {
        active = active.finish(now)?;
    }
    tx.put_plan(&active).await?;
    active.version += 1;
    Ok(TakenOver { plan: active, new, old, older })
}

/// Puts a generation's new state; gives the row as it is then.
pub(super) async fn put(tx: &mut Write, row: &KeyRow, generation: &KeyGeneration) -> Result<KeyRow, StoreError> {
    let row = row.with(generation);
    tx.put_key(&row).await?;
    Ok(KeyRow { version: row.version + 1, ..row })
}

pub(super) fn generations(rows: &[KeyRow]) -> Result<Vec<KeyGeneration>, StoreError> {
    rows.iter().map(KeyRow::generation).collect()
}

/// The ids of rows, for the auditor.
pub(super) fn kids(rows: &[KeyRow]) -> Vec<&str> {
    rows.iter().map(|row| row.kid.as_str()).collect()
}
