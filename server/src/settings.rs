//! Settings of a node: flag, then `IAMD_*`, then `DIR/iamd.yaml`, then default. Every mistake is one line with its mend.

pub mod explained;
mod immigration;
mod provider;
mod statistics;
mod surge;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::RotationTimes;
use pki::crl::LONGEST_PERIOD;
use serde::{Deserialize, Serialize};

pub use immigration::{ImmigrationDepartment, ImmigrationDepartmentFile};
pub use provider::{KeyProvider, KeysFile};
pub use statistics::StatisticsFile;
pub use surge::{RemoteRegistrations, SurgeFile, SurgeSettings};

use crate::store::Location;

const MIB: u64 = 1024 * 1024;

/// Name of the settings file in the data folder.
pub const FILE: &str = "iamd.yaml";

/// The settings a node runs with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where the database is.
    pub database: Location,
    /// Operators.
    pub admin_listen: SocketAddr,
    /// Relying parties and citizens' apps.
    pub public_listen: SocketAddr,
    /// Certificates and revocation lists.
    pub pki_listen: SocketAddr,
    /// Metrics and health.
    pub metrics_listen: SocketAddr,
    /// Where private keys are made; fixed for the instance's life.
    pub keys: KeyProvider,
    /// How long a key is published before it signs, and how long it drains.
    pub rotation: RotationTimes,
    /// How long a relying party may keep the JWKS.
    pub jwks_max_age: Duration,
    /// How long a revocation list says that it is good.
    pub crl_next_update: Duration,
    /// How long a key that needs no certificate is in use before its rotation is due.
    pub rotate_after: Duration,
    /// Free space below which the node says it is not ready, bytes.
    pub disk_reserve: u64,
    /// Further authorities, PEM, that servers of relying parties may have their certificates from, besides those that the
    /// system trusts.
    pub outbound_ca_file: Option<PathBuf>,
    /// Where the records of the Immigration Department are.
    pub immigration_department: Option<ImmigrationDepartment>,
    /// How much of the public listener one relying party may have at once.
    pub surge: SurgeSettings,
    /// Below how many people a number is left out of published tables; 0 is shown.
    pub disclosure_threshold: u64,
}

/// `iamd.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct File {
    /// `postgres://…`; absent for SQLite in the data folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database_url: Option<String>,
    /// Address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_listen: Option<String>,
    /// Address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_listen: Option<String>,
    /// Address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pki_listen: Option<String>,
    /// Address and port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics_listen: Option<String>,
    /// Where private keys are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<KeysFile>,
    /// From publishing a key to its first signature, e.g. `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_publish_interval: Option<String>,
    /// From a key's last signature to its retirement, e.g. `10m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_drain_interval: Option<String>,
    /// How long a relying party may keep the JWKS, e.g. `5m`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_max_age: Option<String>,
    /// How long a revocation list says that it is good, e.g. `72h`; at most seven days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crl_next_update: Option<String>,
    /// How long a key that needs no certificate is in use before its rotation is due in the calendar, e.g. `2160h`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_rotate_after: Option<String>,
    /// Free space in MiB below which the node says it is not ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk_reserve_mib: Option<u64>,
    /// A PEM file of further authorities that are trusted when servers of relying parties are asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outbound_ca_file: Option<String>,
    /// Where the records of the Immigration Department are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub immigration_department: Option<ImmigrationDepartmentFile>,
    /// What one relying party may have at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surge: Option<SurgeFile>,
    /// What figures for publication leave out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<StatisticsFile>,
}

