//! Raw events: taken in from a file, and given out for others to count.

use domain::{ClientId, Day, Function, Month, Outcome, Tier, Timestamp, UsageChannel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::KEEPERS;
use crate::{Effect, Operation, Role, Severity};

/// The most events of one request.
pub const MAX_USES: usize = 5_000;

/// Takes in uses that a service counted while the platform could not be told, or corrects such. An event whose key the source has
/// sent before is counted once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportUses {
    /// Whose keys these are, e.g. `etax-2022-05`: 1 to 64 lower-case letters, digits, dots and hyphens.
    pub source: String,
    /// The events, at most 5 000.
    pub uses: Vec<ImportedUse>,
}

impl Operation for ImportUses {
    const NAME: &'static str = "stats.import";
    const ROLES: &'static [Role] = KEEPERS;
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = UsesImported;

    fn subject(&self) -> String {
        self.source.clone()
    }
}

/// A line of such a file (JSON Lines).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportedUse {
    /// Its key in the source, 1 to 64 printable ASCII characters.
    pub key: String,
    /// The service.
    pub service: ClientId,
    /// What for.
    pub function: Function,
    /// The tier the account had.
    pub tier: Tier,
    /// How the service was reached.
    pub channel: UsageChannel,
    /// How it ended.
    pub outcome: Outcome,
    /// When; not before the service's first day and not in the future.
    pub at: Timestamp,
    /// Key of an event of the same source that this one takes the place of: that one is taken off, on the day of this recording.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrects: Option<String>,
}

/// What became of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsesImported {
    /// Put on record.
    pub recorded: u64,
    /// Known before: counted once.
    pub duplicates: u64,
    /// Of the recorded, those that took the place of another.
    pub corrections: u64,
    /// Refused, each by its first fault: place in the request and field (`uses[3].at`), code and reason.
    pub refused: Vec<crate::Field>,
}

/// Which raw events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawOf {
    /// Uses, completed and not.
    Uses,
    /// What happened to accounts.
    Accounts,
}

/// Raw events of some months, one after the other, for a recount with any tool. Without account, pseudonym or time of day.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportEvents {
    /// Which.
    pub of: RawOf,
    /// First month of events; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Month>,
    /// Last month of events; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Month>,
    /// As recorded up to the end of this day; the last day counted when absent. Later pages repeat what the first one answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
    /// Goes on after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

impl Operation for ExportEvents {
    const NAME: &'static str = "stats.export";
    const ROLES: &'static [Role] = &[Role::Auditor];
    const EFFECT: Effect = Effect::Read;
    type Reply = RawEvents;
}

/// A page of raw events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RawEvents {
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// The events.
    pub events: Vec<RawEvent>,
    /// Where the next page goes on; none after the last.
    pub next: Option<i64>,
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RawEvent {
    /// Day of the event in Hong Kong.
    pub event_day: Day,
    /// Day on which it was put on record.
    pub recorded_day: Day,
    /// The service, of a use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ClientId>,
    /// The function of a use, or the kind of an account's event.
    pub what: String,
    /// Tier.
    pub tier: Tier,
    /// Channel.
    pub channel: String,
    /// Outcome of a use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// 1, or -1 for an event that takes an earlier one off.
    pub count: i16,
}
