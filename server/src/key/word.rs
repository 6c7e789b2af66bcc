//! Somebody's word that a rotation goes on although parties are not ready.

use domain::{Override, Timestamp};

use crate::app::Caller;
use crate::failure::Failure;

/// The word of the caller, when a reason is given. It is read on the same screens as names are.
///
/// # Errors
/// `key.override`: the reason holds what a line of text cannot.
pub(super) fn word(reason: Option<&str>, caller: &Caller, now: Timestamp) -> Result<Option<Override>, Failure> {
    let Some(reason) = reason else { return Ok(None) };
    domain::check_reason(reason)
        .map_err(|fault| Failure::invalid_field("key.override", "override", format!("the reason {fault}")))?;
    Ok(Some(Override { reason: reason.to_owned(), by: caller.operator.clone(), at: now }))
}
