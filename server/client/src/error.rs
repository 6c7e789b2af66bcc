//! What can go wrong between a command and the server's reply, each with the exit code a script sees and the next step.

use api::{Exit, Problem};
use domain::Timestamp;

use crate::files::FileFault;

/// Why there is no reply.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered with a problem.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// No connection came about; nothing was sent.
    #[error("cannot reach {server}: {cause}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// What happened.
        cause: String,
    },
    /// A write was sent and no answer came: it may have been done or not.
    #[error("NOT CONFIRMED: {server} did not answer '{operation}': {cause}")]
    NotConfirmed {
        /// Its URL.
        server: String,
        /// The operation.
        operation: String,
        /// What happened.
        cause: String,
        /// The key under which the same command can be repeated safely; none for an enrolment.
        key: Option<String>,
    },
    /// A read was sent and no answer came.
    #[error("{server} did not answer: {cause}")]
    NoAnswer {
        /// Its URL.
        server: String,
        /// What happened.
        cause: String,
    },
    /// The server is not the one the context names, or does not let this operator in.
    #[error("{message}")]
    Tls {
        /// Which way it failed.
        fault: TlsFault,
        /// What happened.
        message: String,
        /// What to do.
        hint: String,
    },
    /// The context is missing or broken; nothing was sent.
    #[error("{message}")]
    Context {
        /// Stable code, e.g. `context.missing`.
        code: &'static str,
        /// What is wrong.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A file of the context could not be read or written; nothing was sent.
    #[error(transparent)]
    File(#[from] FileFault),
    /// The answer is not of this contract: another program, or another version.
    #[error("{server} answered what this iamctl does not understand: {cause}")]
    Reply {
        /// Its URL.
        server: String,
        /// What is odd about it.
        cause: String,
        /// The request's id, if it came.
        request_id: Option<String>,
        /// Whether a write may have been done.
        written: Written,
    },
}

/// How a write of which nothing is known is repeated.
#[must_use]
pub fn repeat_safely(key: &str) -> String {
    format!("the same command with --idempotency-key {key} is safe to repeat: it is done at most once")
}

/// Whether a write may have been done although no good reply came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// No.
    No,
    /// Perhaps.
    Perhaps,
}

/// Ways in which the two sides do not trust each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsFault {
    /// The server's certificate does not lead to the context's CA.
    WrongCa,
    /// The server's certificate is past its time, or before it.
    ServerTime,
    /// The server's certificate is for another host.
    WrongHost,
    /// The operator's certificate is past its time.
    Expired,
    /// The operator's certificate is before its time.
    NotYetValid,
    /// The operator's certificate is of another instance.
    Foreign,
    /// The operator's certificate was revoked.
    Revoked,
    /// The operator's certificate was refused and the server does not say more.
    Refused,
    /// The two speak no common TLS.
    Protocol,
}

impl TlsFault {
    /// Stable code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::WrongCa => "tls.wrong-ca",
            Self::ServerTime => "tls.server-time",
            Self::WrongHost => "tls.wrong-host",
            Self::Expired => "tls.certificate-expired",
            Self::NotYetValid => "tls.certificate-not-yet-valid",
            Self::Foreign => "tls.certificate-foreign",
            Self::Revoked => "tls.certificate-revoked",
            Self::Refused => "tls.certificate-refused",
            Self::Protocol => "tls.protocol",
        }
    }

    fn is_of_our_certificate(self) -> bool {
        match self {
            Self::Expired | Self::NotYetValid | Self::Foreign | Self::Revoked | Self::Refused => true,
            Self::WrongCa | Self::ServerTime | Self::WrongHost | Self::Protocol => false,
        }
    }
}

impl ClientError {
    pub(crate) fn context(code: &'static str, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Context { code, message: message.into(), hint: hint.into() }
    }

