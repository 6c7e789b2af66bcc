use api::rotation::{PlanView, ResumePlan};
use serde_json::json;

use super::plan_view::whole;
use super::word::word;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Lets a rotation go on that is paused or held. What fell due meanwhile, the scheduler does within a second.
pub async fn resume(app: &App, caller: &Caller, op: ResumePlan) -> Result<PlanView, Failure> {
    let now = app.clock.now();
    let overridden = word(op.override_reason.as_deref(), caller, now)?;
    let mut tx = app.store.write().await?;
    let plan = tx.plan(op.plan).await?.ok_or_else(|| Failure::not_found("rotation", op.plan))?.plan()?;
    let resumed = plan.resume(overridden)?;
    tx.put_plan(&resumed).await?;
    let view = whole(app, &mut tx, op.plan, now).await?;
    let facts = json!({ "was": plan.state, "override": resumed.overridden });
    let view = tx.commit(caller.record(&op).facts(facts), view).await?;
    app.wake.keys.notify_one();
    Ok(view)
}
