//! What is to be done, in words.

use domain::{Next, NextStep};

/// Who has the root's key signs lists for another year.
pub(super) const SIGN_LISTS: &str = "where the root's key is: 'iamd ca crl' signs lists for the days to come, of a request by 'iamd ca request'; 'iamd ca install' takes them in";

/// The words, where somebody has to do something.
pub(super) fn to_do(next: &Option<Next>, words: impl FnOnce() -> String) -> Option<String> {
    let next = next.as_ref()?;
    matches!(next.step, NextStep::Renew | NextStep::AskParty).then(words)
}
