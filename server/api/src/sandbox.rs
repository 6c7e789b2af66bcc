//! What exists on a sandbox instance only.

use domain::Population;
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
