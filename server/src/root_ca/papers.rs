//! What goes to the machine with the root's key, and what comes back: JSON, nothing secret in either.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::{Environment, RevocationReason, Timestamp};
use pki::Revoked;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::data_dir;

/// A year of lists with every authority on them is far shorter.
const LONGEST: u64 = 8 << 20;
const REQUEST: &str = "iam-root-request/1";
const ANSWER: &str = "iam-root-answer/1";

/// What the root is asked: how things stand with it, and the keys that wait for a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The form of this file.
    pub format: String,
    /// The instance.
    pub instance: String,
    /// Sandbox or production.
    pub environment: Environment,
    /// Base of the addresses that certificates name.
    pub pki_url: String,
    /// When it was written.
    pub made_at: Timestamp,
    /// NAME of the root.
    pub root: String,
    /// The root's certificate, PEM.
    pub certificate: String,
    /// The highest number that a list of the root has.
    pub last_list: u64,
    /// What the root has revoked already.
    pub revoked: Vec<Entry>,
    /// Its authorities that somebody may still ask about.
    pub authorities: Vec<Known>,
    /// Keys that wait for a certificate.
    pub wanted: Vec<Wanted>,
}

/// A certificate that the root has revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Lower-case hex.
    pub serial: String,
    /// From when.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// An authority below the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Its NAME.
    pub name: String,
    /// Of its certificate, lower-case hex.
    pub serial: String,
}

/// A key that waits for its certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// NAME of the authority that it will be.
    pub name: String,
    /// SPKI DER, base64.
    pub public_key: String,
    /// Its signature over [`Wanted::claim`], base64: whoever asks has the key.
    pub proof: String,
}

/// What the root has signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The form of this file.
    pub format: String,
    /// The instance.
    pub instance: String,
    /// Sandbox or production.
    pub environment: Environment,
    /// When it was signed.
    pub made_at: Timestamp,
    /// Certificates of authorities.
    pub certificates: Vec<Certified>,
    /// Authorities that are revoked from now on.
    pub revoked: Vec<RevokedAuthority>,
    /// Lists of the root, DER in base64, in the order of their numbers.
    pub lists: Vec<String>,
}

/// A certificate of an authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certified {
    /// Its NAME.
    pub name: String,
    /// PEM.
    pub certificate: String,
}

/// An authority that was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokedAuthority {
    /// Its NAME.
    pub name: String,
    /// What stands on the lists.
    pub entry: Entry,
}

impl Request {
    /// The name of the form.
    pub const FORMAT: &'static str = REQUEST;

    /// Reads a request.
    ///
    /// # Errors
    /// With the file's name.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let request: Self = read(path, "a request to the root")?;
        ensure!(request.format == REQUEST, "{} is no request to the root ('iamd ca request' writes one)", path.display());
        Ok(request)
    }

    /// Writes it where nothing is yet.
    ///
    /// # Errors
    /// When the file is there, or cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        write(path, self)
    }

    /// What the root has revoked, as lists are made of it.
    #[must_use]
    pub fn revoked(&self) -> Vec<Revoked> {
        self.revoked.iter().map(Entry::listed).collect()
    }
}

impl Answer {
    /// The name of the form.
    pub const FORMAT: &'static str = ANSWER;

    /// Reads an answer.
    ///
    /// # Errors
    /// With the file's name.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let answer: Self = read(path, "an answer of the root")?;
        ensure!(answer.format == ANSWER, "{} is no answer of the root ('iamd ca issue' writes one)", path.display());
        Ok(answer)
    }

    /// Writes it where nothing is yet.
    ///
    /// # Errors
    /// When the file is there, or cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        write(path, self)
    }
}

impl Entry {
    /// As it stands on a list.
    #[must_use]
    pub fn listed(&self) -> Revoked {
        Revoked { serial: self.serial.clone(), at: self.at, reason: self.reason }
    }
}

impl Wanted {
    /// What the proof is a signature over: the instance, the NAME and the key (SPKI DER).
    #[must_use]
    pub fn claim(instance: &str, name: &str, spki: &[u8]) -> Vec<u8> {
        let mut claim = format!("{REQUEST}\n{instance}\n{name}\n").into_bytes();
        claim.extend_from_slice(spki);
        claim
    }
}

/// Bytes out of base64.
///
/// # Errors
/// When it is none.
pub fn decoded(text: &str, what: &str) -> anyhow::Result<Vec<u8>> {
    BASE64_STANDARD.decode(text).with_context(|| format!("{what} is not base64"))
}

/// Bytes as base64.
#[must_use]
pub fn encoded(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

fn read<T: DeserializeOwned>(path: &Path, what: &str) -> anyhow::Result<T> {
    let shown = path.display();
    let mut text = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    file.take(LONGEST + 1).read_to_end(&mut text).with_context(|| format!("cannot read {shown}"))?;
    ensure!(text.len() as u64 <= LONGEST, "{shown} is far too large for {what}");
    serde_json::from_slice(&text).with_context(|| format!("{shown} is not {what}"))
}

fn write<T: Serialize>(path: &Path, paper: &T) -> anyhow::Result<()> {
    let mut text = serde_json::to_vec_pretty(paper)?;
    text.push(b'\n');
    data_dir::write_readable(path, &text)
}
