//! Problems: RFC 9457 documents on the wire, exit codes on the command line, and the list of stable codes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the server answers instead of a reply. On the wire an RFC 9457 document (`application/problem+json`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// HTTP status.
    pub status: u16,
    /// Stable dotted code, e.g. `account.closed`. Listed by `iamctl explain errors`.
    pub code: String,
    /// What happened: a fragment, without a full stop.
    #[serde(rename = "detail")]
    pub message: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the same request may go through later.
    #[serde(default)]
    pub retryable: bool,
    /// The request's id; the server's log has the inner cause under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Which parts of the request are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
}

/// One mistake in a request or a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Field {
    /// Where in the document, e.g. `manifests[0].services[1].redirectUris[0]`.
    pub path: String,
    /// The file, when the client read one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// 1-based line; known to the client only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// 1-based column in characters; known to the client only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// Stable code of the rule that was broken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

impl Problem {
    /// The exit code that a script sees.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self.status {
            400 | 413 | 415 | 422 => Exit::Usage,
            401 => Exit::NotAuthenticated,
            403 => Exit::Denied,
            404 => Exit::NotFound,
            409 | 412 => Exit::Conflict,
            408 | 429 | 502 | 503 | 504 => Exit::Unavailable,
            _ => Exit::Failed,
        }
    }
}

/// Exit codes of `iamctl` and `iamd` (contract section 3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Done = 0,
    /// Failed.
    Failed = 1,
    /// Usage, invalid input, or a confirmation that could not be asked; nothing was attempted.
    Usage = 2,
    /// Not found.
    NotFound = 3,
    /// Not authenticated.
    NotAuthenticated = 4,
    /// Denied: role or two-person rule.
    Denied = 5,
    /// Conflict: state, version, somebody was faster.
    Conflict = 6,
    /// Differs (`diff`, `plan --exit-code`, `stats restate --exit-code`, `stats run`).
    Differs = 7,
    /// Some rows of a batch were refused.
    RowsRefused = 8,
    /// Unavailable or NOT CONFIRMED: try again.
    Unavailable = 9,
    /// Nothing new: what would be written is there already (`stats run` only).
    NothingNew = 10,
    /// Written, and data came late for a closed month (`stats run` only).
    LateData = 11,
    /// Interrupted.
    Interrupted = 130,
}

impl Exit {
    /// Every code with what it means: the man pages and `iamctl help exit-codes` print this.
    pub const ALL: &'static [(Self, &'static str)] = &[
        (Self::Done, "done"),
        (Self::Failed, "failed"),
        (Self::Usage, "usage, invalid input (nothing was attempted), or a confirmation that could not be asked"),
        (Self::NotFound, "not found"),
        (Self::NotAuthenticated, "not authenticated (certificate missing, expired, revoked, of another instance or environment)"),
        (Self::Denied, "denied (role, two-person rule)"),
        (Self::Conflict, "conflict (state, version, somebody was faster)"),
        (
            Self::Differs,
            "differs ('diff', 'plan --exit-code', 'stats restate --exit-code'; 'stats run' from what is closed or written)",
        ),
        (Self::RowsRefused, "some rows of a batch were refused"),
        (Self::Unavailable, "unavailable or NOT CONFIRMED: try again"),
        (Self::NothingNew, "nothing new: what would be written is there ('stats run' only)"),
        (Self::LateData, "written, and data came late for a closed month ('stats run' only)"),
        (Self::Interrupted, "interrupted"),
    ];

    /// The number a shell sees.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }
}
