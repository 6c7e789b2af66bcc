//! The root's revocation lists. Its key is kept away, and yet nobody is to hold a list that is older than a day: while the key is
//! at hand, a list is signed for each day to come, and each counts from its own first moment on. When the root revokes an
//! authority, the days to come are signed anew under higher numbers.

use std::time::Duration;

use domain::Timestamp;
use pki::Authority;
use pki::crl::{LONGEST_PERIOD, RevocationList, Revoked};

use crate::store::RevocationListRow;

/// Days for which lists are signed at a time: a year and a month, so that the key is needed once a year.
pub(crate) const LISTS_BEFOREHAND: u32 = 396;
const A_DAY: Duration = Duration::from_hours(24);

/// Lists from `number` on, the first from `now` on and then one a day, all with the same entries.
pub(crate) fn lists_beforehand(
    root: &Authority,
    number: u64,
    revoked: &[Revoked],
    now: Timestamp,
    days: u32,
) -> anyhow::Result<Vec<RevocationListRow>> {
    let mut rows = Vec::with_capacity(usize::try_from(days)?);
    for day in 0..days {
        let this_update = now.plus(A_DAY.saturating_mul(day));
        // A root that ends before that has no more lists to sign.
        if root.certificate().view().not_after <= this_update {
            break;
        }
        let next_update = this_update.plus(LONGEST_PERIOD);
        let list = RevocationList::issue(root, number + u64::from(day), this_update, next_update, revoked.to_vec())?;
        rows.push(RevocationListRow {
            issuer: root.name().to_string(),
            number: i64::try_from(list.number())?,
            this_update: list.this_update().micros(),
            next_update: list.next_update().micros(),
            entries: i64::try_from(list.len())?,
            der: list.der().to_vec(),
        });
    }
    Ok(rows)
}
