//! What the state asks of the runner.

use crate::call::Call;
use crate::event::Ticket;

/// Something to be done outside; its outcome comes back as an event.
#[derive(Debug)]
pub enum Action {
    /// Call the server.
    Call {
        /// Under which number its answer comes back.
        ticket: Ticket,
        /// What.
        call: Call,
        /// The key that the same write was sent under before.
        key: Option<String>,
    },
    /// Leave the dashboard.
    Leave,
}
