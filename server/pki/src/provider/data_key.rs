//! The data key of one account: destroying its sealed form erases the person.

use zeroize::Zeroizing;

use super::derive::Secret;
use super::seal::{SEAL_OVERHEAD, SealingKey};
use crate::error::{Doing, PkiError};

/// Bytes of a data key sealed under a key-encryption key: nonce, 32 bytes, tag.
pub const SEALED_DATA_KEY_LENGTH: usize = 32 + SEAL_OVERHEAD;

/// The AES-256-GCM key under which everything personal of one account is sealed.
pub struct DataKey {
    bytes: Secret,
    sealing: SealingKey,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKey(…)")
    }
}

impl DataKey {
    /// A fresh key out of OpenSSL's private generator.
    pub fn generate() -> Result<Self, PkiError> {
        let mut bytes = Secret::default();
        openssl::rand::rand_priv_bytes(bytes.as_mut()).doing("draw a data key")?;
        Self::from_bytes(bytes)
    }

    pub(super) fn from_bytes(bytes: Secret) -> Result<Self, PkiError> {
        let sealing = SealingKey::new(&bytes)?;
        Ok(Self { bytes, sealing })
    }

    pub(super) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Seals one field group; `aad` names instance, account and group.
    pub fn seal(&self, plaintext: &[u8], aad: impl AsRef<[u8]>) -> Result<Vec<u8>, PkiError> {
        self.sealing.seal(plaintext, aad)
    }

    /// Opens one field group. Errors with [`PkiError::NotOpened`] when key, bytes or `aad` differ.
    pub fn open(&self, sealed: &[u8], aad: impl AsRef<[u8]>) -> Result<Zeroizing<Vec<u8>>, PkiError> {
        self.sealing.open(sealed, aad)
    }
}
