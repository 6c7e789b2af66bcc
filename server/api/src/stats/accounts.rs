//! Accounts broken down.

use domain::{Bilingual, Day};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{READERS, View};
use crate::{Effect, Operation, Role};

/// What the stock of accounts is broken down by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccountsBy {
    /// Tier.
    Tier,
    /// Channel of registration.
    Channel,
    /// Age group of ten years, by the age reached in the year.
    Age,
    /// Sex, where the card says.
    Sex,
    /// Month: the stock at each month's end.
    Month,
}

/// Registered accounts as at a day, broken down.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountsReport {
    /// By what.
    pub by: AccountsBy,
    /// Events up to the end of this day, Hong Kong time; that of `known_at` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_at: Option<Day>,
    /// As recorded up to the end of this day; the last day counted when absent. Final an hour after its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
    /// Whose view; the auditor's for an auditor when absent, the published one for anybody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

impl Operation for AccountsReport {
    const NAME: &'static str = "stats.accounts";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<AccountsRow>;
}

/// One group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountsRow {
    /// Stable id: a tier, a channel, `20-29`, `not-recorded`, `2022-05`, `total`.
    pub id: String,
    /// Its name.
    pub name: Bilingual,
    /// Registered; null where it is suppressed.
    pub registered: Option<u64>,
    /// Of these, those that can sign; null where it is suppressed.
    pub plus: Option<u64>,
}
