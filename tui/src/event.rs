//! Everything that can happen to the dashboard. An event can be written down and read back, so that a session can be
//! recorded and played again; what is typed of a person is written down as a number of characters only.

use api::event::ChangeEvent;
use client::{ClientError, Written};
use domain::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use crate::call::Reply;
use crate::key::{Code, Key};

/// Something that happened, and when.
#[derive(Debug, Serialize, Deserialize)]
pub struct Happened {
    /// By this machine's clock.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// Something that happened.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A key was pressed.
    Key(Key),
    /// A text was pasted.
    Paste(Pasted),
    /// The terminal has another size.
    Resize {
        /// Columns.
        columns: u16,
        /// Rows.
        rows: u16,
    },
    /// The moment that the state has asked for has come.
    Tick,
    /// A call was answered.
    Answer {
        /// Which.
        ticket: Ticket,
        /// The reply, or why there is none.
        answer: Box<Result<Reply, Trouble>>,
    },
    /// The change feed has something to tell.
    Feed(Feed),
}

/// The number of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket(pub u64);

/// What the change feed tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feed {
    /// It stands; changes will follow.
    Live,
    /// Something has changed.
    Change(ChangeEvent),
    /// It was lost and is tried again.
    Lost(Trouble),
    /// The server does not give it to this operator.
    Denied(Trouble),
}

/// A pasted text.
#[derive(Debug)]
pub enum Pasted {
    /// The text.
    Text(Zeroizing<String>),
    /// How many characters it had; the recording does not tell which.
    Hidden(usize),
}

/// The part of a pasted text that goes into a field: its first line, without control characters, and not endless.
pub(crate) fn usable(text: &str) -> impl Iterator<Item = char> {
    let line = text.trim().lines().next().unwrap_or_default();
    line.chars().filter(|character| !character.is_control()).take(1_000)
}

impl Serialize for Pasted {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => to.serialize_str(text),
            Self::Hidden(count) => to.serialize_u64(*count as u64),
        }
    }
}

impl<'de> Deserialize<'de> for Pasted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either {
            Text(String),
            Count(usize),
        }
        Ok(match Either::deserialize(from)? {
            Either::Text(text) => Self::Text(Zeroizing::new(text)),
            Either::Count(count) => Self::Hidden(count),
        })
    }
}

impl Event {
    /// As it is recorded while what is typed is private; none for what tells nothing of a person.
    #[must_use]
    pub fn redacted(&self) -> Option<Self> {
        match self {
            Self::Key(Key { code: Code::Char('-' | ' '), .. }) => None,
            Self::Key(Key { code: Code::Char(_), ctrl: false, alt: false }) => Some(Self::Key(Key::of(Code::Hidden))),
            Self::Paste(Pasted::Text(text)) => Some(Self::Paste(Pasted::Hidden(usable(text).count()))),
            _ => None,
        }
    }
}

/// How something was sent to the server.
#[derive(Debug, Clone, Copy)]
pub enum Sent<'a> {
    /// It is asked again by the clock.
    Regularly,
    /// It holds what a caller named, which is not kept.
    Once,
    /// A write under this key; it can be sent again.
    Under(&'a str),
}

/// Why a call has no reply: what a person needs to know of it, without the inner cause's types.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// Stable code, dotted.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The request's id, under which the server's log knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Which parts of the request are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Whether the server was not reached.
    #[serde(default)]
    pub away: bool,
    /// Whether the same may go through later.
    #[serde(default)]
    pub retryable: bool,
    /// For a write that may have been done: the key under which it can be sent again safely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unconfirmed: Option<String>,
}

impl Trouble {
    /// Trouble found on this side; nothing was sent.
    #[must_use]
    pub fn here(code: &str, message: &str, hint: &str) -> Self {
        Self {
            code: code.to_owned(),
            message: message.to_owned(),
            hint: Some(hint.to_owned()),
            request_id: None,
            fields: Vec::new(),
            away: false,
            retryable: false,
            unconfirmed: None,
        }
    }

    /// What the client says of something that was sent this way.
    #[must_use]
    pub fn of(error: &ClientError, sent: Sent<'_>) -> Self {
        let fields = match error {
            ClientError::Problem(problem) => {
                problem.fields.iter().map(|field| format!("{}: {}", field.path, field.message)).collect()
            }
            _ => Vec::new(),
        };
        let unconfirmed = match sent {
            Sent::Under(key) if error.written() == Written::Perhaps => Some(key.to_owned()),
            _ => None,
        };
        // The command line's advice speaks of flags, which the dashboard has not.
        let hint = match (&unconfirmed, error, sent) {
            (Some(_), ..) => Some("it may have been done or not; to send it again is safe: it is done at most once".to_owned()),
            (None, ClientError::NoAnswer { .. }, Sent::Once) => Some("type it again: it was not kept".to_owned()),
            (None, ClientError::NoAnswer { .. }, _) => Some("it is asked again by itself".to_owned()),
            _ => error.hint(),
        };
        Self {
            code: error.code().to_owned(),
            message: error.to_string(),
            hint,
            request_id: error.request_id().map(str::to_owned),
            fields,
            away: matches!(
                error,
                ClientError::Unreachable { .. } | ClientError::NoAnswer { .. } | ClientError::NotConfirmed { .. }
            ),
            retryable: error.retryable(),
            unconfirmed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_privately_is_recorded_as_a_count() {
        let typed = Event::Key("7".parse().unwrap()).redacted().unwrap();
        assert_eq!(serde_json::to_string(&typed).unwrap(), r#"{"key":"hidden"}"#);
        let pasted = Event::Paste(Pasted::Text(Zeroizing::new("G123456(A)".into()))).redacted().unwrap();
        assert_eq!(serde_json::to_string(&pasted).unwrap(), r#"{"paste":10}"#);
        for key in ["enter", "backspace", "ctrl-p"] {
            assert!(Event::Key(key.parse().unwrap()).redacted().is_none(), "{key} tells nothing of a person");
        }
    }

    #[test]
    fn only_what_is_asked_again_by_itself_is_said_to_be() {
        let error = ClientError::NoAnswer { server: "https://127.0.0.1:7443".into(), cause: "no answer within 4.8 s".into() };
        assert_eq!(Trouble::of(&error, Sent::Regularly).hint.as_deref(), Some("it is asked again by itself"));
        assert_eq!(Trouble::of(&error, Sent::Once).hint.as_deref(), Some("type it again: it was not kept"));
    }

    #[test]
    fn a_write_without_an_answer_keeps_its_key() {
        let error = ClientError::NotConfirmed {
            server: "https://127.0.0.1:7443".into(),
            operation: "account.suspend".into(),
            cause: "no answer within 30 s".into(),
            key: Some("0190-abc".into()),
        };
        let trouble = Trouble::of(&error, Sent::Under("0190-abc"));
        assert!(trouble.message.starts_with("NOT CONFIRMED"));
        assert_eq!(trouble.unconfirmed.as_deref(), Some("0190-abc"));
        assert!(trouble.away && trouble.retryable);
    }
}
