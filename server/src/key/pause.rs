use api::rotation::{PausePlan, PlanView};
use serde_json::json;

use super::plan_view::whole;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Stops a rotation until it is resumed.
pub async fn pause(app: &App, caller: &Caller, op: PausePlan) -> Result<PlanView, Failure> {
    let mut tx = app.store.write().await?;
    let plan = tx.plan(op.plan).await?.ok_or_else(|| Failure::not_found("rotation", op.plan))?.plan()?;
    tx.put_plan(&plan.pause()?).await?;
    let view = whole(app, &mut tx, op.plan, app.clock.now()).await?;
    let facts = json!({ "was": plan.state, "new_key_signs": plan.activated_at.is_some() });
    tx.commit(caller.record(&op).facts(facts), view).await
}
