use api::hotline::{CallClosed, CloseCall};
use serde_json::json;

use super::rule::open_call;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Closes a call and says what was suspended in it.
pub async fn close(app: &App, caller: &Caller, op: CloseCall) -> Result<CallClosed, Failure> {
    let mut tx = app.store.write().await?;
    let call = open_call(&mut tx, caller, op.call).await?;
    let closed_at = app.clock.now();
    tx.close_call(op.call, closed_at).await?;
    let suspended = tx.suspended_in(op.call).await?;
    let facts = json!({ "opened_by": call.operator, "opened_at": call.opened_at, "suspended": suspended });
    let reply = CallClosed { call: op.call, opened_at: call.opened_at, closed_at, suspended };
    tx.commit(caller.record(&op).facts(facts), reply).await
}