    /// Stable code, dotted.
    #[must_use]
    pub fn code(&self) -> &str {
        match self {
            Self::Problem(problem) => &problem.code,
            Self::Unreachable { .. } => "server.unreachable",
            Self::NotConfirmed { .. } => "server.not-confirmed",
            Self::NoAnswer { .. } => "server.no-answer",
            Self::Tls { fault, .. } => fault.code(),
            Self::Context { code, .. } => code,
            Self::File(_) => "file",
            Self::Reply { .. } => "server.reply",
        }
    }

    /// Whether the server refused the operator's certificate: then it took in nothing of what was sent under it.
    pub(crate) fn is_of_our_certificate(&self) -> bool {
        matches!(self, Self::Tls { fault, .. } if fault.is_of_our_certificate())
    }

    /// What happened, without the address it happened at.
    pub(crate) fn cause(&self) -> String {
        match self {
            Self::Unreachable { cause, .. } | Self::NotConfirmed { cause, .. } | Self::NoAnswer { cause, .. } => cause.clone(),
            other => other.to_string(),
        }
    }

    /// What a script sees.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Problem(problem) => problem.exit(),
            Self::Unreachable { .. } | Self::NotConfirmed { .. } | Self::NoAnswer { .. } => Exit::Unavailable,
            Self::Tls { .. } => Exit::NotAuthenticated,
            Self::Context { .. } => Exit::Usage,
            Self::File(fault) if fault.verb == "read" => Exit::Usage,
            // The system refuses: nothing is wrong with what was asked for.
            Self::File(_) => Exit::Failed,
            Self::Reply { .. } => Exit::Failed,
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Problem(problem) => problem.hint.clone(),
            Self::Unreachable { .. } => Some(
                "see that the server runs ('iamd serve') and that the address is right; 'iamctl doctor' looks at each step"
                    .into(),
            ),
            Self::NotConfirmed { key: Some(key), .. } => Some(repeat_safely(key)),
            Self::NotConfirmed { key: None, .. } => {
                Some("the one-time code may be used up: if it is refused now, ask for a new one ('iamctl operator add')".into())
            }
            Self::NoAnswer { .. } => Some("try again; --timeout SECONDS waits longer".into()),
            Self::Tls { hint, .. } | Self::Context { hint, .. } => Some(hint.clone()),
            Self::File(_) => None,
            Self::Reply { .. } => Some(
                "see that the context's server is the admin listener, and compare 'iamctl --version' with the server's".into(),
            ),
        }
    }

    /// Whether the same command may go through later.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Problem(problem) => problem.retryable,
            Self::Unreachable { .. } | Self::NotConfirmed { .. } | Self::NoAnswer { .. } => true,
            Self::Tls { .. } | Self::Context { .. } | Self::File(_) | Self::Reply { .. } => false,
        }
    }

    /// The request's id, when the server gave one.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self {
            Self::Problem(problem) => problem.request_id.as_deref(),
            Self::Reply { request_id, .. } => request_id.as_deref(),
            _ => None,
        }
    }

    /// Whether a write may have been done although this error came of it.
    #[must_use]
    pub fn written(&self) -> Written {
        match self {
            Self::NotConfirmed { .. } | Self::Reply { written: Written::Perhaps, .. } => Written::Perhaps,
            // The server says so itself, or it is not the server that answers.
            Self::Problem(problem) if problem.code.ends_with(".not-confirmed") || matches!(problem.status, 502 | 504) => {
                Written::Perhaps
            }
            _ => Written::No,
        }
    }
}

