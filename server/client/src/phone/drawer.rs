//! Where the virtual phones of an instance lie: a folder beside the context's file, one file a citizen, for their owner alone.

use std::cmp::Reverse;
use std::fmt;
use std::path::{Path, PathBuf};

use domain::synthetic::FIRST_PLAYED;
use domain::{AccountId, Channel, Environment, LocationId, Tier, Timestamp};
use openssl::pkey::PKey;
use pki::PrivateKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::contexts::Context;
use crate::error::ClientError;
use crate::{files, yaml};

/// A phone's file larger than this is not read.
const MAX_FILE: u64 = 64 * 1024;
/// How the file of a phone ends.
const ENDING: &str = "yaml";

/// The drawer of one instance.
#[derive(Debug, Clone)]
pub struct Drawer {
    folder: PathBuf,
}

/// A phone as it lies in the drawer.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Whose it is.
    pub account: AccountId,
    /// Which of the synthetic people that is.
    pub person: u32,
    /// The tier they registered for.
    pub tier: Tier,
    /// How they registered.
    pub channel: Channel,
    /// Where; none for `remote`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationId>,
    /// When.
    pub registered_at: Timestamp,
    /// The private keys.
    #[serde(flatten)]
    pub keys: KeptKeys,
}

/// The private keys of a phone.
#[derive(Clone, Serialize, Deserialize)]
pub struct KeptKeys {
    /// The device's, PKCS#8 PEM.
    key: Zeroizing<String>,
    /// The one that signs documents, PKCS#8 PEM; of `iam-smart-plus` alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signing_key: Option<Zeroizing<String>>,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("account", &self.account).finish_non_exhaustive()
    }
}

impl Kept {
    /// Its key.
    ///
    /// # Errors
    /// When it is none.
    pub fn key(&self) -> Result<PrivateKey, ClientError> {
        // A passphrase is never asked for: the callback gives none.
        let pem = self.keys.key.as_bytes();
        let key = PKey::private_key_from_pem_callback(pem, |_| Ok(0)).map_err(|error| broken(&error))?;
        PrivateKey::from_pkey(key).map_err(|error| broken(&error))
    }
}

impl KeptKeys {
    /// As they are kept.
    ///
    /// # Errors
    /// When a key cannot be written.
    pub fn new(key: &PrivateKey, signing_key: Option<&PrivateKey>) -> Result<Self, ClientError> {
        Ok(Self { key: pem(key)?, signing_key: signing_key.map(pem).transpose()? })
    }
}

/// A private key, PKCS#8 PEM.
pub(super) fn pem(key: &PrivateKey) -> Result<Zeroizing<String>, ClientError> {
    let pem = key.pkey().private_key_to_pem_pkcs8().map(Zeroizing::new).map_err(|error| broken(&error))?;
    Ok(Zeroizing::new(std::str::from_utf8(&pem).map_err(|error| broken(&error))?.to_owned()))
}

fn broken(error: &dyn fmt::Display) -> ClientError {
    let hint = "move its file away; its citizen registers again, with another phone";
    ClientError::context("phone.key", format!("the phone's key cannot be used: {error}"), hint)
}

impl Drawer {
    /// The drawer beside a context of a sandbox. Nothing is made before the first phone lies in it.
    ///
    /// # Errors
    /// `phone.production`: there are no simulated citizens on a production instance.
    pub fn of(context: &Context) -> Result<Self, ClientError> {
        if context.file.environment != Environment::Sandbox {
            return Err(ClientError::context(
                "phone.production",
                "there are virtual phones on sandbox instances only",
                "'iamctl context use NAME' chooses another context",
            ));
        }
        let name = format!("phones-{}", context.file.instance);
        Ok(Self { folder: context.path.parent().unwrap_or(Path::new("")).join(name) })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Every phone, the one registered last first.
    ///
    /// # Errors
    /// When the folder or a file in it cannot be read, or others could.
    pub fn phones(&self) -> Result<Vec<Kept>, ClientError> {
        let mut phones = Vec::new();
        for path in self.files()? {
            phones.push(read(&path)?);
        }
        phones.sort_by_key(|kept| Reverse((kept.registered_at, kept.person)));
        Ok(phones)
    }

    /// The phone of a citizen, if it is here.
    ///
    /// # Errors
    /// When it cannot be read, or others could.
    pub fn phone(&self, account: AccountId) -> Result<Option<Kept>, ClientError> {
        let path = self.path(account);
        if path.exists() { read(&path).map(Some) } else { Ok(None) }
    }

    /// The number of the next synthetic person: one behind the last.
    ///
    /// # Errors
    /// As [`Drawer::phones`].
    pub fn next_person(&self) -> Result<u32, ClientError> {
        Ok(self.phones()?.iter().map(|kept| kept.person.saturating_add(1)).max().unwrap_or(FIRST_PLAYED))
    }

    /// Puts a phone in.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn put(&self, kept: &Kept) -> Result<(), ClientError> {
        files::private_folder(&self.folder)?;
        let text = Zeroizing::new(yaml::to_string(kept).map_err(|error| broken(&error))?);
        Ok(files::write_private(&self.path(kept.account), text.as_bytes())?)
    }

