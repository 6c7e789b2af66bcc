//! What is recorded of each use of a service.

use crate::wire::words;

words! {
    /// How the citizen reached the service.
    pub enum UsageChannel, "usage channel" {
        /// From the service's app or page on the same phone.
        App = 1 => "app",
        /// By scanning a QR code shown on another screen.
        Qr = 2 => "qr",
        /// Asked for by the relying party's server (CIBA), approved on the phone.
        Backchannel = 3 => "backchannel",
    }
}

words! {
    /// How a request ended.
    pub enum Outcome, "outcome" {
        /// Done: the only outcome that is a use.
        Completed = 1 => "completed",
        /// Went wrong at our end or the relying party's.
        Failed = 2 => "failed",
        /// The citizen said no, or a rule did.
        Refused = 3 => "refused",
        /// Nobody answered in time.
        TimedOut = 4 => "timed-out",
        /// Withdrawn by the relying party or the citizen before an answer.
        Cancelled = 5 => "cancelled",
    }
}

impl Outcome {
    /// Whether the request counts as a use: one completed use by a citizen of one function of one
    /// service. Everything else is recorded and not counted.
    pub const fn is_use(self) -> bool {
        matches!(self, Outcome::Completed)
    }
}
