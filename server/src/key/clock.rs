//! Whether the clock can be believed where a step cannot be taken back: what it says is held against the audit log.
//!
//! A clock that jumps ahead would let every date pass at once: keys would take over that nobody has learned, and others be retired
//! whose tokens live. The log shows a jump as a day without any entry. Then no dated step is taken until the clock has gone on
//! for a day from the first entry behind the gap; set right again within that day, nothing has happened. While a rotation is
//! under way the scheduler sees to it that an idle platform has no such gap. Or a person says that the clock is right
//! (`vouch.rs`): that is written down, and counts from then on at every node.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use domain::{PlanState, Timestamp};
use serde_json::json;

use super::vouch::{Word, vouched};
use crate::app::App;
use crate::store::{Housekeeping, Leader, PlanRow, Read, StoreError};

/// A day without an entry is a jump, or a time switched off.
pub(crate) const GAP: Duration = Duration::from_hours(24);
/// While something is dated, an entry is written when none came for so long.
const WATCH: Duration = Duration::from_hours(12);

/// A clock that is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubt {
    /// The last entry before the gap.
    pub last: Timestamp,
    /// The first one behind it; the present, where there is none yet.
    pub goes_on: Timestamp,
}

impl Doubt {
    /// From when on the clock is believed, should it go on as it does.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        self.goes_on.plus(GAP)
    }

    /// In words, for whoever looks after the node.
    #[must_use]
    pub fn told(&self) -> String {
        let hours = self.goes_on.saturating_since(self.last).as_secs() / 3_600;
        let (last, until) = (self.last.people(), self.until().people());
        format!(
            "the clock may have jumped: the audit log has nothing for {hours} hours after {last}; no dated step of a key is taken until {until}, or until somebody says that it is right: iamd serve --clock-is-right"
        )
    }
}

/// Whether this node has said that it doubts the clock: once, not every second.
#[derive(Debug, Default)]
pub struct Said(AtomicBool);

impl Said {
    /// Says it to the log and to the metrics when it begins, and when it ends.
    pub fn note(&self, doubt: Option<&Doubt>) {
        metrics::gauge!("iam_key_steps_doubt_clock").set(if doubt.is_some() { 1.0 } else { 0.0 });
        match (doubt, self.0.swap(doubt.is_some(), Ordering::Relaxed)) {
            (Some(doubt), false) => tracing::warn!("{}", doubt.told()),
            (None, true) => tracing::info!("the clock is believed again; dated steps of keys are taken"),
            _ => {}
        }
    }
}

/// Whether the clock is to be doubted now, where a step cannot be taken back: only a person's word helps.
///
/// # Errors
/// When the database cannot be reached.
pub async fn doubt(read: &mut Read, now: Timestamp) -> Result<Option<Doubt>, StoreError> {
    let Some(gap) = gap(read, now).await? else { return Ok(None) };
    let persons = vouched(read, &gap).await? == Some(Word::Person);
    Ok((!persons).then_some(gap))
}

/// The gap of the log that is not a day past; vouched for or not.
pub(crate) async fn gap(read: &mut Read, now: Timestamp) -> Result<Option<Doubt>, StoreError> {
    let edge = now.minus(GAP);
    let Some(last) = read.last_entry_before(edge).await? else { return Ok(None) };
    let first = read.first_entry_between(edge, now).await?;
    Ok(judge(last, first, now))
}

/// `last` is the newest entry that is more than a day old, `first` the oldest one since.
fn judge(last: Timestamp, first: Option<Timestamp>, now: Timestamp) -> Option<Doubt> {
    let goes_on = first.unwrap_or(now);
    (goes_on.saturating_since(last) > GAP).then_some(Doubt { last, goes_on })
}

/// Writes an entry when none came for long and something is dated, so that the log shows how time goes by.
///
/// # Errors
/// When the database cannot be reached.
pub async fn watch(app: &App, plans: &[PlanRow], doubted: bool) -> anyhow::Result<()> {
    let under_way =
        |plan: &PlanRow| [PlanState::Running, PlanState::Paused, PlanState::Held].iter().any(|s| plan.state == s.as_str());
    if !doubted && !plans.iter().any(under_way) {
        return Ok(());
    }
    let now = app.clock.now();
    let late = |last: Option<Timestamp>| last.is_none_or(|last| now.saturating_since(last) >= WATCH);
    if !late(app.store.read().await?.last_entry_before(now).await?) {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    let last = tx.last_entry_before(now).await?;
    if !tx.leads(Leader::KeySteps).await? || !late(last) {
        return Ok(tx.rollback().await?);
    }
    let facts = json!({ "last": last, "doubted": doubted });
    tx.commit_housekeeping(Housekeeping::Step { action: "key.watch", subject: "clock".to_owned(), facts }).await?;
    app.wake.sealer.notify_one();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_micros(hours * 3_600_000_000)
    }

    #[test]
    fn a_day_without_an_entry_is_doubted_until_a_day_after_it_ended() {
        for (last, first, now, until) in [
            // Every few hours somebody works.
            (10, Some(11), 34, None),
            (10, Some(34), 34, None),
            // Nothing for a day and more, and nothing since.
            (10, None, 35, Some(59)),
            // A year ahead, and somebody worked there at once: that proves nothing for a day.
            (10, Some(8_770), 8_771, Some(8_794)),
            (8_770, Some(8_780), 8_794, None),
        ] {
            let doubt = judge(at(last), first.map(at), at(now));
            assert_eq!(doubt.map(|doubt| doubt.until()), until.map(at), "{last} {first:?} {now}");
        }
    }
}
