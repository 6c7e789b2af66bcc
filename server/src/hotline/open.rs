use api::hotline::{CallOpened, OpenCall};
use domain::CallRef;
use serde_json::json;

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::Call;

/// How often a reference is drawn; one of a thousand million is taken once in a very long while.
const DRAWS: usize = 8;

/// Opens a call under a fresh reference.
pub async fn open(app: &App, caller: &Caller, op: OpenCall) -> Result<CallOpened, Failure> {
    let mut tx = app.store.write().await?;
    let opened_at = app.clock.now();
    for _ in 0..DRAWS {
        let reference = CallRef::random(app.entropy.as_ref());
        let call = Call { reference, operator: caller.operator.clone(), opened_at, closed_at: None };
        if tx.insert_call(&call).await? {
            let record = caller.record(&op).subject(reference).call(reference).facts(json!({}));
            return tx.commit(record, CallOpened { call: reference, opened_at }).await;
        }
    }
    Err(anyhow::anyhow!("{DRAWS} references of calls in a row were taken: chance is broken").into())
}
