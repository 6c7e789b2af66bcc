//! Key providers: the key-encryption key of a node, what is sealed under it, and what is derived from it.
//!
//! Everything secret here is wiped when dropped: byte keys by `zeroize`, key schedules and hash states by OpenSSL, which
//! cleanses a context when it frees it.

mod bulk;
mod data_key;
mod derive;
mod kek;
mod mac;
mod ring;
mod seal;

#[cfg(feature = "pkcs11")]
pub mod pkcs11;

pub use bulk::{DataKeySealer, SealedAccount};
pub use data_key::{DataKey, SEALED_DATA_KEY_LENGTH};
pub use derive::{Secret, derive};
pub use kek::KeyEncryptionKey;
pub use mac::{BLIND_INDEX_LENGTH, BlindIndex, MacKey};
pub use ring::KeyRing;
pub use seal::{Aad, SEAL_OVERHEAD, SealingKey};
