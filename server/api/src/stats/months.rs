//! Months that are closed, what came later, and whether counters equal a recount.

use domain::{Bilingual, Day, Month, OperatorId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KEEPERS, READERS, View};
use crate::{Effect, Operation, Role, Severity};

/// Closes a month: what is known of it becomes the published state, under a digest and a signature. Asked again, it answers with
/// what was frozen and changes nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeMonth {
    /// The month; it must have ended, and the day `known_at` be final.
    pub month: Month,
    /// As recorded up to the end of this day; the last final day when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
}

impl Operation for FreezeMonth {
    const NAME: &'static str = "stats.freeze";
    const ROLES: &'static [Role] = KEEPERS;
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = FrozenMonth;
}

/// The months that are frozen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListFrozen {}

impl Operation for ListFrozen {
    const NAME: &'static str = "stats.frozen";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<FrozenMonth>;
}

/// A month that is closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FrozenMonth {
    /// The month.
    pub month: Month,
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// Edition of the definitions.
    pub definitions: String,
    /// Completed uses in the month.
    pub uses: u64,
    /// Different people who made them.
    pub users: u64,
    /// Registered at its end.
    pub registered: u64,
    /// When it was frozen.
    pub frozen_at: Timestamp,
    /// By whom.
    pub operator: OperatorId,
    /// Whether it was frozen before; then nothing was changed.
    pub already: bool,
    /// SHA-256 over the month's cells and definitions in canonical JSON, lower-case hex.
    pub digest: String,
    /// The digest in a C2SP signed note, under the key of the audit log.
    pub checkpoint: String,
}

/// What differs between a month as it was frozen and as it is known now. Nothing is overwritten.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestateMonth {
    /// The month.
    pub month: Month,
    /// As recorded up to the end of this day; the last day counted when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
    /// Whose view; the auditor's for an auditor when absent, the published one for anybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl Operation for RestateMonth {
    const NAME: &'static str = "stats.restate";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Restatement;
}

/// A month then and now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Restatement {
    /// As it was closed.
    pub frozen: FrozenMonth,
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// Whether anything differs.
    pub differs: bool,
    /// Whether the counters still give the digest that was frozen, and its signature holds. If not, somebody changed what is never
    /// changed.
    pub intact: bool,
    /// What differs, the figures of the month first, then its services.
    pub rows: Vec<RestateRow>,
    /// Services that differ and are not among the rows: reports of that day or of this one leave their numbers out. None in the
    /// auditor's view.
    #[serde(default)]
    pub suppressed: u64,
    /// Why.
    pub reasons: Vec<RestateReason>,
}

/// A figure that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestateRow {
    /// Id of the figure or service.
    pub id: String,
    /// Its name.
    pub name: Bilingual,
    /// As frozen.
    pub frozen: u64,
    /// As known now.
    pub now: u64,
}

/// Why a month differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RestateReason {
    /// `late-events`, `corrected-events`, `definition-changed`, `service-changed`.
    pub kind: String,
    /// How many events or definitions.
    pub count: u64,
    /// In words, with the days of recording.
    pub text: Bilingual,
}

/// Counts a month again from its raw events, and holds it against the counters and against what was frozen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyMonth {
    /// The month.
    pub month: Month,
}

impl Operation for VerifyMonth {
    const NAME: &'static str = "stats.verify";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Verification;
}

/// What a recount found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Verification {
    /// The month.
    pub month: Month,
    /// Whether counters, frozen digest and signature agree with the recount to the unit.
    pub ok: bool,
    /// Raw events counted again.
    pub events: u64,
    /// Counters held against them.
    pub cells: u64,
    /// Different people, recounted.
    pub users: u64,
    /// As it was frozen, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frozen: Option<FrozenMonth>,
    /// What does not agree; at most a hundred are told.
    pub differences: Vec<CellDifference>,
}

/// A counter, digest or signature that does not agree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CellDifference {
    /// Which table, or `digest`, `signature`, `users`.
    pub what: String,
    /// Which cell.
    pub cell: String,
    /// What it says.
    pub counted: Option<i64>,
    /// What it must say.
    pub recounted: Option<i64>,
}