    fn path(&self, account: AccountId) -> PathBuf {
        self.folder.join(format!("{account}.{ENDING}"))
    }

    fn files(&self) -> Result<Vec<PathBuf>, ClientError> {
        let mut found = files::listed(&self.folder)?;
        found.retain(|path| path.extension().is_some_and(|ending| ending == ENDING));
        Ok(found)
    }
}

fn read(path: &Path) -> Result<Kept, ClientError> {
    if let Some(mode) = files::loose_mode(path)? {
        return Err(ClientError::context(
            "phone.file-mode",
            format!("the phone's file {} has mode {mode:04o}: others can get at its key", path.display()),
            format!("chmod 600 {}", path.display()),
        ));
    }
    let bytes = Zeroizing::new(files::read(path, MAX_FILE)?);
    yaml::from_slice(&bytes).map_err(|cause| {
        ClientError::context(
            "phone.file",
            format!("the phone's file {} cannot be read: {cause}", path.display()),
            "move it away; its citizen registers again, with another phone",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    use pki::KeyKind;

    fn context(folder: &Path, environment: Environment) -> Context {
        let file = crate::contexts::ContextFile {
            name: "demo".to_owned(),
            server: "https://127.0.0.1:7443".to_owned(),
            instance: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            environment,
            operator: "first-operator".parse().unwrap(),
            ca: "ca.crt".into(),
            certificate: "operator.crt".into(),
            key: "operator.key".into(),
        };
        Context { file, path: folder.join("context.yaml") }
    }

    #[test]
    fn phones_lie_beside_their_context_for_nobody_else_to_read() {
        let folder = tempfile::tempdir().unwrap();
        let drawer = Drawer::of(&context(folder.path(), Environment::Sandbox)).unwrap();
        assert_eq!((drawer.phones().unwrap().len(), drawer.next_person().unwrap()), (0, FIRST_PLAYED));
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let account: AccountId = "A0000000012".parse().unwrap();
        let at: Timestamp = "2026-11-22T09:00:00+08:00".parse().unwrap();
        let keys = KeptKeys::new(&key, None).unwrap();
        let tier = Tier::IamSmart;
        let put = Kept { account, person: 4, tier, channel: Channel::Remote, location: None, registered_at: at, keys };
        drawer.put(&put).unwrap();
        let kept = drawer.phone(account).unwrap().unwrap();
        assert_eq!((kept.account, kept.person, kept.registered_at), (account, 4, at));
        assert_eq!(kept.key().unwrap().public().unwrap(), key.public().unwrap());
        assert!(!format!("{kept:?} {put:?}").contains("PRIVATE"));
        assert_eq!((drawer.phones().unwrap().len(), drawer.next_person().unwrap()), (1, 5));
        assert!(drawer.folder().ends_with("phones-01890a5d-ac96-774b-bcce-b302099a8057"));
        assert_eq!(files::mode(drawer.folder()).unwrap(), 0o700);
        let file = drawer.folder().join("A0000000012.yaml");
        assert_eq!(files::mode(&file).unwrap(), 0o600);

        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(drawer.phone(account).unwrap_err().code(), "phone.file-mode");
        assert!(drawer.phone(AccountId::from_number(0).unwrap()).unwrap().is_none());
    }

    #[test]
    fn there_are_no_virtual_phones_on_production() {
        let refused = Drawer::of(&context(Path::new("."), Environment::Production)).unwrap_err();
        assert_eq!(refused.code(), "phone.production");
    }
}
