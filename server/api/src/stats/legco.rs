//! The reply to the Legislative Council.

use domain::{Bilingual, Day, Environment, Figure};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Question, READERS};
use crate::{Effect, Operation, Role};

/// The reply to the Legislative Council: figures as at a day, in house style, in both languages.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LegcoReport {
    /// Events up to the end of this day, Hong Kong time.
    pub as_at: Day,
    /// As recorded up to the end of this day, which is final an hour after its end. When absent: at the end of a month that is
    /// closed, the day it was closed with, so that what was published is answered again; otherwise the last day counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
    /// What was asked; the figures of the reply of mid-2022 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
    /// Whose view; the published one when absent. The auditor's needs the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl LegcoReport {
    /// The figures of the reply of mid-2022, for the public.
    #[must_use]
    pub fn as_at(as_at: Day) -> Self {
        Self { as_at, known_at: None, question: None, view: None }
    }
}

impl Operation for LegcoReport {
    const NAME: &'static str = "stats.legco";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = LegcoReply;
}

/// For whose eyes figures are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum View {
    /// Anybody's: small cells, and what they could be worked out from, are suppressed.
    Published,
    /// The auditor's: every cell to the unit. Not for publication.
    Auditor,
}

/// The reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoReply {
    /// Events up to the end of this day, Hong Kong time.
    pub as_at: Day,
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// Sandbox or production; figures of a sandbox are synthetic and say so.
    pub environment: Environment,
    /// For whose eyes.
    pub view: View,
    /// Edition of the definitions, e.g. `2022-1`.
    pub definitions: String,
    /// What the reply is called.
    pub title: Bilingual,
    /// The parts of the reply, in the order in which they were asked: (1), (2), (3).
    pub parts: Vec<LegcoPart>,
    /// The figures, in the order of the reply.
    pub figures: Vec<LegcoFigure>,
    /// The tables beside them.
    pub tables: Vec<LegcoTable>,
    /// What a reader must know besides: that figures are synthetic, that a month has not ended, how cells were suppressed.
    pub notes: Vec<LegcoNote>,
    /// What each figure means, for the footer.
    pub meanings: Vec<LegcoDefinition>,
    /// SHA-256 over everything above in canonical JSON (RFC 8785), lower-case hex.
    pub digest: String,
}

/// One part of the reply.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoPart {
    /// 1 for the first.
    pub number: u32,
    /// What was asked; none in the reply that nobody's question file asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asks: Option<Bilingual>,
    /// The answer, in order.
    pub answers: Vec<LegcoAnswer>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum LegcoAnswer {
    /// A figure of the reply.
    Figure {
        /// Its id in `figures`.
        id: String,
    },
    /// A table of the reply.
    Table {
        /// Its id in `tables`.
        id: String,
    },
    /// A sentence that the numbers support, or the office's own words.
    Text {
        /// The words.
        text: Bilingual,
    },
    /// What cannot be given.
    Unavailable {
        /// What was asked for.
        id: String,
        /// "not available, because …".
        text: Bilingual,
    },
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Things: people, services, uses.
    Count,
    /// Parts of a thousand; one decimal of a percentage.
    PerMille,
    /// Seconds.
    Seconds,
    /// A place in an order.
    Rank,
}

/// One figure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoFigure {
    /// Stable id, e.g. `accounts.registered`.
    pub id: String,
    /// Version of its definition.
    pub version: u32,
    /// What the value counts.
    pub unit: Unit,
    /// Exact value.
    pub value: u64,
    /// How it was rounded for the sentence.
    pub rounding: Figure,
    /// The sentence.
    pub text: Bilingual,
    /// Of what it is a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<Share>,
}

/// What a share is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Share {
    /// Id of the figure above the line.
    pub figure: String,
    /// Its exact value.
    pub part: u64,
    /// Id of the denominator.
    pub of: String,
    /// What is below the line.
    pub whole: u64,
    /// Its name.
    pub name: Bilingual,
    /// The day that it is of.
    pub as_at: Day,
    /// Where it was taken from.
    pub source: String,
}

/// A remark under the figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoNote {
    /// Stable id, e.g. `synthetic-data`.
    pub id: String,
    /// The remark.
    pub text: Bilingual,
}

/// What a figure means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoDefinition {
    /// Id of the figure.
    pub id: String,
    /// Version of the definition.
    pub version: u32,
    /// What it counts and what it does not.
    pub meaning: Bilingual,
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Chart {
    /// A bar a row.
    Bar,
    /// A line along the rows, which are months.
    Line,
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
    /// What the numbers of each column count, as many as there are columns.
    pub units: Vec<Unit>,
    /// How it is drawn; every column of counts is a series.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chart: Option<Chart>,
    /// Rows: a name and the numbers. A row of totals has the id `total` and stands last.
    pub rows: Vec<LegcoRow>,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LegcoRow {
    /// Stable id: a sector, a service, a month.
    pub id: String,
    /// Its name.
    pub name: Bilingual,
    /// The numbers, as many as there are columns; null where there is none.
    pub values: Vec<Option<u64>>,
    /// Places (0 for the first column) of the nulls that are suppressed: numbers of a few people, and what these could be worked
    /// out from. A null in any other place was given by nobody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suppressed: Vec<u32>,
}
