use api::key::{RotateKey, RotatedKey};
use domain::RotationPlan;
use serde_json::json;

use super::begin::{begin, planned, signing, somebody_was_faster};
use super::word::word;
use super::work;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Plans a rotation and runs it: publishes the next generation, which takes over after the publish interval, at a given moment, or
/// at once.
pub async fn rotate(app: &App, caller: &Caller, op: RotateKey) -> Result<Vec<RotatedKey>, Failure> {
    let now = app.clock.now();
    let line = work::line(op.purpose, op.name.as_deref(), op.algorithm)?;
    let overridden = word(op.override_reason.as_deref(), caller, now)?;
    let seen = signing(app, op.purpose).await?;
    let fresh = work::make(app, &line, caller.keep, now).await?;
    let mut tx = app.store.write().await?;
    let plan = RotationPlan { overridden, ..planned(app, &line, op.activate, Some(&caller.operator), now) };
    let begun = begin(app, &mut tx, plan, &line, &seen, &fresh, now).await.map_err(somebody_was_faster)?;
    let facts = json!({ "rotation": begun.facts() });
    let reply = begun.reply()?;
    fresh.hand_over(caller);
    tx.commit(caller.record(&op).facts(facts), reply).await
}
