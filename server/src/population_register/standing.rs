//! How it stands with the records, as the doctor is told.

use std::future::Future;
use std::pin::Pin;

use domain::Timestamp;

/// How it stands with the records, as far as this node can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The settings do not say where they are.
    NotConfigured,
    /// The settings do.
    Configured {
        /// Host and port.
        place: String,
        /// What they said just now: nothing wrong, or why there is no answer.
        fault: Option<String>,
        /// Since when they have given none and are left alone, asked again now and then.
        left_alone_since: Option<Timestamp>,
        /// Last moment of the certificate that they know this platform by; none where it cannot be read.
        certificate_ends: Option<Timestamp>,
    },
}

/// A look under way.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Standing> + Send + 'a>>;
