//! Why there is no dashboard, or no more.

use std::io;
use std::path::PathBuf;

use api::Exit;

/// Why there is no dashboard, or no more.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Standard input or output is no terminal, or one that cannot move its cursor.
    #[error("the dashboard needs a terminal: {0}")]
    NoTerminal(&'static str),
    /// The terminal failed.
    #[error("the terminal failed: {0}")]
    Terminal(#[source] io::Error),
    /// The recording could not be written.
    #[error("the recording {} cannot be written: {cause}", file.display())]
    Recording {
        /// Where.
        file: PathBuf,
        /// Why not.
        cause: io::Error,
    },
    /// A part of the dashboard came down; the terminal was restored first.
    #[error("the dashboard came down: {0}")]
    Defect(String),
}

impl Failure {
    /// Stable code, dotted.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoTerminal(_) => "dashboard.no-terminal",
            Self::Terminal(_) => "dashboard.terminal",
            Self::Recording { .. } => "dashboard.recording",
            Self::Defect(_) => "dashboard.defect",
        }
    }

    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NoTerminal(_) => "in a script use the commands themselves, e.g. 'iamctl key list -o json'",
            Self::Terminal(_) => "see that the terminal is still there, then start it again",
            Self::Recording { .. } => "name a file in a folder that can be written",
            Self::Defect(_) => "this is a defect: report it; the server is not touched by it",
        }
    }

    /// What a script sees.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::NoTerminal(_) | Self::Recording { .. } => Exit::Usage,
            Self::Terminal(_) | Self::Defect(_) => Exit::Failed,
        }
    }
}
