use api::key::RotatedKey;
use api::rotation::RunPlan;
use domain::RotationPlan;
use serde_json::json;

use super::begin::{begin, signing, somebody_was_faster};
use super::word::word;
use super::work::{self, Line};
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Runs a rotation that was planned: what `key.rotate` does in one breath.
pub async fn run(app: &App, caller: &Caller, op: RunPlan) -> Result<Vec<RotatedKey>, Failure> {
    let now = app.clock.now();
    let overridden = word(op.override_reason.as_deref(), caller, now)?;
    let known = app.store.read().await?.plan(op.plan).await?.ok_or_else(|| Failure::not_found("rotation", op.plan))?.plan()?;
    // Before keys are made for nothing.
    known.run(now, now)?;
    let line = Line::of(&known)?;
    let seen = signing(app, known.purpose).await?;
    let fresh = work::make(app, &line, caller.keep, now).await?;
    let mut tx = app.store.write().await?;
    let plan = tx.plan(op.plan).await?.ok_or_else(|| Failure::not_found("rotation", op.plan))?.plan()?;
    let plan = RotationPlan { overridden, ..plan };
    let begun = begin(app, &mut tx, plan, &line, &seen, &fresh, now).await.map_err(somebody_was_faster)?;
    let facts = json!({ "rotation": begun.facts() });
    let reply = begun.reply()?;
    fresh.hand_over(caller);
    tx.commit(caller.record(&op).facts(facts), reply).await
}
