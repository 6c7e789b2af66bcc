use api::rotation::{AbortPlan, PlanView};
use domain::{KeyState, RotationPlan, Timestamp};
use serde_json::json;

use super::plan_view::whole;
use super::take_over::{kids, put};
use super::work;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{KeyRow, Write};

/// Calls a rotation off before the new key signs.
pub async fn abort(app: &App, caller: &Caller, op: AbortPlan) -> Result<PlanView, Failure> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    tx.hold_generations().await?;
    let plan = tx.plan(op.plan).await?.ok_or_else(|| Failure::not_found("rotation", op.plan))?.plan()?;
    let unsigned = call_off(app, &mut tx, &plan, now).await?;
    let view = whole(app, &mut tx, op.plan, now).await?;
    let facts = json!({ "was": plan.state, "retired": kids(&unsigned) });
    tx.commit(caller.record(&op).facts(facts), view).await
}

/// Ends the plan and retires what it has published; gives those generations.
pub(super) async fn call_off(app: &App, tx: &mut Write, plan: &RotationPlan, now: Timestamp) -> Result<Vec<KeyRow>, Failure> {
    let aborted = plan.abort(now)?;
    let mut unsigned = Vec::new();
    for row in tx.keys(Some(plan.purpose), Some(KeyState::Published)).await? {
        let generation = row.generation()?;
        if generation.plan == Some(plan.id) {
            unsigned.push(put(tx, &row, &generation.abort(now)?).await?);
        }
    }
    work::called_off(app, tx, plan, &unsigned).await?;
    tx.put_plan(&aborted).await?;
    Ok(unsigned)
}
