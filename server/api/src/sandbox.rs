//! What exists on a sandbox instance only.

use domain::{AccountId, CitizenRequestId, ClientId, ComparisonCode, Function, Population, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::job::JobView;
use crate::{Effect, Operation, Role, Severity};

/// Fill a sandbox with a synthetic population and its usage, as a job. Refused on a production instance.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Populate {
    /// The population's description.
    pub population: Population,
    /// Part of it, above 0 and at most 1.
    pub scale: f64,
    /// The same seed gives the same population.
    pub seed: u64,
}

impl Operation for Populate {
    const NAME: &'static str = "sandbox.populate";
    const ROLES: &'static [Role] = &[Role::Administrator];
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = JobView;

    fn subject(&self) -> String {
        self.population.id.clone()
    }
}

/// List the requests that wait for citizens, for the virtual phones of a sandbox. Refused on a production instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListRequests {
    /// Only the one that this names: the address of its page or the id in it, its comparison code, its app link, or its
    /// `auth_req_id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<String>,
}

impl Operation for ListRequests {
    const NAME: &'static str = "sandbox.requests";
    const ROLES: &'static [Role] = &[Role::Administrator, Role::RegistrationOfficer];
    const EFFECT: Effect = Effect::Read;
    type Reply = WaitingRequests;
}

/// What waits, and where citizens' apps speak to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingRequests {
    /// The public listener's address, as this instance calls itself.
    pub public_url: String,
    /// The oldest first.
    pub requests: Vec<WaitingRequest>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WaitingRequest {
    /// Its id.
    pub request: CitizenRequestId,
    /// Whose it is; null until somebody takes it up by what a screen shows.
    pub account: Option<AccountId>,
    /// The service that asks.
    pub client: ClientId,
    /// What it asks for.
    pub function: Function,
    /// What its page shows to be compared.
    pub comparison_code: Option<ComparisonCode>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// From when on it cannot be answered any more.
    pub expires_at: Timestamp,
}
