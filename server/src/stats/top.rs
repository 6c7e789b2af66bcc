//! The frequently used services.

use api::stats::{TopRow, TopServices};
use domain::{Day, Month};

use super::definitions::FREQUENT;
use super::services::Services;
use super::tally::{self, whole};
use super::window::Window;
use super::{question, ranking};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{Ended, Read};

/// The most that may be asked for.
const LIMIT: u32 = 1_000;

/// The services by uses, the most used first.
pub(crate) async fn top(app: &App, _: &Caller, op: TopServices) -> Result<Vec<TopRow>, Failure> {
    let today = app.clock.now().hk_day();
    if let Some(as_at) = op.as_at {
        question::as_at(as_at, today)?;
    }
    question::known_at(op.known_at, today)?;
    if op.limit.is_some_and(|limit| !(1..=LIMIT).contains(&limit)) {
        return Err(Failure::invalid_field("stats.limit", "limit", format!("a list of services has 1 to {LIMIT} ranks")));
    }
    let mut read = app.store.read().await?;
    rank(&mut read, &op).await
}

/// The rows out of one snapshot.
///
/// # Errors
/// When the database cannot be reached or contradicts itself.
pub async fn rank(read: &mut Read, op: &TopServices) -> Result<Vec<TopRow>, Failure> {
    let extent = read.usage_extent().await?;
    let tail = read.usage_tail().await?;
    let services = Services::load(read).await?;
    let known_at = op.known_at.or_else(|| tally::last_recorded([extent, None], [tail, None], &services));
    // Up to the day they are known at: what is recorded later moves no earlier answer.
    let Some(to) = op.as_at.or(known_at) else { return Ok(Vec::new()) };
    let known_at = known_at.unwrap_or(Day::MAX);
    let services = services.known_by(known_at);
    let window = Window { from: Month::MIN.first_day(), to, known_at };
    let cells = tally::requests(read, &window, extent, &services, Ended::Completed).await?;
    let mut uses = Vec::new();
    for (code, count) in tally::sums(&cells, |cell| Ok(cell.service))? {
        let version = services.on(code, to)?;
        uses.push((version.service.to_string(), version.name.clone(), whole(count)?));
    }
    let ranked = ranking::rank(uses, op.limit.unwrap_or(FREQUENT));
    let row =
        |ranked: ranking::Ranked<_>| TopRow { rank: ranked.rank, service: ranked.id, name: ranked.shown, uses: ranked.uses };
    Ok(ranked.into_iter().map(row).collect())
}
