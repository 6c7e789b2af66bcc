//! The one server error. A new operation adds no variant: what differs is the code and the words.

use std::fmt;

use api::{Field, Problem};
use domain::Refusal;
use pki::PkiError;

/// Why an operation did not go through. Nothing was changed, unless [`Failure::Unavailable`] says NOT CONFIRMED.
#[derive(Debug)]
pub enum Failure {
    /// There is no such thing: its kind and its id.
    NotFound {
        /// `account`, `relying party` …
        what: &'static str,
        /// The id asked for.
        id: String,
    },
    /// A rule says no, as things stand.
    Refused(Refusal),
    /// Somebody was faster, or the key was used for another request.
    Conflict(Refusal),
    /// The caller may not.
    Denied(Refusal),
    /// The request itself is wrong; nothing was attempted.
    Invalid {
        /// Stable code.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// Where.
        fields: Vec<Field>,
    },
    /// The database or a neighbour is away, or storage refuses: try again.
    Unavailable {
        /// Stable code.
        code: &'static str,
        /// What is away.
        message: String,
        /// What to do.
        hint: Option<String>,
    },
    /// A fault of ours; the cause goes to the log under the request id.
    Internal(anyhow::Error),
}

/// How often an operation is run again when the database says that two were in each other's way.
pub const TRIES: u32 = 4;

impl Failure {
    /// Shorthand for a thing that does not exist.
    pub fn not_found(what: &'static str, id: impl fmt::Display) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// A request that is wrong as a whole.
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { code, message: message.into(), fields: Vec::new() }
    }

    /// A request with one wrong part.
    pub fn invalid_field(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Invalid {
            code,
            message: message.clone(),
            fields: vec![Field { path: path.into(), file: None, line: None, column: None, code: Some(code.to_owned()), message }],
        }
    }

    /// Whether the caller was told no by a rule (and the refusal belongs into the audit log): as things stand, or because of what
    /// the request brings, a hostile certificate request among it. Not when we could not tell.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Unavailable { .. } | Self::Internal(_))
    }

    /// Whether the database says that two were in each other's way, and that the same again may go through.
    #[must_use]
    pub fn is_contended(&self) -> bool {
        matches!(self, Self::Conflict(refusal) if refusal.code == "store.contended")
    }

    /// What a rule said no about, where the request does not name it.
    #[must_use]
    pub fn about(&self) -> Option<&str> {
        match self {
            Self::Refused(refusal) | Self::Conflict(refusal) | Self::Denied(refusal) => refusal.about.as_deref(),
            _ => None,
        }
    }

    /// The same once more, for somebody else who waited for the same answer.
    #[must_use]
    pub fn told_again(&self) -> Self {
        match self {
            Self::NotFound { what, id } => Self::NotFound { what, id: id.clone() },
            Self::Refused(refusal) => Self::Refused(refusal.clone()),
            Self::Conflict(refusal) => Self::Conflict(refusal.clone()),
            Self::Denied(refusal) => Self::Denied(refusal.clone()),
            Self::Invalid { code, message, fields } => Self::Invalid { code, message: message.clone(), fields: fields.clone() },
            Self::Unavailable { code, message, hint } => Self::Unavailable { code, message: message.clone(), hint: hint.clone() },
            Self::Internal(error) => Self::Internal(anyhow::anyhow!("{error:#}")),
        }
    }

    /// As what goes wrong where nobody asked: in housekeeping, and at start.
    #[must_use]
    pub fn into_error(self) -> anyhow::Error {
        match self {
            Self::Internal(error) => error,
            other => {
                let problem = other.into_problem(None);
                anyhow::anyhow!("{} ({})", problem.message, problem.code)
            }
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::NotFound { what, .. } => format!("{}.not-found", what.replace(' ', "-")),
            Self::Refused(refusal) | Self::Conflict(refusal) | Self::Denied(refusal) => refusal.code.to_string(),
            Self::Invalid { code, .. } | Self::Unavailable { code, .. } => (*code).to_owned(),
            Self::Internal(_) => "internal".to_owned(),
        }
    }

    /// The one match to HTTP.
    #[must_use]
    pub fn into_problem(self, request_id: Option<String>) -> Problem {
        let code = self.code();
        let (status, message, hint, retryable, fields) = match self {
            Self::NotFound { what, id } => (404, format!("no such {what}: {id}"), None, false, Vec::new()),
            Self::Refused(refusal) => (409, refusal.message, refusal.hint, false, Vec::new()),
            Self::Conflict(refusal) => (409, refusal.message, refusal.hint, true, Vec::new()),
            Self::Denied(refusal) => (403, refusal.message, refusal.hint, false, Vec::new()),
            Self::Invalid { message, fields, .. } => (422, message, None, false, fields),
            Self::Unavailable { message, hint, .. } => (503, message, hint, true, Vec::new()),
            Self::Internal(_) => (
                500,
                "the server failed; nothing of this request was changed".to_owned(),
                Some("the server's log has the cause under this request id".to_owned()),
                false,
                Vec::new(),
            ),
        };
        Problem { status, code, message, hint, retryable, request_id, fields }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        match error.downcast_ref::<PkiError>() {
            Some(away @ PkiError::TokenUnavailable { .. }) => Self::Unavailable {
                code: "keys.token-unavailable",
                message: away.to_string(),
                hint: Some("try again when the token is back; 'iamctl doctor' shows it, and what is the matter".to_owned()),
            },
            _ => Self::Internal(error),
        }
    }
}

impl From<crate::store::StoreError> for Failure {
    fn from(error: crate::store::StoreError) -> Self {
        use crate::store::StoreError;
        match error {
            StoreError::Unavailable(cause) => Self::Unavailable {
                code: "store.unavailable",
                message: format!("the database cannot be reached ({cause}); nothing was changed"),
                hint: Some("try again; 'iamctl doctor' shows when it is back".to_owned()),
            },
            StoreError::NotConfirmed(cause) => Self::Unavailable {
                code: "store.not-confirmed",
                message: format!("NOT CONFIRMED: the database went away while it was writing ({cause})"),
                hint: Some(
                    "repeat the same command with the same idempotency key: it is done once, however often it is asked"
                        .to_owned(),
                ),
            },
            StoreError::Storage { cause, path } => Self::Unavailable {
                code: "store.storage",
                message: format!("storage refuses to write {path} ({cause}); nothing was changed"),
                hint: Some("free or remount the disk; the server goes on by itself".to_owned()),
            },
            StoreError::Contended => Self::Conflict(Refusal::new(
                "store.contended",
                "somebody else changed the same thing at the same moment; nothing was changed",
            )),
            StoreError::Unique => Self::Conflict(Refusal::new("store.unique", "somebody else was faster; nothing was changed")),
            StoreError::Broken(cause) => Self::Internal(cause),
        }
    }
}
