//! What a command answers when it did not do what was asked: message, cause, what was and was not changed, next step.

use std::ops::{Deref, DerefMut};

use api::{Exit, Field};
use client::{ClientError, Written};

/// A command that did not do what was asked.
#[derive(Debug, Clone)]
pub struct Failure(Box<Facts>);

/// What there is to say about it.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What a script sees.
    pub exit: Exit,
    /// Stable code, dotted.
    pub code: String,
    /// What happened: a fragment.
    pub message: String,
    /// What was and was not changed; none for commands that change nothing.
    pub changed: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// Whether the same command may go through later.
    pub retryable: bool,
    /// The server's id of the request.
    pub request_id: Option<String>,
    /// Each mistake in a file or a request.
    pub mistakes: Vec<Mistake>,
}

/// One mistake, with the line it stands in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where, and what.
    pub field: Field,
    /// What would be right.
    pub hint: Option<String>,
    /// The line of the file, for people.
    pub snippet: Option<Snippet>,
}

/// A line of a file and the part of it that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snippet {
    /// The whole line, without its end.
    pub line: String,
    /// Characters that are meant, counted from the column on; 0 when not known.
    pub length: usize,
}

/// Nothing left this machine.
pub const NOTHING_SENT: &str = "nothing was sent, nothing was changed";
/// The server refused before it did anything.
pub const NOTHING_CHANGED: &str = "nothing was changed";
/// No answer came, or none that says.
pub const UNKNOWN: &str = "it is not known whether it was done";

impl Deref for Failure {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl DerefMut for Failure {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.0
    }
}

impl Failure {
    /// Wrong usage or input; nothing was attempted.
    pub fn usage(code: &str, message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, message)
    }

    /// A failure with that exit code, and the next step that its code has of itself.
    pub fn new(exit: Exit, code: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Facts {
            exit,
            code: code.to_owned(),
            message: message.into(),
            changed: None,
            hint: api::codes::explained(code).map(|entry| entry.mend.to_owned()),
            retryable: false,
            request_id: None,
            mistakes: Vec::new(),
        }))
    }

    /// With the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With what was and was not changed.
    #[must_use]
    pub fn changed(mut self, changed: impl Into<String>) -> Self {
        self.changed = Some(changed.into());
        self
    }

    /// Of a write: says what became of it.
    #[must_use]
    pub fn of_write(error: ClientError, repeat: String) -> Self {
        let changed = match (&error, error.written()) {
            (_, Written::Perhaps) => UNKNOWN,
            (ClientError::Problem(_), Written::No) => NOTHING_CHANGED,
            (_, Written::No) => NOTHING_SENT,
        };
        let perhaps = error.written() == Written::Perhaps;
        let failure = Self::from(error).changed(changed);
        // The server may ask for the same key too, but it is this program that knows it.
        if perhaps { failure.hint(repeat) } else { failure }
    }
}

impl Failure {
    /// Of an enrolment, which has no key to be repeated under.
    #[must_use]
    pub fn of_enrolment(error: ClientError) -> Self {
        let changed = match error.written() {
            Written::Perhaps => "it is not known whether the code was used up",
            Written::No => "no certificate was made",
        };
        Self::from(error).changed(changed)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let mut failure = Self::new(error.exit(), error.code(), error.to_string());
        failure.hint = error.hint().or_else(|| failure.hint.take());
        failure.retryable = error.retryable();
        failure.request_id = error.request_id().map(str::to_owned);
        if let ClientError::Problem(problem) = error {
            failure.mistakes = problem.fields.into_iter().map(|field| Mistake { field, hint: None, snippet: None }).collect();
        }
        failure
    }
}

impl From<client::files::FileFault> for Failure {
    fn from(fault: client::files::FileFault) -> Self {
        ClientError::from(fault).into()
    }
}
