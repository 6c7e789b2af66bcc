//! The ledger of figures: what is counted, in words and as a formula, version by version.
//!
//! A definition that a report has used never changes. What means something else is a new version; reports as known on an earlier
//! day keep the one that was on record then.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::figures::{Comparative, Rule};
use crate::manifest::{ApiVersion, Bilingual};
use crate::time::Day;
use crate::wire::words;

/// A file of definitions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Definitions {
    /// `iam/v1`.
    pub api_version: ApiVersion,
    /// `FigureDefinitions`.
    pub kind: DefinitionsKind,
    /// What this set of definitions is called: `2022-1`.
    pub edition: String,
    /// The definitions; an id may stand in several versions.
    pub figures: Vec<FigureEntry>,
}

/// What such a file calls itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DefinitionsKind {
    /// The one kind there is.
    FigureDefinitions,
}

/// A version of a definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FigureEntry {
    /// `accounts.registered`, `accounts-by-age`.
    pub id: String,
    /// 1 for the first.
    pub version: u32,
    /// First day it holds: there are no figures by it as at an earlier one.
    pub since: Day,
    /// Its name, as tables head a column with it or reports a table.
    pub name: Bilingual,
    /// What it counts and what it does not.
    pub meaning: Bilingual,
    /// How it comes about.
    pub formula: Formula,
}

/// How a figure comes about. In a file: `formula: { count: { measure: uses, where: { sector: [private] } } }`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Formula {
    /// A number counted.
    Count(Count),
    /// Figures, broken down.
    Table(TableFormula),
    /// It is not compiled: "not available, because …".
    Unavailable(Bilingual),
}

/// A number counted out of daily counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Count {
    /// What is counted.
    pub measure: Measure,
    /// Which of them; all when absent.
    #[serde(default, rename = "where", skip_serializing_if = "Conditions::is_none")]
    pub conditions: Conditions,
    /// How it is rounded in a sentence; exact when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rounding: Option<Rounding>,
}

words! {
    /// What is counted.
    pub enum Measure, "measure" {
        /// Accounts opened and not closed at the end of the day; suspended ones are included.
        Accounts = 1 => "accounts",
        /// Services that citizens could reach at the end of the day.
        Services = 2 => "services",
        /// Completed uses from the launch to the end of the day.
        Uses = 3 => "uses",
        /// Different people with a completed use in the month of the day.
        Users = 4 => "users",
        /// Hotline calls opened from the launch to the end of the day.
        Calls = 5 => "calls",
        /// Suspensions from the launch to the end of the day.
        Suspensions = 6 => "suspensions",
        /// The median of the seconds from the opening of a call to the suspension in it.
        MedianTimeToSuspend = 7 => "median-time-to-suspend",
        /// The 95th percentile of the same (nearest rank).
        P95TimeToSuspend = 8 => "p95-time-to-suspend",
        /// Organisations that try the interfaces on a sandbox.
        SandboxParticipants = 9 => "sandbox-participants",
    }
}

/// Which of the things that a measure counts. A list names what counts; an empty one stands for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Conditions {
    /// Tiers of accounts, or of the accounts that used a service.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tier: Vec<crate::Tier>,
    /// Sectors of services, each by its history on the day of the use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sector: Vec<crate::Sector>,
    /// Functions that were used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub function: Vec<crate::Function>,
    /// Reasons of suspensions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reason: Vec<crate::SuspensionReason>,
}

impl Conditions {
    /// Whether everything counts.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// How a figure is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rounding {
    /// By which rule.
    pub rule: Rule,
    /// To what; at least 1.
    pub grain: u64,
    /// English words of "more than".
    pub comparative: Comparative,
}

/// Figures, broken down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TableFormula {
    /// Ids of the figures; each is a column. With two dimensions there is one figure.
    pub figures: Vec<String>,
    /// What rows stand for.
    pub by: Dimension,
    /// What columns stand for, besides the figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub across: Option<Dimension>,
    /// Only the rows with the highest numbers; those level with the last are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top: Option<u32>,
    /// What stands beside the counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beside: Vec<Beside>,
    /// How it is drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Drawn>,
}

words! {
    /// What rows of a table stand for.
    pub enum Dimension, "dimension" {
        /// Tier.
        Tier = 1 => "tier",
        /// Channel of registration, of accounts; app, QR code or back channel, of uses.
        Channel = 2 => "channel",
        /// Age group of ten years, by the age reached in the year: 11-19, 20-29 and so on to 80 and over.
        Age = 3 => "age",
        /// Sex, where the card says.
        Sex = 4 => "sex",
        /// Month: uses made in it, the stock at its end.
        Month = 5 => "month",
        /// Sector.
        Sector = 6 => "sector",
        /// Function.
        Function = 7 => "function",
        /// Service.
        Service = 8 => "service",
        /// Department or organisation.
        Department = 9 => "department",
        /// Category of the paper of 2020.
        Category = 10 => "category",
        /// Industry of a private organisation.
        Industry = 11 => "industry",
        /// Reason of a suspension.
        Reason = 12 => "reason",
    }
}

words! {
    /// What stands beside the counts of a table.
    pub enum Beside, "column" {
        /// The share of the whole, in parts of a thousand that sum to a thousand (largest remainder).
        Share = 1 => "share",
        /// The place in the order.
        Rank = 2 => "rank",
        /// Services planned in the category.
        Planned = 3 => "planned",
        /// The share of all uses of the services, by an outside count.
        ShareOfService = 4 => "share-of-service",
    }
}

words! {
    /// How a table is drawn.
    pub enum Drawn, "chart" {
        /// A bar a row.
        Bar = 1 => "bar",
        /// A line along the rows.
        Line = 2 => "line",
    }
}
