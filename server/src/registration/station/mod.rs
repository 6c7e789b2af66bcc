//! The stations of the registration service: who they are, and how one of them is known by its certificate.

pub(crate) mod add;
pub(crate) mod list;
pub(crate) mod retire;

use api::registration::StationView;
use domain::Timestamp;

use crate::store::{StationRow, StoreError};

/// What the office sees of a station.
///
/// # Errors
/// When the row is damaged.
fn view(row: &StationRow) -> Result<StationView, StoreError> {
    Ok(StationView {
        id: row.id()?,
        channel: row.channel()?,
        location: row.location()?,
        state: row.state.clone(),
        added_at: Timestamp::from_micros(row.added_at),
        retired_at: row.retired_at.map(Timestamp::from_micros),
    })
}
