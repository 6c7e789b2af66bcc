//! How long the root's lists last that were signed beforehand.

use std::time::Duration;

use domain::Timestamp;
use pki::RevocationList;

use crate::store::{Read, StoreError};

/// Nobody is to hold a list that is older.
const A_DAY: Duration = Duration::from_hours(24);

/// Until when a list is not too old.
pub(super) fn covered_until(list: &RevocationList) -> Timestamp {
    list.this_update().plus(A_DAY)
}

/// Until when the root has a list for each day.
///
/// # Errors
/// When the database cannot be reached.
pub async fn root_lists_until(read: &mut Read) -> Result<Option<Timestamp>, StoreError> {
    let heads = read.revocation_heads().await?;
    let last = heads.iter().find(|head| head.issuer.starts_with("root-"));
    Ok(last.map(|head| Timestamp::from_micros(head.this_update).plus(A_DAY)))
}
