use api::operator::{DisableOperator, OperatorState, OperatorView};
use domain::{HolderKind, Refusal};

use super::last::{is_last, last_administrators};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{CertificateRow, OperatorRow};

/// Shuts an operator out. Their certificate stays on record: it is refused by the operator's state, at every request.
pub async fn disable(app: &App, caller: &Caller, op: DisableOperator) -> Result<OperatorView, Failure> {
    let mut tx = app.store.write().await?;
    tx.hold_administrators().await?;
    let row = tx.operator_locked(&op.operator).await?.ok_or_else(|| Failure::not_found("operator", &op.operator))?;
    if op.operator == caller.operator {
        return Err(Refusal::new("operator.self", "nobody shuts themselves out").hint("ask another administrator").into());
    }
    let was = row.state()?;
    if was != OperatorState::Disabled {
        let theirs = |certificate: &CertificateRow| certificate.holder == row.id;
        if last_administrators(&mut tx, theirs, app.clock.now()).await?.contains(&op.operator) {
            return Err(is_last(&op.operator).into());
        }
    }
    let disabled = OperatorRow { state: "disabled".to_owned(), enrolment_mac: None, enrolment_expires_at: None, ..row };
    tx.put_operator(&disabled).await?;
    let certificates = tx.certificates_of(HolderKind::Operator, &disabled.id).await?;
    let view = disabled.view(&certificates)?;
    tx.commit(caller.record(&op).facts(serde_json::json!({ "was": was })), view).await
}
