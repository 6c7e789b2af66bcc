//! Uses broken down, and the services most used.

use domain::{Bilingual, Day, Month};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{READERS, View};
use crate::{Effect, Operation, Role};

/// What usage is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UsageBy {
    /// Service.
    Service,
    /// Category of S20 Annex 1.
    Category,
    /// Sector.
    Sector,
    /// Function.
    Function,
    /// Month.
    Month,
    /// Day.
    Day,
    /// Department or organisation.
    Department,
    /// Industry of a private organisation.
    Industry,
    /// Channel: app, QR code, back channel.
    Channel,
    /// Tier that the account had.
    Tier,
}

/// Completed uses of whole months, broken down.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageReport {
    /// By what.
    pub by: UsageBy,
    /// First month; that of the launch when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Month>,
    /// Last month; that of `known_at` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Month>,
    /// As recorded up to the end of this day; the last day counted when absent. Final an hour after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
    /// Whose view; the auditor's for an auditor when absent, the published one for anybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl Operation for UsageReport {
    const NAME: &'static str = "stats.usage";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<UsageRow>;
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UsageRow {
    /// Stable id: a client id such as `inland-revenue-department.etax`, a sector, `2022-05`; `none` for services without a
    /// category.
    pub id: String,
    /// Its name.
    pub name: Bilingual,
    /// Completed uses; null where it is suppressed.
    pub uses: Option<u64>,
    /// Requests that came to nothing: failed, refused, timed out, cancelled; null where it is suppressed.
    pub not_completed: Option<u64>,
}

/// The frequently used services, in order.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TopServices {
    /// Events up to the end of this day, Hong Kong time; that of `known_at` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_at: Option<Day>,
    /// As recorded up to the end of this day; the last day counted when absent. Final an hour after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
    /// How many, 1 to 1 000; 10 when absent. Ties with the last are shown too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
    /// Whose view; the auditor's for an auditor when absent, the published one for anybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl Operation for TopServices {
    const NAME: &'static str = "stats.top";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<TopRow>;
}

/// One of the frequently used services.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TopRow {
    /// 1-based; equal uses, equal rank.
    pub rank: u32,
    /// Client id.
    pub service: String,
    /// Name.
    pub name: Bilingual,
    /// Completed uses; null where it is suppressed.
    pub uses: Option<u64>,
}
