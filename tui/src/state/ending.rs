//! What is about to end and has no successor: said whatever the view, the nearer the louder.

use std::time::Duration;

use api::Page;
use api::inventory::InventoryItem;
use domain::{ItemKind, THRESHOLDS, Timestamp, crossed};

use super::State;
use super::loaded::Loaded;
use crate::call::Read;

/// Ends come by the day: so often is enough, unless something of keys or certificates has changed.
const EVERY: Duration = Duration::from_mins(10);
/// What ends within this time, or ended not longer ago, is an alarm; what ends later is a note.
const URGENT: Duration = Duration::from_hours(7 * 24);

/// What ends within the first threshold, the first to end first.
#[derive(Default)]
pub(crate) struct Ending {
    pub(crate) list: Loaded<Page<InventoryItem>>,
    changed: bool,
}

impl Ending {
    /// Something has changed that may end or have been renewed.
    pub(super) fn changed(&mut self, action: &str) {
        self.changed |= ["cert.", "key.", "rp.", "operator."].iter().any(|noun| action.starts_with(noun));
    }

    pub(super) fn came(&mut self, page: Page<InventoryItem>, now: Timestamp) {
        self.list.came(page, now);
        self.changed = false;
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.changed || self.list.at.is_none_or(|at| at.plus(EVERY) <= now)
    }
}

/// Asks for it, where it is due and the roles reach it.
pub(super) fn refresh(state: &mut State) {
    if state.identity.value.is_some() && state.ending.is_due(state.now) {
        state.ask(Read::Ending);
    }
}

/// What has no successor, with its end. A key ends with its certificate, which stands for both.
fn open(state: &State) -> impl Iterator<Item = (&InventoryItem, Timestamp)> {
    let items = state.ending.list.value.iter().flat_map(|page| &page.items);
    items.filter(|item| !item.renewed && item.kind != ItemKind::Key).filter_map(|item| Some((item, item.ends_at?)))
}

/// What ends first and is urgent, its end, and how many more are.
pub(crate) fn urgent(state: &State) -> Option<(&InventoryItem, Timestamp, usize)> {
    let now = state.server_now();
    let mut urgent = open(state).filter(|(_, at)| *at <= now.plus(URGENT) && at.plus(URGENT) >= now);
    let (first, at) = urgent.next()?;
    Some((first, at, urgent.count()))
}

/// How many of those that are not urgent yet end within the nearest threshold that one of them has crossed.
pub(crate) fn note(state: &State) -> Option<(usize, u16)> {
    let now = state.server_now();
    let later = || open(state).map(|(_, at)| at).filter(|at| *at > now.plus(URGENT));
    let nearest = later().find_map(|at| crossed(at, now))?;
    let within = now.plus(Duration::from_hours(24 * u64::from(nearest)));
    Some((later().filter(|at| *at <= within).count(), nearest))
}

/// Days ahead that are asked for.
pub(crate) fn days() -> u32 {
    THRESHOLDS.iter().copied().max().map_or(60, u32::from)
}