/// A settings mistake: where, what, and the mend.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {message}")]
pub struct SettingsError {
    /// `iamd.yaml`, `IAMD_ADMIN_LISTEN`, `--admin-listen`.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl SettingsError {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

/// Settings by name from one source: the flags, or the environment.
pub type Source = BTreeMap<&'static str, String>;

/// Every setting's name: `adminListen` in the file, `--admin-listen`, `IAMD_ADMIN_LISTEN`; those of `keys`, `surge` and `statistics` are `keys.pinFile`,
/// `--keys-pin-file`, `IAMD_KEYS_PIN_FILE`.
pub const NAMES: &[&str] = &[
    "database-url",
    "admin-listen",
    "public-listen",
    "pki-listen",
    "metrics-listen",
    "keys-provider",
    "keys-module",
    "keys-token",
    "keys-pin-file",
    "key-publish-interval",
    "key-drain-interval",
    "jwks-max-age",
    "crl-next-update",
    "key-rotate-after",
    "disk-reserve-mib",
    "outbound-ca-file",
    "immigration-department-url",
    "immigration-department-ca-file",
    "immigration-department-certificate-file",
    "immigration-department-key-file",
    "surge-at-work",
    "surge-waiting",
    "surge-wait",
    "surge-registrations",
    "surge-registrations-in-all",
    "statistics-disclosure-threshold",
];

/// The variable of a setting.
#[must_use]
pub fn variable(name: &str) -> String {
    format!("IAMD_{}", name.replace('-', "_").to_uppercase())
}

impl File {
    /// Reads the file's text.
    ///
    /// # Errors
    /// With line and column.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        serde_saphyr::from_str(text).map_err(|error| {
            // One line, without the reader's excerpt: a database URL may hold a password.
            let words = error.without_snippet().to_string();
            let words = domain::visible(words.lines().next().unwrap_or_default().trim_start_matches("error: ")).into_owned();
            let Some(location) = error.location() else { return SettingsError::new(FILE, words) };
            let line = usize::try_from(location.line()).unwrap_or(1);
            let key = text.lines().nth(line.saturating_sub(1)).and_then(|line| line.split_once(':')).map(|(key, _)| key.trim());
            match key {
                Some(key) => SettingsError::new(format!("{FILE}: line {line}, {}", domain::visible(key)), words),
                None => SettingsError::new(format!("{FILE}: line {line}"), words),
            }
        })
    }

    fn get(&self, name: &str) -> Option<String> {
        match name {
            "database-url" => self.database_url.clone(),
            "admin-listen" => self.admin_listen.clone(),
            "public-listen" => self.public_listen.clone(),
            "pki-listen" => self.pki_listen.clone(),
            "metrics-listen" => self.metrics_listen.clone(),
            "key-publish-interval" => self.key_publish_interval.clone(),
            "key-drain-interval" => self.key_drain_interval.clone(),
            "jwks-max-age" => self.jwks_max_age.clone(),
            "crl-next-update" => self.crl_next_update.clone(),
            "key-rotate-after" => self.key_rotate_after.clone(),
            "disk-reserve-mib" => self.disk_reserve_mib.map(|mib| mib.to_string()),
            "outbound-ca-file" => self.outbound_ca_file.clone(),
            _ => {
                let key = self.keys.as_ref().and_then(|keys| keys.get(name));
                let surge = || self.surge.as_ref().and_then(|surge| surge.get(name));
                let statistics = || self.statistics.as_ref().and_then(|statistics| statistics.get(name));
                key.or_else(surge)
                    .or_else(statistics)
                    .or_else(|| self.immigration_department.as_ref().and_then(|it| it.get(name)))
            }
        }
    }
}

