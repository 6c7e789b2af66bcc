use api::operator::{OperatorView, ShowOperator};
use domain::HolderKind;

use crate::app::{App, Caller};
use crate::failure::Failure;

/// One operator with their certificates.
pub async fn show(app: &App, _: &Caller, op: ShowOperator) -> Result<OperatorView, Failure> {
    let mut read = app.store.read().await?;
    let row = read.operator(&op.operator).await?.ok_or_else(|| Failure::not_found("operator", &op.operator))?;
    let certificates = read.certificates_of(HolderKind::Operator, &row.id).await?;
    Ok(row.view(&certificates)?)
}
