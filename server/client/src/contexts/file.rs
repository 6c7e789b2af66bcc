//! One context: its file, and the files that it names.

use std::path::{Path, PathBuf};

use domain::{Environment, OperatorId};
use serde::{Deserialize, Serialize};

use crate::error::ClientError;
use crate::{files, yaml};

/// A context or configuration file larger than this is not read.
pub(super) const MAX_FILE: u64 = 64 * 1024;
/// A certificate or key file larger than this is not read.
const MAX_PEM: u64 = 256 * 1024;

/// A context file as it lies on the disk; `iamd init` and `iamctl enrol` write it. Paths are relative to the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContextFile {
    /// The context's name.
    pub name: String,
    /// The admin listener, e.g. `https://127.0.0.1:7443`.
    pub server: String,
    /// The instance's id.
    pub instance: String,
    /// Sandbox or production.
    pub environment: Environment,
    /// Who this is.
    pub operator: OperatorId,
    /// The root certificate of the instance, PEM.
    pub ca: PathBuf,
    /// The operator's certificate and its issuers up to and without the root, PEM.
    pub certificate: PathBuf,
    /// The operator's private key, PKCS#8 PEM, mode 0600.
    pub key: PathBuf,
}

impl ContextFile {
    /// The file's text.
    ///
    /// # Errors
    /// Never for values that this type can hold; as the YAML writer does.
    pub fn to_yaml(&self) -> Result<String, ClientError> {
        yaml::to_string(self)
            .map_err(|error| ClientError::context("context.invalid", error.to_string(), "this is a defect: report it"))
    }
}

/// A context and where it was read, as a connection needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// What the file says; its three paths are relative to it.
    pub file: ContextFile,
    /// Where the file is.
    pub path: PathBuf,
}

impl Context {
    /// Reads a context file.
    ///
    /// # Errors
    /// When it is missing, not of this form, or names no https server.
    pub fn read(path: &Path) -> Result<Self, ClientError> {
        if !path.exists() {
            return Err(ClientError::context(
                "context.missing",
                format!("there is no context file at {}", path.display()),
                "'iamctl context list' shows the contexts there are; 'iamctl context import FILE' takes one in",
            ));
        }
        let bytes = files::read(path, MAX_FILE)?;
        let file: ContextFile = yaml::from_slice(&bytes).map_err(|cause| {
            ClientError::context(
                "context.invalid",
                format!("the context file {} cannot be read: {cause}", path.display()),
                "compare it with the one that 'iamd init' wrote, or enrol again ('iamctl enrol')",
            )
        })?;
        check_name(&file.name)?;
        check_server(&file.server)?;
        Ok(Self { file, path: path.to_owned() })
    }

    fn beside(&self, relative: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(relative)
    }

    /// Where the CA certificate is.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.beside(&self.file.ca)
    }

    /// Where the operator's certificate is.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.beside(&self.file.certificate)
    }

    /// Where the operator's key is.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.beside(&self.file.key)
    }

    /// Reads the CA certificate, PEM.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_ca(&self) -> Result<Vec<u8>, ClientError> {
        Ok(files::read(&self.ca(), MAX_PEM)?)
    }

    /// Reads the operator's certificate, PEM.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_certificate(&self) -> Result<Vec<u8>, ClientError> {
        Ok(files::read(&self.certificate(), MAX_PEM)?)
    }

    /// Reads the operator's key, PEM; it is wiped when dropped.
    ///
    /// # Errors
    /// When it cannot be read, or others than its owner could.
    pub fn read_key(&self) -> Result<zeroize::Zeroizing<Vec<u8>>, ClientError> {
        let path = self.key();
        if let Some(mode) = files::loose_mode(&path)? {
            return Err(ClientError::context(
                "context.key-mode",
                format!("the key file {} has mode {mode:04o}: others can get at it", path.display()),
                format!("chmod 600 {}; if others may have read it, ask for a new enrolment", path.display()),
            ));
        }
        Ok(zeroize::Zeroizing::new(files::read(&path, MAX_PEM)?))
    }
}

/// A context's name is a folder's name.
pub(super) fn check_name(name: &str) -> Result<(), ClientError> {
    let good = (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if good {
        return Ok(());
    }
    Err(ClientError::context(
        "context.name",
        format!("'{}' cannot be a context's name", domain::visible(name)),
        "1 to 64 of A-Z, a-z, 0-9, '-', '_' and '.', a letter or digit first",
    ))
}

/// The admin listener is an https address without a path.
pub(crate) fn check_server(server: &str) -> Result<url::Url, ClientError> {
    let wrong = |what: &str| {
        ClientError::context(
            "context.server",
            format!("'{}' is no address of an admin listener: {what}", domain::visible(server)),
            "an address looks like https://127.0.0.1:7443",
        )
    };
    let url = url::Url::parse(server).map_err(|error| wrong(&error.to_string()))?;
    if url.scheme() != "https" {
        return Err(wrong("it must begin with https://"));
    }
    if url.host().is_none()
        || url.path() != "/"
        || url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
    {
        return Err(wrong("only a host and a port are wanted"));
    }
    Ok(url)
}