impl Settings {
    /// Settles the settings of the node in `dir`.
    ///
    /// # Errors
    /// The first mistake, with its place.
    pub fn settle(dir: &Path, flags: &Source, environment: &Source, file: &File) -> Result<Self, SettingsError> {
        let find = |name: &'static str| -> Option<(String, String)> {
            flags
                .get(name)
                .map(|value| (format!("--{name}"), value.clone()))
                .or_else(|| environment.get(name).map(|value| (variable(name), value.clone())))
                .or_else(|| file.get(name).map(|value| (format!("{FILE}: {}", place(name)), value)))
        };
        let address = |name, default: &str| -> Result<SocketAddr, SettingsError> {
            let (place, text) = find(name).unwrap_or_else(|| (name.to_owned(), default.to_owned()));
            text.parse().map_err(|_| {
                SettingsError::new(
                    place,
                    format!("'{}' is no address with a port; write it like {default}", domain::visible(&text)),
                )
            })
        };
        let duration = |name, default: Duration| -> Result<Duration, SettingsError> {
            let Some((place, text)) = find(name) else { return Ok(default) };
            parse_duration(&text).ok_or_else(|| {
                SettingsError::new(place, format!("'{}' is no duration; write it like 10m or 1h30m", domain::visible(&text)))
            })
        };
        let database = match find("database-url") {
            None => Location::File(dir.join("iam.db")),
            Some((_, url)) if url.starts_with("postgres://") || url.starts_with("postgresql://") => Location::Url(url),
            Some((place, _)) => {
                return Err(SettingsError::new(
                    place,
                    "only postgres://… is a database URL; leave it out for SQLite in the data folder",
                ));
            }
        };
        let defaults = RotationTimes::default();
        let settings = Self {
            database,
            admin_listen: address("admin-listen", "127.0.0.1:7443")?,
            public_listen: address("public-listen", "127.0.0.1:8443")?,
            pki_listen: address("pki-listen", "127.0.0.1:8080")?,
            metrics_listen: address("metrics-listen", "127.0.0.1:9464")?,
            keys: KeyProvider::settle(find)?,
            rotation: RotationTimes {
                publish: duration("key-publish-interval", defaults.publish)?,
                drain: duration("key-drain-interval", defaults.drain)?,
            },
            jwks_max_age: duration("jwks-max-age", Duration::from_mins(5))?,
            crl_next_update: duration("crl-next-update", Duration::from_hours(72))?,
            rotate_after: duration("key-rotate-after", Duration::from_hours(365 * 24))?,
            disk_reserve: match find("disk-reserve-mib") {
                None => 64 * MIB,
                Some((place, text)) => text.parse::<u64>().ok().and_then(|mib| mib.checked_mul(MIB)).ok_or_else(|| {
                    let most = u64::MAX / MIB;
                    SettingsError::new(place, format!("it must be a whole number of MiB, such as 64, and at most {most}"))
                })?,
            },
            outbound_ca_file: find("outbound-ca-file").map(|(_, file)| dir.join(file)),
            immigration_department: ImmigrationDepartment::settle(dir, find)?,
            surge: SurgeSettings::settle(find)?,
            disclosure_threshold: statistics::settle(find)?,
        };
        if let (Some(file), Some((place, _))) = (&settings.outbound_ca_file, find("outbound-ca-file"))
            && let Err(error) = crate::credential::key_sets::trusting(Some(file))
        {
            return Err(SettingsError::new(place, format!("{error:#}; name a PEM file of certificates, or leave it out")));
        }
        if !(Duration::from_hours(24)..=LONGEST_PERIOD).contains(&settings.crl_next_update) {
            return Err(SettingsError::new(
                "crlNextUpdate",
                "a list is signed twice a day, and nobody may rely on one for more than seven: write between 24h and 168h",
            ));
        }
        if settings.rotate_after < settings.rotation.publish.saturating_add(settings.rotation.drain) {
            return Err(SettingsError::new(
                "keyRotateAfter",
                "a key would be due again before its own rotation is over; make it longer than keyPublishInterval and keyDrainInterval together",
            ));
        }
        if settings.rotation.publish < settings.jwks_max_age {
            return Err(SettingsError::new(
                "keyPublishInterval",
                "it is shorter than jwksMaxAge, so a relying party could meet a key it has never seen; make it at least as long",
            ));
        }
        Ok(settings)
    }
}

/// How the file calls a setting: `adminListen`, `keys.pinFile`.
fn place(name: &str) -> String {
    let part = |group: &str| name.strip_prefix(group)?.strip_prefix('-');
    let group =
        ["keys", "surge", "statistics", "immigration-department"].into_iter().find_map(|group| Some((group, part(group)?)));
    match group {
        Some((group, part)) => format!("{}.{}", camel(group), camel(part)),
        None => camel(name),
    }
}

/// Refuses to make a production instance that others reach and that says in every token and certificate, for as long as it lives,
/// that it is on the reader's own machine.
///
/// # Errors
/// When the flag was left out and the listener is open to other machines.
pub fn require_reachable(url: Option<&str>, flag: &str, listen: SocketAddr) -> Result<(), SettingsError> {
    if url.is_some() || listen.ip().is_loopback() {
        return Ok(());
    }
    let message = format!(
        "it is left out, and would be localhost in every token and certificate for good, while {listen} is open to other machines; \
         write the address by which they reach it: {flag} https://iam.example.org; nothing was changed"
    );
    Err(SettingsError::new(flag, message))
}

fn camel(name: &str) -> String {
    let mut parts = name.split('-');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |mut text, part| {
        let mut letters = part.chars();
        text.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        text.push_str(letters.as_str());
        text
    })
}

fn parse_duration(text: &str) -> Option<Duration> {
    let span: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(span).ok()
}
