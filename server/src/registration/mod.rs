//! People register: at a station, or with their own phone.
//!
//! Evidence is taken (`begin`), checked against the records and by face, and wiped; then a device is bound (`bind`), and in that
//! transaction the account comes into being, or comes back (`complete`). What is not brought to an end is ended by `overdue`.

pub mod arrivals;
pub mod begin;
pub mod bind;
mod certificates;
mod code;
mod complete;
mod evidence;
pub(crate) mod list;
pub mod overdue;
pub(crate) mod show;
pub(crate) mod station;

pub use complete::Device;

use domain::{Channel, LocationId, StationId};

/// A station that has shown its certificate: an extension of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station {
    /// Which.
    pub id: StationId,
    /// The channel it registers through.
    pub channel: Channel,
    /// Where it stands.
    pub location: LocationId,
    /// Serial of its certificate, lower-case hex.
    pub certificate: String,
}
