//! Where private keys are made: `keys` in `iamd.yaml`.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::SettingsError;

/// Where the private keys of authorities, tokens and signed records are made and used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyProvider {
    /// In this process, and wrapped in the database.
    Files,
    /// In a PKCS#11 token, which they never leave.
    Pkcs11 {
        /// The maker's library.
        module: PathBuf,
        /// The token's label.
        token: String,
        /// The file with its user PIN, on one line.
        pin_file: PathBuf,
    },
}

impl KeyProvider {
    /// As the settings and the instance name it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Pkcs11 { .. } => "pkcs11",
        }
    }

    /// Settles it from its four settings, each with the place that it was found at.
    pub(super) fn settle(find: impl Fn(&'static str) -> Option<(String, String)>) -> Result<Self, SettingsError> {
        let provider = find("keys-provider");
        match provider.as_ref().map_or("files", |(_, name)| name) {
            "files" => match ["keys-module", "keys-token", "keys-pin-file"].into_iter().find_map(&find) {
                // A token that is named and not used would be a hope that nothing rests on.
                Some((place, _)) => {
                    Err(SettingsError::new(place, "a token is named, and keys.provider is not 'pkcs11'; set both or neither"))
                }
                None => Ok(Self::Files),
            },
            "pkcs11" => {
                let wanted = |name, what: &str| {
                    find(name).filter(|(_, value)| !value.is_empty()).ok_or_else(|| {
                        SettingsError::new(
                            super::place(name),
                            format!("it is missing, and keys.provider is 'pkcs11'; give {what}"),
                        )
                    })
                };
                let path = |name, what: &str| {
                    let (place, path) = wanted(name, what)?;
                    let path = PathBuf::from(path);
                    if path.is_absolute() { Ok(path) } else { Err(SettingsError::new(place, "give the whole path, from / on")) }
                };
                let module = path("keys-module", "the path of the token's PKCS#11 library")?;
                let (place, token) = wanted("keys-token", "the token's label")?;
                if token.len() > 32 {
                    return Err(SettingsError::new(place, "a token's label has at most 32 bytes"));
                }
                Ok(Self::Pkcs11 { module, token, pin_file: path("keys-pin-file", "the path of the file with its user PIN")? })
            }
            other => {
                let place = provider.as_ref().map(|(place, _)| place.clone()).unwrap_or_default();
                Err(SettingsError::new(place, format!("'{}' is neither 'files' nor 'pkcs11'", domain::visible(other))))
            }
        }
    }
}

impl fmt::Display for KeyProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `keys` in `iamd.yaml`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KeysFile {
    /// `files` or `pkcs11`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// Path of the PKCS#11 library.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// The token's label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Path of the file with the token's user PIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_file: Option<String>,
}

impl KeysFile {
    pub(super) fn get(&self, name: &str) -> Option<String> {
        match name {
            "keys-provider" => self.provider.clone(),
            "keys-module" => self.module.clone(),
            "keys-token" => self.token.clone(),
            "keys-pin-file" => self.pin_file.clone(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{File, Settings, Source};
    use super::*;

    fn settled(yaml: &str, environment: &[(&'static str, &str)]) -> Result<KeyProvider, String> {
        let environment: Source = environment.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let file = File::parse(yaml).map_err(|error| error.to_string())?;
        let settings = Settings::settle(Path::new("/data"), &Source::new(), &environment, &file);
        settings.map(|settings| settings.keys).map_err(|error| error.to_string())
    }

    const WHOLE: &str =
        "keys: { provider: pkcs11, module: /usr/lib/softhsm/libsofthsm2.so, token: identity, pinFile: /etc/iam/pin }";

    #[test]
    fn keys_are_made_in_files_unless_a_token_is_named_whole() {
        assert_eq!(settled("", &[]).unwrap(), KeyProvider::Files);
        assert_eq!(settled("keys: { provider: files }", &[]).unwrap(), KeyProvider::Files);
        let token = KeyProvider::Pkcs11 {
            module: "/usr/lib/softhsm/libsofthsm2.so".into(),
            token: "identity".to_owned(),
            pin_file: "/etc/iam/pin".into(),
        };
        assert_eq!(settled(WHOLE, &[]).unwrap(), token);
        let other = settled(WHOLE, &[("keys-token", "second")]).unwrap();
        assert!(matches!(other, KeyProvider::Pkcs11 { token, .. } if token == "second"), "the environment goes before the file");
    }

    #[test]
    fn each_mistake_names_its_place() {
        let without = |part: &str| WHOLE.replace(part, "");
        for (yaml, said) in [
            (WHOLE.replace("pkcs11", "hsm"), "iamd.yaml: keys.provider: 'hsm' is neither 'files' nor 'pkcs11'"),
            (without(", token: identity"), "keys.token: it is missing, and keys.provider is 'pkcs11'; give the token's label"),
            (without("module: /usr/lib/softhsm/libsofthsm2.so, "), "keys.module: it is missing"),
            (without(", pinFile: /etc/iam/pin"), "keys.pinFile: it is missing"),
            (WHOLE.replace("/etc/iam/pin", "pin"), "iamd.yaml: keys.pinFile: give the whole path"),
            (without("provider: pkcs11, "), "iamd.yaml: keys.module: a token is named, and keys.provider is not 'pkcs11'"),
            (WHOLE.replace("identity", &"x".repeat(33)), "iamd.yaml: keys.token: a token's label has at most 32 bytes"),
            (WHOLE.replace("pinFile", "pin"), "unknown field"),
        ] {
            let fault = settled(&yaml, &[]).unwrap_err();
            assert!(fault.contains(said), "{fault}");
        }
        let fault = settled("", &[("keys-provider", "hsm")]).unwrap_err();
        assert!(fault.starts_with("IAMD_KEYS_PROVIDER: "), "{fault}");
    }
}