/// What the server tells of an operator's certificate by a TLS alert, sharpened by what the certificate itself says.
pub(crate) fn certificate_refused(alert: Alert, not_before: Timestamp, not_after: Timestamp, now: Timestamp) -> ClientError {
    let enrol = "ask an administrator for a new enrolment code ('iamctl operator add' for the same id, with the same name and roles), then 'iamctl enrol'";
    let (fault, message, hint) = if alert == Alert::Revoked {
        (TlsFault::Revoked, "the operator's certificate was revoked".to_owned(), enrol.to_owned())
    } else if now > not_after || alert == Alert::Expired && now >= not_before {
        (
            TlsFault::Expired,
            format!("the operator's certificate expired at {}", crate::times::people(not_after)),
            enrol.to_owned(),
        )
    } else if now < not_before {
        (
            TlsFault::NotYetValid,
            format!("the operator's certificate is not valid before {}", crate::times::people(not_before)),
            "set this machine's clock; if it is right, wait until then".to_owned(),
        )
    } else if alert == Alert::UnknownCa {
        (
            TlsFault::Foreign,
            "the server does not know the issuer of the operator's certificate: it is of another instance".to_owned(),
            "choose the context of this server ('iamctl context list', 'iamctl context use NAME'), or enrol there ('iamctl enrol')".to_owned(),
        )
    } else {
        (
            TlsFault::Refused,
            format!("the server refused the operator's certificate ({})", alert.words()),
            "it is revoked, or of another instance or environment: see 'iamctl context show', or ask an administrator for a new enrolment code".to_owned(),
        )
    };
    ClientError::Tls { fault, message, hint }
}

/// TLS alerts that speak of a certificate (RFC 8446 section 6.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Alert {
    Expired,
    Revoked,
    UnknownCa,
    Required,
    Other(u8),
}

impl Alert {
    /// The alert of that number, when it speaks of a certificate.
    pub(crate) fn of(number: u8) -> Option<Self> {
        match number {
            44 => Some(Self::Revoked),
            45 => Some(Self::Expired),
            48 => Some(Self::UnknownCa),
            116 => Some(Self::Required),
            // bad_certificate, unsupported_certificate, certificate_unknown, access_denied, decrypt_error
            42 | 43 | 46 | 49 | 51 => Some(Self::Other(number)),
            _ => None,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::UnknownCa => "unknown issuer",
            Self::Required => "none was sent",
            Self::Other(42) => "bad certificate",
            Self::Other(43) => "unsupported certificate",
            Self::Other(49) => "access denied",
            Self::Other(51) => "its key does not fit",
            Self::Other(_) => "not accepted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn an_alert_is_sharpened_by_the_certificate_itself() {
        let (from, to) = (at("2022-01-01T00:00:00Z"), at("2023-01-01T00:00:00Z"));
        let cases = [
            (Alert::Expired, at("2024-01-01T00:00:00Z"), TlsFault::Expired),
            (Alert::Other(42), at("2024-01-01T00:00:00Z"), TlsFault::Expired),
            (Alert::Other(42), at("2021-01-01T00:00:00Z"), TlsFault::NotYetValid),
            (Alert::Expired, at("2022-06-01T00:00:00Z"), TlsFault::Expired),
            (Alert::UnknownCa, at("2022-06-01T00:00:00Z"), TlsFault::Foreign),
            (Alert::Revoked, at("2022-06-01T00:00:00Z"), TlsFault::Revoked),
            (Alert::Other(42), at("2022-06-01T00:00:00Z"), TlsFault::Refused),
        ];
        for (alert, now, wanted) in cases {
            let error = certificate_refused(alert, from, to, now);
            let ClientError::Tls { fault, .. } = &error else { panic!("{error:?}") };
            assert_eq!(*fault, wanted, "{alert:?} at {now}");
            assert_eq!(error.exit(), Exit::NotAuthenticated);
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn a_write_without_an_answer_says_how_to_repeat_it() {
        let error = ClientError::NotConfirmed {
            server: "https://127.0.0.1:7443".into(),
            operation: "account.suspend".into(),
            cause: "no answer within 30 s".into(),
            key: Some("0190-abc".into()),
        };
        assert_eq!(error.exit(), Exit::Unavailable);
        assert!(error.to_string().starts_with("NOT CONFIRMED"));
        assert!(error.hint().is_some_and(|hint| hint.contains("--idempotency-key 0190-abc is safe to repeat")));
        assert_eq!(error.written(), Written::Perhaps);
    }
}
