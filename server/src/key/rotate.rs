use std::sync::Arc;

use api::key::{KeyView, RotateKey};
use domain::{
    KeyAlgorithm, KeyGeneration, KeyPurpose, KeySlot, KeyState, Kid as KeyId, Refusal, Rotation, Timestamp, plan_rotation,
};
use serde_json::json;

use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::{Kid, Slot, TOKENS};
use crate::store::{KeyRow, StoreError, Write};

/// The algorithms that token-signing keys exist in, side by side.
const ALGORITHMS: &[KeyAlgorithm] = &[KeyAlgorithm::Es256, KeyAlgorithm::Ps256];

/// Publishes the next generation; it takes over after the publish interval, at a given moment, or at once.
pub async fn rotate(app: &App, caller: &Caller, op: RotateKey) -> Result<Vec<KeyView>, Failure> {
    if op.purpose != KeyPurpose::TokenSigning {
        let message = format!("only token-signing keys are rotated by this verb at present, not {}", op.purpose);
        return Err(Failure::invalid_field("key.purpose", "purpose", message));
    }
    let algorithms: Vec<KeyAlgorithm> =
        ALGORITHMS.iter().copied().filter(|algorithm| op.algorithm.is_none_or(|only| only == *algorithm)).collect();
    if algorithms.is_empty() {
        return Err(Failure::invalid_field("key.algorithm", "algorithm", "tokens are signed with ES256 or PS256"));
    }
    let now = app.clock.now();
    // What this operator means to replace. Whoever replaces it meanwhile, at once, leaves no trace that a rule could see.
    let seen = active(&app.store.read().await?.keys(Some(op.purpose), None).await?)?;
    // Made before the transaction begins: an RSA key takes longer than anybody should wait for the one writer.
    let mut fresh = fresh(app, algorithms, now).await?;
    let mut tx = app.store.write().await?;
    let rows = tx.keys(Some(op.purpose), None).await?;
    if active(&rows)? != seen {
        return Err(Failure::Conflict(faster()));
    }
    let mut plans = Vec::with_capacity(fresh.len());
    for row in &fresh {
        let generations = generations(&rows)?;
        plans.push(plan_rotation(&slot(row)?, &generations, now, op.activate, &app.settings.rotation)?);
    }
    let mut made = Vec::with_capacity(fresh.len());
    for (row, plan) in fresh.iter_mut().zip(&plans) {
        made.push(begin(app, &mut tx, &rows, row, plan, now).await.map_err(somebody_was_faster)?);
    }
    let views = made.iter().map(view).collect::<Result<Vec<_>, _>>()?;
    let facts = json!({
        "published": made.iter().map(|row| &row.kid).collect::<Vec<_>>(),
        "replaces": plans.iter().filter_map(|plan| plan.replaces.as_ref()).map(KeyId::to_string).collect::<Vec<_>>(),
        "activate_at": plans.first().map(|plan| plan.activate_at.to_string()),
        "immediate": plans.iter().any(|plan| plan.immediate),
    });
    tx.commit(caller.record(&op).facts(facts), views).await
}

/// Fresh token-signing keys, wrapped and not yet stored. An RSA key takes longer than anything else may wait for this thread.
pub(super) async fn fresh(app: &App, algorithms: Vec<KeyAlgorithm>, now: Timestamp) -> Result<Vec<KeyRow>, Failure> {
    let keys = Arc::clone(&app.keys);
    let made = tokio::task::spawn_blocking(move || {
        let slot = |algorithm| Slot { purpose: KeyPurpose::TokenSigning, name: TOKENS, algorithm };
        algorithms.into_iter().map(|algorithm| keys.new_signing_key(slot(algorithm), Kid::Thumbprint, now)).collect()
    });
    let made: anyhow::Result<Vec<KeyRow>> = made.await.map_err(anyhow::Error::from)?;
    Ok(made?)
}

pub(super) fn slot(row: &KeyRow) -> Result<KeySlot, StoreError> {
    Ok(row.generation()?.slot())
}

/// The generations that sign now.
fn active(rows: &[KeyRow]) -> Result<Vec<KeyId>, StoreError> {
    let signing = generations(rows)?.into_iter().filter(|generation| generation.state == KeyState::Active);
    Ok(signing.map(|generation| generation.kid).collect())
}

pub(super) fn generations(rows: &[KeyRow]) -> Result<Vec<KeyGeneration>, StoreError> {
    rows.iter().map(KeyRow::generation).collect()
}

/// Stores the fresh generation: published with its date or, at once, active with the old one draining.
async fn begin(
    app: &App,
    tx: &mut Write,
    rows: &[KeyRow],
    fresh: &KeyRow,
    plan: &Rotation,
    now: Timestamp,
) -> Result<KeyRow, Failure> {
    let mut generation = fresh.generation()?;
    generation.activate_at = Some(plan.activate_at);
    if !plan.immediate {
        let published = fresh.with(&generation);
        tx.insert_key(&published).await?;
        return Ok(published);
    }
    if let Some(old) = plan.replaces.as_ref().and_then(|kid| rows.iter().find(|row| row.kid == kid.as_str())) {
        let draining = old.generation()?.drain(now, app.settings.rotation.drain)?;
        tx.put_key(&old.with(&draining)).await?;
    }
    let active = fresh.with(&generation.activate(now)?);
    tx.insert_key(&active).await?;
    Ok(active)
}

/// Two operators at once: the loser's insert meets the winner's row.
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
