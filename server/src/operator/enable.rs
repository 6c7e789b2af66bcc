use api::operator::{EnableOperator, OperatorState, OperatorView};
use domain::HolderKind;

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::OperatorRow;

/// Lets a disabled operator in again; one who holds no certificate goes back to being invited, and needs a new code.
pub async fn enable(app: &App, caller: &Caller, op: EnableOperator) -> Result<OperatorView, Failure> {
    let mut tx = app.store.write().await?;
    let row = tx.operator_locked(&op.operator).await?.ok_or_else(|| Failure::not_found("operator", &op.operator))?;
    let certificates = tx.certificates_of(HolderKind::Operator, &row.id).await?;
    let was = row.state()?;
    let state = match was {
        OperatorState::Disabled if certificates.iter().all(|one| one.der.is_none() || one.revoked_at.is_some()) => "invited",
        OperatorState::Disabled => "active",
        OperatorState::Invited => "invited",
        OperatorState::Active => "active",
    };
    let enabled = OperatorRow { state: state.to_owned(), ..row };
    tx.put_operator(&enabled).await?;
    let view = enabled.view(&certificates)?;
    tx.commit(caller.record(&op).facts(serde_json::json!({ "was": was })), view).await
}
