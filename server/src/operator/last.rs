//! The last administrator stays: with nobody left who comes in as one, nobody could let anybody in again.

use api::Role;
use domain::{CertificateState, HolderKind, OperatorId, Refusal, Timestamp};

use crate::failure::Failure;
use crate::store::{CertificateRow, Write};

/// The administrators, when none of them would be left with a good certificate but for those that are to go; else none. Who is an
/// administrator must be held.
///
/// # Errors
/// When the database cannot be reached or a row is damaged.
pub(crate) async fn last_administrators(
    tx: &mut Write,
    goes: impl Fn(&CertificateRow) -> bool,
    now: Timestamp,
) -> Result<Vec<OperatorId>, Failure> {
    let administrators = tx.active_with_role(Role::Administrator).await?;
    for administrator in &administrators {
        for row in tx.certificates_of(HolderKind::Operator, administrator.as_str()).await? {
            if row.standing()?.state(row.not_after(), now) == CertificateState::Valid && !goes(&row) {
                return Ok(Vec::new());
            }
        }
    }
    Ok(administrators)
}

/// Says so to whoever wanted to shut them out.
pub(crate) fn is_last(operator: &OperatorId) -> Refusal {
    Refusal::new("operator.last-administrator", format!("{operator} is the last administrator who can come in"))
        .hint("add another one first: 'iamctl operator add'")
}
