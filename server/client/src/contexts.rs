//! Contexts: which server, as whom, with which certificate. Each is a folder with a `context.yaml` and the files it names;
//! `~/.config/iamctl/config.yaml` lists them and says which one is current.

mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::{files, surroundings, yaml};

pub(crate) use file::check_server;
pub use file::{Context, ContextFile};

use file::{MAX_FILE, check_name};

/// Which context is asked for, by flags or by the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// By name.
    pub name: Option<String>,
    /// By file.
    pub file: Option<PathBuf>,
}

impl Choice {
    /// What `IAMCTL_CONTEXT` and `IAMCTL_CONTEXT_FILE` ask for.
    #[must_use]
    pub fn of_environment() -> Self {
        Self {
            name: surroundings::variable("IAMCTL_CONTEXT"),
            file: surroundings::variable("IAMCTL_CONTEXT_FILE").map(PathBuf::from),
        }
    }
}

/// Where the choice of a context came from; `doctor` and `context show` tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenBy {
    /// `--context` or `--context-file`.
    Flag,
    /// `IAMCTL_CONTEXT` or `IAMCTL_CONTEXT_FILE`.
    Environment,
    /// `current` in config.yaml.
    Current,
    /// The only one there is.
    Only,
}

impl ChosenBy {
    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Flag => "by flag",
            Self::Environment => "by environment variable",
            Self::Current => "current in config.yaml",
            Self::Only => "the only one",
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    contexts: BTreeMap<String, PathBuf>,
}

/// The contexts of this user.
#[derive(Debug)]
pub struct Contexts {
    folder: PathBuf,
    config: Config,
}

/// One line of `context list`.
#[derive(Debug)]
pub struct Listed {
    /// Its name in config.yaml.
    pub name: String,
    /// Whether it is the current one.
    pub current: bool,
    /// Where its file is.
    pub path: PathBuf,
    /// The context, or why it cannot be read.
    pub context: Result<Context, ClientError>,
}

impl Contexts {
    /// Opens the user's own folder.
    ///
    /// # Errors
    /// When there is no home, or config.yaml is not of its form.
    pub fn open() -> Result<Self, ClientError> {
        let folder = surroundings::config_folder().ok_or_else(|| {
            ClientError::context(
                "context.no-home",
                "neither HOME nor XDG_CONFIG_HOME is set",
                "set HOME, or name the file: --context-file FILE",
            )
        })?;
        Self::open_at(folder)
    }

