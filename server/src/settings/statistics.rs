//! What figures for publication leave out.

use serde::{Deserialize, Serialize};

use super::SettingsError;

/// Numbers of people below this, and not 0, are left out.
const THRESHOLD: u64 = 10;
/// The most that can be set.
const MOST: u64 = 1_000;

/// `statistics` in `iamd.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StatisticsFile {
    /// Numbers of people below this, and not 0, are left out of what is published; 1 leaves nothing out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disclosure_threshold: Option<u64>,
}

impl StatisticsFile {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        (name == "statistics-disclosure-threshold").then_some(self.disclosure_threshold?).map(|threshold| threshold.to_string())
    }
}

/// The threshold in force.
pub(super) fn settle(find: impl Fn(&'static str) -> Option<(String, String)>) -> Result<u64, SettingsError> {
    let Some((place, text)) = find("statistics-disclosure-threshold") else { return Ok(THRESHOLD) };
    text.parse()
        .ok()
        .filter(|threshold| (1..=MOST).contains(threshold))
        .ok_or_else(|| SettingsError::new(place, format!("it must be a whole number from 1 to {MOST}, such as {THRESHOLD}")))
}
