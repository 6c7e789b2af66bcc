//! A question of a member, as a file says it.

use domain::{Bilingual, Category, ClientId, Day, Month};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a member of the Legislative Council asked, part by part, and the numbers from outside that the answer needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Question {
    /// Its id, e.g. `lcq5-2022`.
    pub id: String,
    /// What the reply is called.
    pub title: Bilingual,
    /// The parts.
    pub parts: Vec<QuestionPart>,
    /// Numbers to take shares of; each with its day and its source.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denominators: Vec<Denominator>,
    /// All uses of services, through the platform or not, as their departments count them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub service_totals: Vec<ServiceTotal>,
    /// Services that were planned by a day, where it is not the paper of 2020 that says so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned: Vec<Planned>,
}

/// One part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct QuestionPart {
    /// What was asked.
    pub asks: Bilingual,
    /// First month of what its tables count of uses, suspensions and calls; that of the launch when absent. Sentences count from the
    /// launch, and accounts and services are those of the day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Month>,
    /// What the answer is made of, in order.
    pub answers: Vec<Asked>,
}

/// A piece of an answer. In a file: `- figure: accounts.registered`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// A figure of the ledger, by its id; one that is not compiled is answered with the reason.
    Figure(String),
    /// A table of the ledger, by its id.
    Table(String),
    /// A figure as a share of a denominator.
    Share(ShareOf),
    /// The office's own words.
    Text(Bilingual),
}

/// A share that is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShareOf {
    /// Id of the figure.
    pub figure: String,
    /// Id of the denominator.
    pub of: String,
}

/// A number from outside. Of several with one id, the newest that is not after `as_at` is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Denominator {
    /// Its id, e.g. `population`.
    pub id: String,
    /// Its name: "the population of Hong Kong".
    pub name: Bilingual,
    /// The day that it is of.
    pub as_at: Day,
    /// The number; not 0.
    pub value: u64,
    /// Where it was taken from; not empty.
    pub source: String,
}

/// All uses of a service in some months, whatever way they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ServiceTotal {
    /// The service.
    pub service: ClientId,
    /// First month.
    pub from: Month,
    /// Last month.
    pub to: Month,
    /// How many.
    pub uses: u64,
    /// Where it was taken from; not empty.
    pub source: String,
}

/// How many services of a category were planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Planned {
    /// The category.
    pub category: Category,
    /// By which day.
    pub by: Day,
    /// How many.
    pub services: u64,
    /// Where it was taken from; not empty.
    pub source: String,
}
