//! How much of the public listener one relying party may have at once.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{SettingsError, parse_duration};

/// The longest wait: behind it stand the time-outs of clients.
const LONGEST: Duration = Duration::from_secs(10);

/// The most registrations that can be set.
const MOST_REGISTRATIONS: u32 = 1_000_000;

/// The bounds of each relying party's queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SurgeSettings {
    /// Requests at work at once. Of all parties together four times as many are.
    pub at_work: usize,
    /// Requests that wait.
    pub waiting: usize,
    /// How long they wait.
    pub wait: Duration,
    /// Phones that register by themselves.
    pub registrations: RemoteRegistrations,
}

/// Registrations in ten minutes by phones alone, at one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RemoteRegistrations {
    /// From one source.
    pub from_one_source: u32,
    /// From all of them.
    pub in_all: u32,
}

/// On two cores 64 at work are some milliseconds of work, and 256 that wait are well within two seconds.
impl Default for SurgeSettings {
    fn default() -> Self {
        let registrations = RemoteRegistrations { from_one_source: 30, in_all: 600 };
        Self { at_work: 64, waiting: 256, wait: Duration::from_secs(2), registrations }
    }
}

impl SurgeSettings {
    pub(super) fn settle(find: impl Fn(&'static str) -> Option<(String, String)>) -> Result<Self, SettingsError> {
        let count = |name, default, bounds: std::ops::RangeInclusive<usize>| -> Result<usize, SettingsError> {
            let Some((place, text)) = find(name) else { return Ok(default) };
            text.parse().ok().filter(|count| bounds.contains(count)).ok_or_else(|| {
                let (least, most) = bounds.into_inner();
                SettingsError::new(place, format!("it must be a whole number from {least} to {most}, such as {default}"))
            })
        };
        let defaults = Self::default();
        let few = |name, default: u32| {
            let most = usize::try_from(MOST_REGISTRATIONS).unwrap_or(usize::MAX);
            let settled = count(name, usize::try_from(default).unwrap_or(most), 1..=most)?;
            Ok::<u32, SettingsError>(u32::try_from(settled).unwrap_or(MOST_REGISTRATIONS))
        };
        let wait = match find("surge-wait") {
            None => defaults.wait,
            Some((place, text)) => parse_duration(&text).filter(|wait| *wait <= LONGEST).ok_or_else(|| {
                let message = format!("'{}' is no duration up to 10s; write it like 2s or 500ms", domain::visible(&text));
                SettingsError::new(place, message)
            })?,
        };
        Ok(Self {
            at_work: count("surge-at-work", defaults.at_work, 1..=4_096)?,
            waiting: count("surge-waiting", defaults.waiting, 0..=65_536)?,
            wait,
            registrations: RemoteRegistrations {
                from_one_source: few("surge-registrations", defaults.registrations.from_one_source)?,
                in_all: few("surge-registrations-in-all", defaults.registrations.in_all)?,
            },
        })
    }
}

/// `surge` in `iamd.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SurgeFile {
    /// Requests of one relying party at work at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_work: Option<u64>,
    /// Requests of one relying party that wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<u64>,
    /// How long they wait, e.g. `2s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<String>,
    /// Phones from one source that register by themselves in ten minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registrations: Option<u64>,
    /// The same from all sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registrations_in_all: Option<u64>,
}

impl SurgeFile {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        match name {
            "surge-at-work" => self.at_work.map(|count| count.to_string()),
            "surge-waiting" => self.waiting.map(|count| count.to_string()),
            "surge-wait" => self.wait.clone(),
            "surge-registrations" => self.registrations.map(|count| count.to_string()),
            "surge-registrations-in-all" => self.registrations_in_all.map(|count| count.to_string()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{File, Settings, Source};
    use super::*;

    fn settled(yaml: &str) -> Result<SurgeSettings, String> {
        let file = File::parse(yaml).map_err(|error| error.to_string())?;
        let settings = Settings::settle(Path::new("/data"), &Source::new(), &Source::new(), &file);
        settings.map(|settings| settings.surge).map_err(|error| error.to_string())
    }

    #[test]
    fn the_bounds_of_a_party_are_settled_and_a_mistake_names_its_place() {
        assert_eq!(settled(""), Ok(SurgeSettings::default()));
        let said = SurgeSettings { at_work: 8, waiting: 0, wait: Duration::from_millis(500), ..SurgeSettings::default() };
        assert_eq!(settled("surge: { atWork: 8, waiting: 0, wait: 500ms }"), Ok(said));
        for (yaml, words) in [
            ("surge: { atWork: 0 }", "iamd.yaml: surge.atWork: it must be a whole number from 1 to 4096, such as 64"),
            ("surge: { waiting: 65537 }", "iamd.yaml: surge.waiting: it must be a whole number from 0 to 65536"),
            ("surge: { wait: 11s }", "iamd.yaml: surge.wait: '11s' is no duration up to 10s"),
            ("surge: { wait: soon }", "iamd.yaml: surge.wait: 'soon' is no duration up to 10s"),
            (
                "surge: { registrations: 0 }",
                "iamd.yaml: surge.registrations: it must be a whole number from 1 to 1000000, such as 30",
            ),
            ("surge: { more: 1 }", "unknown field"),
        ] {
            let fault = settled(yaml).unwrap_err();
            assert!(fault.contains(words), "{fault}");
        }
    }
}
