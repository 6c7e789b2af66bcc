//! Everything with a key or a certificate, ours and the relying parties', in one list and in one calendar.

use domain::{CalendarKind, Day, Direction, ItemKind, Next, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Effect, Operation, Page, Role, page::PageRequest};

const READERS: &[Role] = &[Role::KeyOfficer, Role::Administrator, Role::RpOfficer, Role::Auditor];

/// List every key and certificate in use, ours and the relying parties', the one that ends first at the top.
///
/// Citizens' signing certificates are not in it: `cert.list` has them, the calendar counts them by day.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListInventory {
    /// Only this kind of thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ItemKind>,
    /// Only what is made on this side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// Only this holder's: an operator, a relying party, a key, or `platform`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Only what ends within this many days from now, or has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_within_days: Option<u32>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListInventory {
    const NAME: &'static str = "key.inventory";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<InventoryItem>;
}

/// One thing of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InventoryItem {
    /// Its id: a key id, a serial number, a credential, an authority; of a copy, `RP/CLIENT/HOW`.
    pub id: String,
    /// What kind of thing it is.
    pub kind: ItemKind,
    /// Who makes and exchanges it.
    pub direction: Direction,
    /// What it is for: purpose and algorithm, profile, kind of credential.
    pub what: String,
    /// Whose it is: an operator, a relying party, a key; `platform` for the keys of the platform.
    pub holder: String,
    /// How it stands, in the words of its kind.
    pub state: String,
    /// Last moment, where it has one.
    pub ends_at: Option<Timestamp>,
    /// Whole days until then: 0 on the last one, negative afterwards.
    pub days_left: Option<i64>,
    /// Whether another one is there in its place, so that nothing stops when it ends.
    pub renewed: bool,
    /// What depends on it, in words.
    pub depends: Vec<String>,
    /// What is next, and when.
    pub next: Option<Next>,
    /// What to do about that, and by which command, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
}

/// The office calendar: what ends, what is to be renewed or rotated, and the steps of rotations, day by day in Hong Kong.
///
/// Citizens' signing certificates are counted by the day on which they end; each other thing has entries of its own.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowCalendar {
    /// The first day; today when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Day>,
    /// The last day; a year after the first one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Day>,
    /// Only this kind of entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<CalendarKind>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ShowCalendar {
    const NAME: &'static str = "key.calendar";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<CalendarEntry>;
}

/// An entry of the calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarEntry {
    /// Stays the same for as long as the entry is about the same thing, whatever becomes of its date; unique in the world.
    pub uid: String,
    /// The day in Hong Kong.
    pub day: Day,
    /// The moment.
    pub at: Timestamp,
    /// What it is about.
    pub kind: CalendarKind,
    /// The thing: a key id, a serial number, a credential, a plan, an authority; for citizens' certificates the day.
    pub subject: String,
    /// Whose it is, where it is somebody's.
    pub holder: Option<String>,
    /// How many things: 1, but for citizens' certificates.
    pub count: u64,
    /// What happens, in one line.
    pub title: String,
    /// What to do about it, where there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// When what it rests on was recorded.
    pub noted_at: Timestamp,
    /// Counts up with the changes of what it rests on.
    pub sequence: u32,
}
