//! What a rule answers when the state of things says no.

use std::borrow::Cow;

/// A refusal: a stable dotted code, a fragment for people, and advice.
///
/// The message is lower case without a full stop (`account A7K39QD2M4X is already closed`); the
/// hint is a sentence of the same kind that says what to do instead. Neither holds personal data.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Stable, dotted, listed by `iamctl explain`: `account.closed`.
    pub code: &'static str,
    /// What is in the way.
    pub message: String,
    /// What to do instead.
    pub hint: Option<String>,
    /// What it is about, by its id, where the request does not name it: for the audit log.
    #[serde(skip)]
    pub about: Option<String>,
}

impl Refusal {
    /// A refusal without advice.
    pub fn new<'a>(code: &'static str, message: impl Into<Cow<'a, str>>) -> Refusal {
        Refusal { code, message: message.into().into_owned(), hint: None, about: None }
    }

    /// The same with advice.
    #[must_use]
    pub fn hint<'a>(mut self, hint: impl Into<Cow<'a, str>>) -> Refusal {
        self.hint = Some(hint.into().into_owned());
        self
    }

    /// The same, about something that the request does not name.
    #[must_use]
    pub fn about<'a>(mut self, id: impl Into<Cow<'a, str>>) -> Refusal {
        self.about = Some(id.into().into_owned());
        self
    }
}
