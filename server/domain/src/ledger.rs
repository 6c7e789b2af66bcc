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

/// The file of definitions that comes with the software, as YAML.
pub const BUILT_IN: &str = include_str!("definitions.yaml");

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

impl FigureEntry {
    /// What is wrong with the entry by itself, as a path below it and words; nothing when it is in order.
    pub fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        let mut fault = |path: &str, message: &str| faults.push((path.to_owned(), message.to_owned()));
        let spoken = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' || c == '-';
        if self.id.is_empty() || self.id.len() > 64 || !self.id.chars().all(spoken) {
            fault("id", "an id has 1 to 64 lower-case letters, digits, dots and hyphens");
        }
        if !(1..=1_000).contains(&self.version) {
            fault("version", "versions are numbered from 1, to 1 000 at most");
        }
        for (path, text) in [("name", &self.name), ("meaning", &self.meaning)] {
            if text.en.trim().is_empty() || text.zh_hant.trim().is_empty() {
                fault(path, "both languages are needed");
            }
        }
        match &self.formula {
            Formula::Unavailable(because) => {
                if because.en.trim().is_empty() || because.zh_hant.trim().is_empty() {
                    fault("formula.unavailable", "the reason is needed in both languages");
                }
            }
            Formula::Count(count) => {
                if count.rounding.is_some_and(|rounding| rounding.grain == 0) {
                    fault("formula.count.rounding.grain", "a figure is rounded to 1 or more");
                }
                if let Some(part) = count.unknown_condition() {
                    fault("formula.count.where", &format!("{} are not told apart by {part}", count.measure));
                }
            }
            Formula::Table(table) => {
                if table.figures.is_empty() || table.figures.len() > 8 {
                    fault("formula.table.figures", "a table has 1 to 8 figures");
                }
                if table.across.is_some() && (table.figures.len() != 1 || table.across == Some(table.by)) {
                    fault("formula.table.across", "a table of two dimensions has one figure, and two different ones");
                }
                if table.top.is_some_and(|top| !(1..=1_000).contains(&top)) {
                    fault("formula.table.top", "a list has 1 to 1 000 ranks");
                }
            }
        }
        faults
    }
}

impl Count {
    /// A condition that the measure knows nothing of.
    fn unknown_condition(&self) -> Option<&'static str> {
        let Conditions { tier, sector, function, reason } = &self.conditions;
        let uses = self.measure == Measure::Uses;
        let of_tier = uses || self.measure == Measure::Accounts;
        let of_sector = uses || self.measure == Measure::Services;
        let timed = matches!(self.measure, Measure::Suspensions | Measure::MedianTimeToSuspend | Measure::P95TimeToSuspend);
        [
            (!tier.is_empty() && !of_tier, "tier"),
            (!sector.is_empty() && !of_sector, "sector"),
            (!function.is_empty() && !uses, "function"),
            (!reason.is_empty() && !timed, "reason"),
        ]
        .into_iter()
        .find_map(|(wrong, part)| wrong.then_some(part))
    }
}

impl Measure {
    /// Whether the measure can be broken down by the dimension.
    pub const fn knows(self, dimension: Dimension) -> bool {
        match dimension {
            Dimension::Tier | Dimension::Channel => matches!(self, Self::Accounts | Self::Uses),
            Dimension::Age | Dimension::Sex => matches!(self, Self::Accounts),
            Dimension::Month => matches!(self, Self::Accounts | Self::Uses | Self::Users | Self::Calls),
            Dimension::Function => matches!(self, Self::Uses),
            Dimension::Sector | Dimension::Department | Dimension::Category | Dimension::Industry | Dimension::Service => {
                matches!(self, Self::Uses | Self::Services)
            }
            Dimension::Reason => matches!(self, Self::Suspensions),
        }
    }

    /// Whether it counts what happened, from one day to another, and not what there is at the end of a day.
    pub const fn is_of_a_period(self) -> bool {
        matches!(self, Self::Uses | Self::Calls | Self::Suspensions)
    }

    /// Whether it counts people or what they did: cells of few are left out of what is published. Services are not people.
    pub const fn is_of_people(self) -> bool {
        matches!(self, Self::Accounts | Self::Uses | Self::Users | Self::Calls | Self::Suspensions)
    }

    /// The Chinese measure word that follows the number.
    pub const fn chinese_measure(self) -> &'static str {
        match self {
            Self::Services => "項",
            Self::Uses | Self::Suspensions => "次",
            Self::Calls => "宗",
            Self::MedianTimeToSuspend | Self::P95TimeToSuspend => "秒",
            Self::SandboxParticipants => "間",
            Self::Accounts | Self::Users => "",
        }
    }
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
