use std::time::Duration;

use api::operator::{AddOperator, OperatorAdded, OperatorState};
use domain::{Entropy, Refusal, Timestamp};

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{OperatorRow, Write};

/// How long an enrolment code is good.
pub const CODE_LIFE: Duration = Duration::from_mins(10);
/// Crockford's base 32: no I, L, O or U, for a code may be read out.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Puts a new operator on record. Again for one who has not enrolled yet, it makes a new code and the old one is worth nothing.
pub async fn add(app: &App, caller: &Caller, op: AddOperator) -> Result<OperatorAdded, Failure> {
    domain::check_name(&op.name).map_err(|fault| Failure::invalid_field("operator.name", "name", fault.to_string()))?;
    let mut roles = op.roles.clone();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() {
        return Err(Failure::invalid_field("operator.roles", "roles", "an operator has at least one role"));
    }
    let mut tx = app.store.write().await?;
    let known = tx.operator_locked(&op.id).await?;
    if let Some(known) = &known
        && known.state()? != OperatorState::Invited
    {
        return Err(Refusal::new("operator.exists", format!("operator {} is on record and has enrolled", op.id))
            .hint("choose another id, or see 'iamctl operator show'")
            .into());
    }
    let now = app.clock.now();
    let row = OperatorRow {
        id: op.id.to_string(),
        name: op.name.clone(),
        roles: crate::store::roles_text(&roles),
        state: "invited".to_owned(),
        version: known.as_ref().map_or(0, |known| known.version),
        created_at: known.as_ref().map_or(now.micros(), |known| known.created_at),
        enrolment_mac: None,
        enrolment_expires_at: None,
    };
    let (code, expires_at) = invite(app, &mut tx, row, now).await?;
    let reply = OperatorAdded { operator: op.id.clone(), name: op.name.clone(), roles, code: Some(code), expires_at, note: None };
    let facts = serde_json::json!({ "roles": &reply.roles });
    tx.commit(caller.record(&op).facts(facts), reply).await
}

/// Gives an operator a fresh code; only its keyed digest is stored.
async fn invite(app: &App, tx: &mut Write, row: OperatorRow, now: Timestamp) -> Result<(String, Timestamp), Failure> {
    let code = enrolment_code(app.entropy.as_ref());
    let expires_at = now.plus(CODE_LIFE);
    let mac = app.keys.enrolment_mac(&code).map_err(anyhow::Error::from)?;
    tx.put_operator(&OperatorRow { enrolment_mac: Some(mac.to_vec()), enrolment_expires_at: Some(expires_at.micros()), ..row })
        .await?;
    Ok((code, expires_at))
}

/// 24 characters of 5 bits, in groups of four: 120 bits, beyond any guessing within its ten minutes.
pub(crate) fn enrolment_code(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 24];
    entropy.fill(&mut bytes);
    let mut code = String::with_capacity(29);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(ALPHABET[usize::from(byte & 31)]));
    }
    code
}
