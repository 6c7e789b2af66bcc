//! Where the records of the Immigration Department are: `immigrationDepartment` in `iamd.yaml`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

use super::SettingsError;

/// Where the records are, and what shows each side who the other is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImmigrationDepartment {
    /// Base of its interface, https.
    pub url: Url,
    /// The authority of its servers, PEM.
    pub ca_file: PathBuf,
    /// What it has issued to this platform, with its issuers, PEM.
    pub certificate_file: PathBuf,
    /// The key of that, PEM; a file that only its owner reads.
    pub key_file: PathBuf,
}

/// `immigrationDepartment` in `iamd.yaml`; files are named from the data folder on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ImmigrationDepartmentFile {
    /// Base of its interface, https.
    pub url: String,
    /// The authority of its servers, PEM.
    pub ca_file: String,
    /// What it has issued to this platform, with its issuers, PEM.
    pub certificate_file: String,
    /// The key of that, PEM.
    pub key_file: String,
}

impl ImmigrationDepartmentFile {
    /// The simulator of a sandbox, which leaves its files in the data folder.
    #[must_use]
    pub fn simulated(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            ca_file: "immd/ca.crt".to_owned(),
            certificate_file: "immd/iamd.crt".to_owned(),
            key_file: "immd/iamd.key".to_owned(),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<String> {
        match name {
            "immigration-department-url" => Some(self.url.clone()),
            "immigration-department-ca-file" => Some(self.ca_file.clone()),
            "immigration-department-certificate-file" => Some(self.certificate_file.clone()),
            "immigration-department-key-file" => Some(self.key_file.clone()),
            _ => None,
        }
    }
}

impl ImmigrationDepartment {
    /// Settles it from its four settings, each with the place that it was found at: all of them or none.
    pub(super) fn settle(
        dir: &Path,
        find: impl Fn(&'static str) -> Option<(String, String)>,
    ) -> Result<Option<Self>, SettingsError> {
        let names = ["url", "ca-file", "certificate-file", "key-file"];
        let [url, ca_file, certificate_file, key_file] = [
            find("immigration-department-url"),
            find("immigration-department-ca-file"),
            find("immigration-department-certificate-file"),
            find("immigration-department-key-file"),
        ];
        match [&url, &ca_file, &certificate_file, &key_file].iter().position(|it| it.is_none()) {
            _ if url.is_none() && ca_file.is_none() && certificate_file.is_none() && key_file.is_none() => return Ok(None),
            Some(missing) => {
                let place = super::place("immigration-department-url").replace("url", &super::camel(names[missing]));
                return Err(SettingsError::new(place, "it is missing, and the others are there; set all four or none"));
            }
            None => {}
        }
        let (Some((place, url)), Some((_, ca)), Some((_, certificate)), Some((_, key))) =
            (url, ca_file, certificate_file, key_file)
        else {
            return Ok(None);
        };
        let url = Url::parse(&url).ok().filter(|url| url.scheme() == "https" && url.has_host() && url.username().is_empty());
        let url =
            url.ok_or_else(|| SettingsError::new(place, "it must be an https address, such as https://records.example:7600"))?;
        let file = |name: String| dir.join(name);
        Ok(Some(Self { url, ca_file: file(ca), certificate_file: file(certificate), key_file: file(key) }))
    }
}
