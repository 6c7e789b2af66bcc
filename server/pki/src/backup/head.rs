//! The head: what the file is, for whoever holds it, and its locks. Nothing in it is secret, and none of it can be altered.

use domain::{Environment, Timestamp};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use crate::error::PkiError;
use crate::provider::{MacKey, Secret, derive};

use super::chunk::{ChunkOpener, ChunkSealer};
use super::lock::{FileKey, Lock};

/// The first bytes: a name, and line ends that a transfer as text would not leave as they are.
const MAGIC: &[u8; 14] = b"iam-backup\r\n\x1a\n";
/// Of the format.
const VERSION: u16 = 1;
/// A longer head is none.
pub const LONGEST_HEAD: usize = 256 * 1024;
/// Bytes of the MAC behind the head.
pub const MAC_LENGTH: usize = 32;

const WHAT: &str = "the backup";

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// The instance's id.
    pub instance: String,
    /// Sandbox or production.
    pub environment: Environment,
    /// When it was made.
    pub made_at: Timestamp,
    /// Version of the program that made it.
    pub program: String,
    /// `sqlite` or `postgresql`.
    pub engine: String,
    /// Version of the database's schema.
    pub schema: i64,
    /// Names of the parts, in their order.
    pub holds: Vec<String>,
    /// Ways in; any one is enough.
    pub locks: Vec<Lock>,
}

/// A head as it stands in the file, without its MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedHead {
    bytes: Vec<u8>,
}

/// The first bytes of a file, whose length is fixed: they say how long the head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedPart {
    /// Bytes of the head's JSON.
    pub head: usize,
}

impl FixedPart {
    /// Bytes: magic, version, length.
    pub const LENGTH: usize = 14 + 2 + 4;

    /// Reads it. Errors for anything that is no backup of this format.
    pub fn parse(bytes: &[u8; Self::LENGTH]) -> Result<Self, PkiError> {
        let (magic, rest) = bytes.split_at(MAGIC.len());
        if magic != MAGIC {
            let text = magic.starts_with(b"iam-backup");
            let why = if text { "its line ends were changed: it was sent as text" } else { "it does not begin as one does" };
            return Err(PkiError::malformed(WHAT, why));
        }
        let version = u16::from_be_bytes([rest[0], rest[1]]);
        if version != VERSION {
            let why = format!("it is of format {version}, and this program reads {VERSION}");
            return Err(PkiError::unfit(WHAT, why));
        }
        let head = u32::from_be_bytes([rest[2], rest[3], rest[4], rest[5]]) as usize;
        if head > LONGEST_HEAD {
            return Err(PkiError::malformed(WHAT, "its head is too long"));
        }
        Ok(Self { head })
    }

    fn bytes(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LENGTH + self.head);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&VERSION.to_be_bytes());
        // At most LONGEST_HEAD, which is far below 2^32.
        bytes.extend_from_slice(&(self.head as u32).to_be_bytes());
        bytes
    }
}

impl Head {
    /// Reads the JSON of a head, none of it verified yet. Errors without repeating it.
    pub fn parse(json: &[u8]) -> Result<(Self, SealedHead), PkiError> {
        let head: Self = serde_json::from_slice(json).map_err(|error| {
            PkiError::malformed(WHAT, format!("its head is none (line {}, column {})", error.line(), error.column()))
        })?;
        let mut bytes = FixedPart { head: json.len() }.bytes();
        bytes.extend_from_slice(json);
        Ok((head, SealedHead { bytes }))
    }

    /// Writes the head with its MAC, as the file begins, and gives what seals the chunks behind it.
    pub fn seal(&self, key: &FileKey) -> Result<(Vec<u8>, ChunkSealer), PkiError> {
        let json = serde_json::to_vec(self).map_err(|error| PkiError::unfit(WHAT, error.to_string()))?;
        if json.len() > LONGEST_HEAD {
            return Err(PkiError::unfit(WHAT, "it has too many recipients"));
        }
        let (_, sealed) = Self::parse(&json)?;
        let mac = sealed.mac(key)?;
        let chunks = ChunkSealer::new(&chunk_key(key, &mac)?)?;
        let mut bytes = sealed.bytes;
        bytes.extend_from_slice(&mac);
        Ok((bytes, chunks))
    }
}

impl SealedHead {
    /// Verifies the head and gives what opens the chunks behind it.
    pub fn open(&self, mac: &[u8; MAC_LENGTH], key: &FileKey) -> Result<ChunkOpener, PkiError> {
        if !bool::from(self.mac(key)?.ct_eq(mac)) {
            return Err(PkiError::malformed(WHAT, "its head was altered"));
        }
        ChunkOpener::new(&chunk_key(key, mac)?)
    }

    /// Bytes of the file before the first chunk.
    pub fn length(&self) -> u64 {
        (self.bytes.len() + MAC_LENGTH) as u64
    }

    fn mac(&self, key: &FileKey) -> Result<[u8; MAC_LENGTH], PkiError> {
        MacKey::new(&derive(&key.0[..], b"", "iam-backup-v1 head")?[..])?.mac(&self.bytes)
    }
}

fn chunk_key(key: &FileKey, mac: &[u8; MAC_LENGTH]) -> Result<Secret, PkiError> {
    derive(&key.0[..], mac, "iam-backup-v1 chunks")
}

/// Bytes as standard base64 in the head's JSON.
pub(super) mod base64 {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(bytes))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64_STANDARD.decode(text).map_err(|_| D::Error::custom("it is not base64"))
    }
}