    /// Opens a folder.
    ///
    /// # Errors
    /// When its config.yaml is not of its form.
    pub fn open_at(folder: PathBuf) -> Result<Self, ClientError> {
        let path = folder.join("config.yaml");
        let config = if path.exists() {
            yaml::from_slice(&files::read(&path, MAX_FILE)?).map_err(|cause| {
                ClientError::context(
                    "context.config",
                    format!("{} cannot be read: {cause}", path.display()),
                    "mend it, or move it away and import the contexts again ('iamctl context import FILE')",
                )
            })?
        } else {
            Config::default()
        };
        Ok(Self { folder, config })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The current context's name.
    #[must_use]
    pub fn current(&self) -> Option<&str> {
        self.config.current.as_deref()
    }

    /// Every context, by name.
    #[must_use]
    pub fn list(&self) -> Vec<Listed> {
        self.config
            .contexts
            .iter()
            .map(|(name, path)| {
                let path = self.folder.join(path);
                Listed { name: name.clone(), current: self.current() == Some(name), context: Context::read(&path), path }
            })
            .collect()
    }

    /// The context that is asked for: by flag, else by the environment, else the current one, else the only one.
    ///
    /// # Errors
    /// When there is none, or it cannot be read.
    pub fn choose(&self, flags: &Choice, environment: &Choice) -> Result<(Context, ChosenBy), ClientError> {
        for (choice, by) in [(flags, ChosenBy::Flag), (environment, ChosenBy::Environment)] {
            if let Some(file) = &choice.file {
                return Ok((Context::read(file)?, by));
            }
            if let Some(name) = &choice.name {
                return Ok((self.named(name)?, by));
            }
        }
        if let Some(name) = &self.config.current {
            return Ok((self.named(name)?, ChosenBy::Current));
        }
        let mut names = self.config.contexts.keys();
        match (names.next(), names.next()) {
            (Some(only), None) => Ok((self.named(only)?, ChosenBy::Only)),
            (Some(_), Some(_)) => Err(ClientError::context(
                "context.none-current",
                "there are several contexts and none is current",
                "'iamctl context use NAME' makes one current; 'iamctl context list' shows them",
            )),
            _ => Err(ClientError::context(
                "context.none",
                "there is no context yet",
                "'iamctl enrol --server URL --ca FILE --code -' makes one from an enrolment code; 'iamctl context import FILE' takes in a file such as DIR/first-operator/context.yaml",
            )),
        }
    }

    fn named(&self, name: &str) -> Result<Context, ClientError> {
        let path = self.config.contexts.get(name).ok_or_else(|| self.unknown(name))?;
        Context::read(&self.folder.join(path))
    }

    fn unknown(&self, name: &str) -> ClientError {
        let names: Vec<&str> = self.config.contexts.keys().map(String::as_str).collect();
        let hint = match domain::suggest(name, &names) {
            Some(near) => format!("did you mean '{near}'? 'iamctl context list' shows the contexts there are"),
            None => "'iamctl context list' shows the contexts there are".to_owned(),
        };
        ClientError::context("context.unknown", format!("there is no context '{}'", domain::visible(name)), hint)
    }

    /// Makes a context the current one.
    ///
    /// # Errors
    /// When there is none of that name, or the file cannot be written.
    pub fn make_current(&mut self, name: &str) -> Result<Context, ClientError> {
        let context = self.named(name)?;
        self.config.current = Some(name.to_owned());
        self.save()?;
        Ok(context)
    }

    /// Looks whether a context could be taken in under that name: for whoever is about to spend a code that is good once.
    ///
    /// # Errors
    /// When the name is none, or is taken and `replace` is `Replace::No`, or the folder cannot be written.
    pub fn check_room(&self, name: Option<&str>, replace: Replace) -> Result<(), ClientError> {
        if let Some(name) = name {
            check_name(name)?;
            self.check_free(name, replace)?;
        }
        for folder in [&self.folder, &self.folder.join("contexts")] {
            files::private_folder(folder)?;
            let trial = folder.join(".trial");
            files::write_private(&trial, b"")?;
            files::remove(&trial)?;
        }
        Ok(())
    }

    fn check_free(&self, name: &str, replace: Replace) -> Result<(), ClientError> {
        if replace == Replace::Yes || !self.config.contexts.contains_key(name) {
            return Ok(());
        }
        Err(ClientError::context(
            "context.exists",
            format!("there is a context '{name}' already"),
            "--name NAME takes it in under another name; --replace puts it in the old one's place",
        ))
    }

    /// Takes a context in: its folder with the three files and `context.yaml`, listed in config.yaml. The first one becomes
    /// the current one. One that gives way stays whole until the new one is.
    ///
    /// # Errors
    /// When one of that name is there and `replace` is `Replace::No`, or a file cannot be written.
    pub fn add(&mut self, parts: &ContextParts<'_>, replace: Replace) -> Result<Context, ClientError> {
        let name = &parts.file.name;
        check_name(name)?;
        check_server(&parts.file.server)?;
        self.check_free(name, replace)?;
        let file = ContextFile {
            ca: "ca.crt".into(),
            certificate: "operator.crt".into(),
            key: "operator.key".into(),
            ..parts.file.clone()
        };
        let text = file.to_yaml()?;
        files::private_folder(&self.folder.join("contexts"))?;
        let folder = self.folder.join("contexts").join(name);
        files::put_folder(
            &folder,
            &[
                (&file.key, parts.key),
                (&file.certificate, parts.certificate),
                (&file.ca, parts.ca),
                (Path::new("context.yaml"), text.as_bytes()),
            ],
        )?;
        self.config.contexts.insert(name.clone(), Path::new("contexts").join(name).join("context.yaml"));
        if self.config.current.is_none() {
            self.config.current = Some(name.clone());
        }
        self.save()?;
        Ok(Context { file, path: folder.join("context.yaml") })
    }

    fn save(&self) -> Result<(), ClientError> {
        files::private_folder(&self.folder)?;
        let text = yaml::to_string(&self.config)
            .map_err(|error| ClientError::context("context.config", error.to_string(), "this is a defect: report it"))?;
        Ok(files::write_private(&self.folder.join("config.yaml"), text.as_bytes())?)
    }
}

/// What a context is made of.
pub struct ContextParts<'a> {
    /// The file; its paths are replaced.
    pub file: ContextFile,
    /// PEM.
    pub ca: &'a [u8],
    /// PEM, with the issuers below the root.
    pub certificate: &'a [u8],
    /// PKCS#8 PEM.
    pub key: &'a [u8],
}

