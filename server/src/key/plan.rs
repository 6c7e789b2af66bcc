use api::rotation::{PlanRotation, PlanView};
use serde_json::json;

use super::begin::{make_way, planned, somebody_was_faster};
use super::plan_view::whole;
use super::work;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Writes a rotation down. One of the same line that was written down before and not run lapses.
pub async fn plan(app: &App, caller: &Caller, op: PlanRotation) -> Result<PlanView, Failure> {
    let line = work::line(op.purpose, op.name.as_deref(), op.algorithm)?;
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    work::must_have_keys(&mut tx, &line).await?;
    let plan = planned(app, &line, op.activate, Some(&caller.operator), now);
    plan.check_date(now)?;
    let lapsed = make_way(&mut tx, &plan, now).await.map_err(somebody_was_faster)?;
    tx.insert_plan(&plan).await.map_err(|error| somebody_was_faster(error.into()))?;
    let view = whole(app, &mut tx, plan.id, now).await?;
    let facts = json!({ "plan": plan.id, "activate": op.activate, "algorithms": plan.algorithms, "lapsed": lapsed });
    tx.commit(caller.record(&op).facts(facts), view).await
}
