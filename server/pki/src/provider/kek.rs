//! The key-encryption key: one per node file, the same on all nodes of an instance, never in the database.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use super::bulk::DataKeySealer;
use super::data_key::DataKey;
use super::derive::{Secret, derive};
use super::seal::SealingKey;
use crate::error::PkiError;
use domain::Entropy;

const FILE_TAG: &str = "iam-kek-v1";
const FILE: &str = "the key-encryption key file";

/// 32 bytes that wrap every other private key of the instance.
pub struct KeyEncryptionKey {
    bytes: Secret,
    sealing: SealingKey,
}

impl std::fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyEncryptionKey({})", self.id())
    }
}

impl KeyEncryptionKey {
    /// A fresh key.
    pub fn generate(entropy: &dyn Entropy) -> Result<Self, PkiError> {
        let mut bytes = Secret::default();
        entropy.fill(bytes.as_mut());
        Self::from_bytes(bytes)
    }

    /// A key held elsewhere, e.g. in a restored backup.
    pub fn from_bytes(bytes: Secret) -> Result<Self, PkiError> {
        let sealing = SealingKey::new(&bytes)?;
        Ok(Self { bytes, sealing })
    }

    /// Reads the file form, one line `iam-kek-v1 <base64url>`. An error never repeats any of the text.
    pub fn from_file_text(text: &str) -> Result<Self, PkiError> {
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(PkiError::malformed(FILE, "it must hold exactly one line"));
        };
        let Some((tag, encoded)) = line.trim().split_once(' ') else {
            return Err(PkiError::malformed(FILE, "its line must be 'iam-kek-v1' and the key in base64url"));
        };
        if tag != FILE_TAG {
            return Err(PkiError::malformed(FILE, "it does not start with 'iam-kek-v1'"));
        }
        let mut bytes = Secret::default();
        match BASE64_URL_SAFE_NO_PAD.decode_slice(encoded.trim(), bytes.as_mut()) {
            Ok(32) => Self::from_bytes(bytes),
            Ok(_) => Err(PkiError::malformed(FILE, "the key must have 32 bytes")),
            Err(_) => Err(PkiError::malformed(FILE, "the key is not base64url of 32 bytes")),
        }
    }

    /// The file form, with its line feed.
    pub fn to_file_text(&self) -> Zeroizing<String> {
        let mut encoded = Zeroizing::new([0; 43]);
        // 32 bytes are always 43 characters, so the slice cannot be too short.
        let _ = BASE64_URL_SAFE_NO_PAD.encode_slice(self.bytes.as_slice(), encoded.as_mut());
        let mut text = Zeroizing::new(String::with_capacity(FILE_TAG.len() + 45));
        text.push_str(FILE_TAG);
        text.push(' ');
        encoded.iter().for_each(|character| text.push(char::from(*character)));
        text.push('\n');
        text
    }

    /// 16 hex digits that name the key without telling it: of SHA-256("kek" || key).
    pub fn id(&self) -> String {
        let mut hasher = openssl::sha::Sha256::new();
        hasher.update(b"kek");
        hasher.update(&*self.bytes);
        crate::text::hex(&hasher.finish()[..8])
    }

    /// Wraps a private key or another secret; `aad` says what it is and whose.
    pub fn wrap(&self, plaintext: &[u8], aad: impl AsRef<[u8]>) -> Result<Vec<u8>, PkiError> {
        self.sealing.seal(plaintext, aad)
    }

    /// Opens what [`KeyEncryptionKey::wrap`] made. Errors with [`PkiError::NotOpened`] when key, bytes or `aad` differ.
    pub fn unwrap(&self, wrapped: &[u8], aad: impl AsRef<[u8]>) -> Result<Zeroizing<Vec<u8>>, PkiError> {
        self.sealing.open(wrapped, aad)
    }

    /// Wraps the data key of an account.
    pub fn wrap_data_key(&self, key: &DataKey, aad: impl AsRef<[u8]>) -> Result<Vec<u8>, PkiError> {
        self.wrap(key.bytes(), aad)
    }

    /// Opens the data key of an account.
    pub fn unwrap_data_key(&self, wrapped: &[u8], aad: impl AsRef<[u8]>) -> Result<DataKey, PkiError> {
        let opened = self.unwrap(wrapped, aad)?;
        let mut bytes = Secret::default();
        if opened.len() != bytes.len() {
            return Err(PkiError::malformed("the data key", "it must have 32 bytes"));
        }
        bytes.copy_from_slice(&opened);
        DataKey::from_bytes(bytes)
    }

    /// The bulk lane: fresh data keys and what is sealed under them, with kept contexts.
    pub fn bulk(&self) -> Result<DataKeySealer, PkiError> {
        DataKeySealer::new(&self.bytes)
    }

    /// A key derived for one purpose (HKDF-SHA256); the label is never used for two.
    pub fn derive(&self, label: &str) -> Result<Secret, PkiError> {
        derive(&*self.bytes, FILE_TAG.as_bytes(), label)
    }
}
