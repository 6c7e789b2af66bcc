//! How much room a population takes.

use domain::population::Plan;
use domain::{Refusal, spaced};

use crate::app::App;
use crate::failure::Failure;
use crate::instance::health::free_bytes;
use crate::store::Engine;

/// One account with its indexes and events: 461 bytes on SQLite at scale 1, rounded up.
const ACCOUNT: u64 = 500;
/// One use with its share of the counters: 49 bytes on SQLite at scale 1, rounded up.
const USE: u64 = 52;
/// The log of the largest transaction, and what the rest of the instance grows by meanwhile.
const LOG: u64 = 256 * MIB;
const MIB: u64 = 1024 * 1024;

/// Bytes that a population takes, at most.
#[must_use]
pub(super) fn needed(plan: &Plan) -> u64 {
    let rows = plan.totals.made() * ACCOUNT + plan.events() * USE;
    // A small one fits in the log many times over.
    rows + LOG.min(rows)
}

/// Refuses a population for which there is no room. Where PostgreSQL keeps its files is not known here: the database's own
/// answer counts.
///
/// # Errors
/// `population.space`, with what is needed and what is free.
pub(super) fn check(app: &App, plan: &Plan) -> Result<(), Failure> {
    let Engine::Sqlite { path, .. } = app.store.engine() else { return Ok(()) };
    let needed = needed(plan);
    let free = free_bytes(&app.data_dir).map_err(anyhow::Error::from)?;
    if free >= needed.saturating_add(app.settings.disk_reserve) {
        return Ok(());
    }
    let message = format!(
        "about {} MiB are needed at {}, and {} MiB are free besides the reserve",
        spaced(needed / MIB + 1),
        path.display(),
        spaced(free.saturating_sub(app.settings.disk_reserve) / MIB)
    );
    Err(Refusal::new("population.space", message).hint("free some space, or choose a smaller --scale").into())
}
