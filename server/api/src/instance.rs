//! The instance itself: its health, and one look at everything for the dashboard.

use domain::{AccountState, Day, Environment, Tier, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audit::AuditView;
use crate::job::JobView;
use crate::key::KeyView;
use crate::{Effect, Operation, Role};

/// Look the running server over: database, keys, clock, disk, audit.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckInstance {}

impl Operation for CheckInstance {
    const NAME: &'static str = "instance.check";
    const ROLES: &'static [Role] = Role::ALL;
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<Check>;
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Stable id, e.g. `database`.
    pub id: String,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found.
    pub detail: String,
    /// What to do, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
}

/// One look at everything, without personal data.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowOverview {
    /// Days of usage to give, counted back from the last one; 1 to 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
}

impl Operation for ShowOverview {
    const NAME: &'static str = "instance.overview";
    const ROLES: &'static [Role] = Role::ALL;
    const EFFECT: Effect = Effect::Read;
    type Reply = Overview;
}

/// One look at everything. Parts that the caller's roles do not reach are empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Overview {
    /// The instance's id.
    pub instance: String,
    /// Sandbox or production.
    pub environment: Environment,
    /// The server's version.
    pub version: String,
    /// The server's clock.
    pub at: Timestamp,
    /// Accounts by tier and state.
    pub accounts: Vec<AccountCount>,
    /// Relying parties that are active.
    pub parties: u64,
    /// Services that are accessible.
    pub services: u64,
    /// Completed uses in all.
    pub uses: u64,
    /// Completed uses a day, oldest first, without gaps.
    pub uses_per_day: Vec<DayCount>,
    /// Keys that are not retired.
    pub keys: Vec<KeyView>,
    /// Jobs, newest first, at most five.
    pub jobs: Vec<JobView>,
    /// Audit entries, newest first, at most ten.
    pub audit: Vec<AuditView>,
}

/// Accounts of one tier in one state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountCount {
    /// Tier.
    pub tier: Tier,
    /// State.
    pub state: AccountState,
    /// How many.
    pub count: u64,
}

/// A number a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DayCount {
    /// Which day, Hong Kong time.
    pub day: Day,
    /// How many.
    pub count: u64,
}