/// Whether a context of the same name gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replace {
    /// It stays, and the new one is refused.
    No,
    /// It gives way.
    Yes,
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::Exit;
    use domain::Environment;

    fn file(name: &str) -> ContextFile {
        ContextFile {
            name: name.into(),
            server: "https://127.0.0.1:7443".into(),
            instance: "0190a5d0-ac96-774b-bcce-b302099a8057".into(),
            environment: Environment::Sandbox,
            operator: "first-operator".parse().unwrap(),
            ca: "elsewhere.crt".into(),
            certificate: "c".into(),
            key: "k".into(),
        }
    }

    fn parts(name: &str) -> ContextParts<'static> {
        ContextParts { file: file(name), ca: b"ca", certificate: b"certificate", key: b"key" }
    }

    #[test]
    fn the_first_context_becomes_current_and_flags_win_over_the_environment() {
        let home = tempfile::tempdir().unwrap();
        let mut contexts = Contexts::open_at(home.path().join("iamctl")).unwrap();
        assert_eq!(contexts.choose(&Choice::default(), &Choice::default()).unwrap_err().code(), "context.none");
        contexts.add(&parts("demo"), Replace::No).unwrap();
        contexts.add(&parts("live"), Replace::No).unwrap();

        let again = Contexts::open_at(home.path().join("iamctl")).unwrap();
        let (context, by) = again.choose(&Choice::default(), &Choice::default()).unwrap();
        assert_eq!((context.file.name.as_str(), by), ("demo", ChosenBy::Current));
        assert_eq!(context.read_ca().unwrap(), b"ca");
        assert_eq!(context.read_key().unwrap().as_slice(), b"key");
        assert_eq!(files::mode(&context.key()).unwrap(), 0o600);
        assert_eq!(files::mode(context.path.parent().unwrap()).unwrap(), 0o700);

        let environment = Choice { name: None, file: Some(context.path.clone()) };
        let flag = Choice { name: Some("live".into()), file: None };
        let (context, by) = again.choose(&flag, &environment).unwrap();
        assert_eq!((context.file.name.as_str(), by), ("live", ChosenBy::Flag));
        let (context, by) = again.choose(&Choice::default(), &environment).unwrap();
        assert_eq!((context.file.name.as_str(), by), ("demo", ChosenBy::Environment));
    }

    #[test]
    fn a_context_of_the_same_name_stays_unless_told() {
        let home = tempfile::tempdir().unwrap();
        let mut contexts = Contexts::open_at(home.path().to_owned()).unwrap();
        contexts.add(&parts("demo"), Replace::No).unwrap();
        let error = contexts.add(&parts("demo"), Replace::No).unwrap_err();
        assert_eq!((error.code(), error.exit()), ("context.exists", Exit::Usage));
        contexts.add(&ContextParts { key: b"another", ..parts("demo") }, Replace::Yes).unwrap();
        let (context, _) = contexts.choose(&Choice::default(), &Choice::default()).unwrap();
        assert_eq!(context.read_key().unwrap().as_slice(), b"another");
        assert_eq!(std::fs::read_dir(home.path().join("contexts")).unwrap().count(), 1, "nothing passing is left behind");
    }

    #[test]
    fn a_context_that_cannot_be_written_leaves_the_old_one_whole() {
        let home = tempfile::tempdir().unwrap();
        let mut contexts = Contexts::open_at(home.path().to_owned()).unwrap();
        let old = contexts.add(&parts("demo"), Replace::No).unwrap();
        // A folder in the way of the new one's own.
        std::fs::create_dir(home.path().join(format!("contexts/.demo.{}", std::process::id()))).unwrap();
        let error = contexts.add(&ContextParts { key: b"another", ..parts("demo") }, Replace::Yes).unwrap_err();
        assert_eq!((error.code(), error.exit()), ("file", Exit::Failed));
        assert_eq!(Context::read(&old.path).unwrap().read_key().unwrap().as_slice(), b"key");
    }

    #[test]
    fn room_is_looked_for_before_anything_is_spent() {
        let home = tempfile::tempdir().unwrap();
        let mut contexts = Contexts::open_at(home.path().join("iamctl")).unwrap();
        contexts.check_room(Some("demo"), Replace::No).unwrap();
        contexts.add(&parts("demo"), Replace::No).unwrap();
        assert_eq!(contexts.check_room(Some("demo"), Replace::No).unwrap_err().code(), "context.exists");
        contexts.check_room(Some("demo"), Replace::Yes).unwrap();
        assert_eq!(contexts.check_room(Some("no/name"), Replace::Yes).unwrap_err().code(), "context.name");
        assert_eq!(std::fs::read_dir(home.path().join("iamctl/contexts")).unwrap().count(), 1);

        // A file where the folder should be: not even root can write there.
        std::fs::write(home.path().join("taken"), "").unwrap();
        let contexts = Contexts { folder: home.path().join("taken"), config: Config::default() };
        let error = contexts.check_room(None, Replace::No).unwrap_err();
        assert_eq!((error.code(), error.exit()), ("file", Exit::Failed));
    }

    #[test]
    fn an_unknown_context_is_named_with_the_nearest() {
        let home = tempfile::tempdir().unwrap();
        let mut contexts = Contexts::open_at(home.path().to_owned()).unwrap();
        contexts.add(&parts("production"), Replace::No).unwrap();
        let error = contexts.make_current("prodution").unwrap_err();
        assert_eq!(error.code(), "context.unknown");
        assert!(error.hint().unwrap().contains("'production'"));
    }

    #[test]
    fn a_loose_key_and_an_unknown_field_are_refused_with_the_mend() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let mut contexts = Contexts::open_at(home.path().to_owned()).unwrap();
        let context = contexts.add(&parts("demo"), Replace::No).unwrap();
        std::fs::set_permissions(context.key(), std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = context.read_key().unwrap_err();
        assert_eq!((error.code(), error.exit()), ("context.key-mode", Exit::Usage));
        assert!(error.to_string().contains("0644") && error.hint().unwrap().contains("chmod 600"));

        std::fs::write(&context.path, "name: demo\nsrver: https://127.0.0.1:7443\n").unwrap();
        let error = Context::read(&context.path).unwrap_err();
        assert_eq!(error.code(), "context.invalid");
        assert!(error.to_string().contains("srver"), "{error}");
    }

    #[test]
    fn an_admin_listener_is_https_with_host_and_port_only() {
        for good in ["https://127.0.0.1:7443", "https://admin.iam.example", "https://[::1]:7443/"] {
            assert!(check_server(good).is_ok(), "{good}");
        }
        for bad in ["http://127.0.0.1:7443", "127.0.0.1:7443", "https://a@b", "https://host/path", "https://host/?q"] {
            assert!(check_server(bad).is_err(), "{bad}");
        }
    }
}
