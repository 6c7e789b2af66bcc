//! The bulk lane of import and population: per account a fresh data key, wrapped, and a profile sealed under it.

use openssl::cipher_ctx::CipherCtx;
use zeroize::{Zeroize, Zeroizing};

use super::data_key::SEALED_DATA_KEY_LENGTH;
use super::derive::Secret;
use super::seal::{NONCE, SEAL_OVERHEAD, seal_into, sealing_context};
use crate::error::{Doing, PkiError};

/// What is stored of one account: both openable only with the key-encryption key.
#[derive(Debug)]
pub struct SealedAccount {
    /// The data key under the key-encryption key, as [`super::KeyEncryptionKey::unwrap_data_key`] reads it.
    pub data_key: [u8; SEALED_DATA_KEY_LENGTH],
    /// The profile under the data key, as [`super::DataKey::open`] reads it.
    pub profile: Vec<u8>,
}

/// Seals accounts one after the other with two kept contexts and a pool of random bytes. One per worker thread.
pub struct DataKeySealer {
    wrapping: CipherCtx,
    sealing: CipherCtx,
    random: RandomPool,
}

impl std::fmt::Debug for DataKeySealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DataKeySealer(…)")
    }
}

impl DataKeySealer {
    pub(super) fn new(key: &[u8; 32]) -> Result<Self, PkiError> {
        Ok(Self { wrapping: sealing_context(Some(key))?, sealing: sealing_context(None)?, random: RandomPool::new() })
    }

    /// Draws a data key, wraps it, and seals `profile` under it.
    pub fn seal(
        &mut self,
        profile: &[u8],
        data_key_aad: impl AsRef<[u8]>,
        profile_aad: impl AsRef<[u8]>,
    ) -> Result<SealedAccount, PkiError> {
        let mut key = Secret::default();
        let mut nonces = [[0; NONCE]; 2];
        self.random.take(key.as_mut())?;
        self.random.take(&mut nonces[0])?;
        self.random.take(&mut nonces[1])?;
        let mut data_key = [0; SEALED_DATA_KEY_LENGTH];
        seal_into(&mut self.wrapping, None, &nonces[0], &key[..], data_key_aad.as_ref(), &mut data_key)?;
        let mut sealed = vec![0; SEAL_OVERHEAD + profile.len()];
        seal_into(&mut self.sealing, Some(&key), &nonces[1], profile, profile_aad.as_ref(), &mut sealed)?;
        Ok(SealedAccount { data_key, profile: sealed })
    }
}

/// Random bytes drawn by the page: a draw has a fixed cost that would otherwise exceed both seals.
struct RandomPool {
    bytes: Zeroizing<[u8; Self::SIZE]>,
    used: usize,
}

impl RandomPool {
    const SIZE: usize = 4096;

    fn new() -> Self {
        Self { bytes: Zeroizing::new([0; Self::SIZE]), used: Self::SIZE }
    }

    /// Fills `out`, at most a page, and wipes what it hands out.
    fn take(&mut self, out: &mut [u8]) -> Result<(), PkiError> {
        if Self::SIZE - self.used < out.len() {
            openssl::rand::rand_priv_bytes(self.bytes.as_mut()).doing("draw random bytes")?;
            self.used = 0;
        }
        let source = &mut self.bytes[self.used..self.used + out.len()];
        out.copy_from_slice(source);
        source.zeroize();
        self.used += out.len();
        Ok(())
    }
}
