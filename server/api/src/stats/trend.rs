//! Months one after the other, and what may be said of them.

use domain::{Bilingual, ClientId, Day, Month, Sector, Tendency};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{READERS, View};
use crate::{Effect, Operation, Role};

/// Of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TrendOf {
    /// All uses.
    Uses,
    /// Uses of the services of a sector.
    Sector(Sector),
    /// Uses of a service.
    Service(ClientId),
    /// Accounts registered at each month's end.
    Registered,
    /// Different people who used the platform in a month.
    Users,
}

/// Whole months, and the tendency that the numbers support.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TrendReport {
    /// Of what.
    pub of: TrendOf,
    /// First month; that of the launch when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Month>,
    /// Last month; the last one that has ended by `known_at` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Month>,
    /// As recorded up to the end of this day; the last day counted when absent. Final an hour after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
    /// Whose view; the auditor's for an auditor when absent, the published one for anybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl Operation for TrendReport {
    const NAME: &'static str = "stats.trend";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Trend;
}

/// The months and what may be said of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Trend {
    /// The months, in order.
    pub months: Vec<TrendMonth>,
    /// What the numbers support.
    pub tendency: Tendency,
    /// By how many units a month the middle of all pairs of months rises (Theil and Sen), in thousandths; negative when it falls.
    pub slope_milli: i64,
    /// In words.
    pub text: Bilingual,
}

/// One month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrendMonth {
    /// The month.
    pub month: Month,
    /// The number; null where it is suppressed.
    pub value: Option<u64>,
}
