//! What may be done in a call, and by whom.

use api::Role;
use domain::{CallRef, Refusal};

use crate::app::Caller;
use crate::failure::Failure;
use crate::store::{Call, Write};

/// The call, locked, when it is open and this caller may act in it.
///
/// # Errors
/// No such call, somebody else's, or closed.
pub(crate) async fn open_call(tx: &mut Write, caller: &Caller, call: CallRef) -> Result<Call, Failure> {
    let found = tx.call_locked(call).await?.ok_or_else(|| Failure::not_found("call", call))?;
    may_act(&found, caller)?;
    match found.closed_at {
        None => Ok(found),
        Some(at) => Err(Refusal::new("call.closed", format!("call {call} was closed at {}", at.people()))
            .hint("open another one: 'iamctl hotline open'")
            .into()),
    }
}

/// A call belongs to the agent who answers it. A supervisor may step in.
fn may_act(call: &Call, caller: &Caller) -> Result<(), Failure> {
    if call.operator == caller.operator || caller.has(Role::HotlineSupervisor) {
        return Ok(());
    }
    let refusal = Refusal::new("call.not-yours", format!("call {} was opened by another agent", call.reference))
        .hint("open your own: 'iamctl hotline open', or ask a supervisor");
    Err(Failure::Denied(refusal))
}
