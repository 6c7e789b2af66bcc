use std::time::Duration;

use api::Role;
use api::operator::{AddOperator, OperatorAdded, OperatorState};
use domain::{Entropy, Refusal};

use crate::app::{App, Caller, Keep};
use crate::failure::Failure;
use crate::store::OperatorRow;

/// How long an enrolment code is good.
pub const CODE_LIFE: Duration = Duration::from_mins(10);
/// Crockford's base 32: no I, L, O or U, for a code may be read out.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Puts a new operator on record. Again for one who is there, under the name and the roles on record, it makes a new code:
/// the code before it is worth nothing, and when this one is spent, so are the certificates before it. An operator who is
/// active stays so meanwhile; one who was disabled is shut out until they enrol, with the certificates of old for good.
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
    let was = known.as_ref().map(OperatorRow::state).transpose()?;
    if let Some(known) = &known
        && was != Some(OperatorState::Invited)
    {
        require_as_on_record(known, &op, &roles)?;
    }
    let now = app.clock.now();
    let (code, mac) = match caller.keep {
        Keep::Effects => {
            let code = enrolment_code(app.entropy.as_ref());
            let mac = app.keys.enrolment_mac(&code).map_err(anyhow::Error::from)?;
            (Some(code), Some(mac.to_vec()))
        }
        // A code that nothing is kept of would be refused by whoever tried it.
        Keep::Nothing => (None, None),
    };
    let expires_at = now.plus(CODE_LIFE);
    tx.put_operator(&OperatorRow {
        id: op.id.to_string(),
        name: op.name.clone(),
        roles: crate::store::roles_text(&roles),
        state: if was == Some(OperatorState::Active) { "active" } else { "invited" }.to_owned(),
        version: known.as_ref().map_or(0, |known| known.version),
        created_at: known.as_ref().map_or(now.micros(), |known| known.created_at),
        enrolment_mac: mac,
        enrolment_expires_at: Some(expires_at.micros()),
    })
    .await?;
    let note = code.is_none().then(|| "a dry run makes no code".to_owned());
    let reply = OperatorAdded { operator: op.id.clone(), name: op.name.clone(), roles, code, expires_at, note };
    let facts = serde_json::json!({ "roles": &reply.roles, "was": was });
    tx.commit(caller.record(&op).facts(facts), reply).await
}

/// Whoever has been let in before is invited again as who they are: a code is no way to change a name or roles.
fn require_as_on_record(known: &OperatorRow, op: &AddOperator, roles: &[Role]) -> Result<(), Failure> {
    let mut held = known.roles()?;
    held.sort_unstable();
    if known.name == op.name && held == roles {
        return Ok(());
    }
    let message = format!("operator {} is on record under another name or with other roles", op.id);
    let hint = format!("'iamctl operator show {}' shows them: give the same for a new code, or choose another id", op.id);
    Err(Refusal::new("operator.exists", message).hint(hint).into())
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
