//! The ledger of figures: what each means, version by version.

use domain::{Day, Definitions, FigureEntry};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{KEEPERS, READERS};
use crate::{Effect, Operation, Role, Severity};

/// The definitions of all figures and tables, in every version.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListDefinitions {
    /// Only those in force in a report as known at the end of this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_at: Option<Day>,
}

impl Operation for ListDefinitions {
    const NAME: &'static str = "stats.definitions";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<DefinitionRow>;
}

/// A version of a definition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DefinitionRow {
    /// The definition.
    #[serde(flatten)]
    pub definition: FigureEntry,
    /// The edition it came with.
    pub edition: String,
    /// Day on which it was recorded; reports as known before it use the version before. None: it was always there.
    pub recorded: Option<Day>,
    /// SHA-256 over its canonical JSON, lower-case hex.
    pub digest: String,
}

/// Records new versions of definitions. One that is on record already may stand in the file as it is; edited, it is refused.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordDefinitions {
    /// The file.
    pub definitions: Definitions,
}

impl Operation for RecordDefinitions {
    const NAME: &'static str = "stats.define";
    const ROLES: &'static [Role] = KEEPERS;
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = Vec<DefinitionRow>;
}
