//! What is to be done, in words.

use domain::{Next, NextStep};

/// Who has the root's key signs lists for another year.
pub(super) const SIGN_LISTS: &str = "bring the root's key back and sign lists for the days to come";

/// The words, where somebody has to do something.
pub(super) fn to_do(next: &Option<Next>, words: impl FnOnce() -> String) -> Option<String> {
    let next = next.as_ref()?;
    matches!(next.step, NextStep::Renew | NextStep::AskParty).then(words)
}
