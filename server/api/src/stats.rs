//! Figures. The same database and the same question give the same bytes.

use domain::{Bilingual, Day, Environment, Figure, Month};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Effect, Operation, Role};

const READERS: &[Role] = &[Role::Statistician, Role::Administrator, Role::RpOfficer, Role::Auditor];

/// The reply to the Legislative Council: figures as at a day, in house style, in both languages.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LegcoReport {
    /// Events up to the end of this day, Hong Kong time.
    pub as_at: Day,
    /// As recorded up to the end of this day; the last day counted when absent. Final an hour after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
}

impl Operation for LegcoReport {
    const NAME: &'static str = "stats.legco";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = LegcoReply;
}

/// The figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoReply {
    /// Events up to the end of this day, Hong Kong time.
    pub as_at: Day,
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// Sandbox or production; figures of a sandbox are synthetic and say so.
    pub environment: Environment,
    /// Version of the definitions, e.g. `2022-1`.
    pub definitions: String,
    /// The figures, in the order of the reply.
    pub figures: Vec<LegcoFigure>,
    /// The tables beside them.
    pub tables: Vec<LegcoTable>,
    /// What a reader must know besides: that figures are synthetic, that a month has not ended, what counts as a use.
    pub notes: Vec<LegcoNote>,
    /// SHA-256 over everything above in canonical JSON (RFC 8785), lower-case hex.
    pub digest: String,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoFigure {
    /// Stable id, e.g. `accounts.registered`.
    pub id: String,
    /// Exact value.
    pub value: u64,
    /// How it was rounded for the sentence.
    pub rounding: Figure,
    /// The sentence.
    pub text: Bilingual,
}

/// A remark under the figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoNote {
    /// Stable id, e.g. `synthetic-data`.
    pub id: String,
    /// The remark.
    pub text: Bilingual,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoTable {
    /// Stable id, e.g. `by-sector`.
    pub id: String,
    /// Its title.
    pub title: Bilingual,
    /// Column headings.
    pub columns: Vec<Bilingual>,
    /// Rows: a name and the numbers.
    pub rows: Vec<LegcoRow>,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoRow {
    /// Stable id: a sector, a service.
    pub id: String,
    /// Its name.
    pub name: Bilingual,
    /// The numbers, as many as there are columns.
    pub values: Vec<u64>,
}

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
    /// Completed uses.
    pub uses: u64,
    /// Requests that came to nothing: failed, refused, timed out, cancelled.
    pub not_completed: u64,
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
    /// Completed uses.
    pub uses: u64,
}
