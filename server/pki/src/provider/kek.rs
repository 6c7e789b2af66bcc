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

    /// Wraps another key-encryption key: whoever holds the one then holds the other.
    pub fn wrap_key(&self, other: &KeyEncryptionKey, aad: impl AsRef<[u8]>) -> Result<Vec<u8>, PkiError> {
        self.wrap(&other.bytes[..], aad)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use super::super::seal::Aad;
    use super::*;

    /// Another byte with every draw.
    #[derive(Default)]
    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(self.0.fetch_add(1, Ordering::Relaxed));
        }
    }

    fn key() -> KeyEncryptionKey {
        KeyEncryptionKey::generate(&Counting::default()).unwrap()
    }

    #[test]
    fn the_file_says_what_it_is_and_gives_the_key_back() {
        let text = key().to_file_text();
        assert_eq!(*text, "iam-kek-v1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
        let read = KeyEncryptionKey::from_file_text(&text).unwrap();
        assert_eq!(read.id(), key().id());
        assert_eq!(&**read.unwrap(&key().wrap(b"x", b"a").unwrap(), b"a").unwrap(), b"x");
        KeyEncryptionKey::from_file_text("\r\niam-kek-v1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\n").unwrap();
    }

    #[test]
    fn a_broken_file_is_refused_without_repeating_it() {
        let encoded = "secretsecretsecretsecretsecretsecretsecrets";
        for (text, why) in [
            (String::new(), "it must hold exactly one line"),
            (format!("iam-kek-v1 {encoded}\niam-kek-v1 {encoded}\n"), "it must hold exactly one line"),
            (encoded.to_owned(), "its line must be 'iam-kek-v1' and the key in base64url"),
            (format!("iam-kek-v2 {encoded}"), "it does not start with 'iam-kek-v1'"),
            (format!("iam-kek-v1 {encoded}A"), "the key is not base64url of 32 bytes"),
            (format!("iam-kek-v1 {}", &encoded[..42]), "the key is not base64url of 32 bytes"),
            (format!("iam-kek-v1 {}", &encoded[..40]), "the key must have 32 bytes"),
            (format!("iam-kek-v1 {}=", &encoded[..42]), "the key is not base64url of 32 bytes"),
        ] {
            let fault = KeyEncryptionKey::from_file_text(&text).unwrap_err();
            assert_eq!(fault.to_string(), format!("the key-encryption key file is malformed: {why}"));
        }
    }

    #[test]
    fn its_id_names_it_and_its_debug_shows_no_more() {
        let key = key();
        let mut named = b"kek".to_vec();
        named.extend([0; 32]);
        assert_eq!(key.id(), crate::text::hex(&openssl::sha::sha256(&named))[..16]);
        assert_eq!(format!("{key:?}"), format!("KeyEncryptionKey({})", key.id()));
    }

    #[test]
    fn a_private_key_survives_wrapping_and_opens_under_its_own_name_only() {
        let kek = key();
        let private = crate::generate::PrivateKey::generate(crate::generate::KeyKind::P256).unwrap();
        let aad = |kid: &str| Aad::of("key.private").and("demo").and(kid);
        let wrapped = kek.wrap(&private.to_pkcs8_der().unwrap(), aad("k1")).unwrap();
        let opened = kek.unwrap(&wrapped, aad("k1")).unwrap();
        let read = crate::generate::PrivateKey::from_pkcs8_der(&opened).unwrap();
        assert_eq!(read.public().unwrap(), private.public().unwrap());
        assert!(matches!(kek.unwrap(&wrapped, aad("k2")), Err(PkiError::NotOpened)));
    }

    #[test]
    fn a_data_key_opens_what_it_sealed_and_its_destruction_is_final() {
        let kek = key();
        let data_key = DataKey::generate().unwrap();
        let wrapped = kek.wrap_data_key(&data_key, b"account 1").unwrap();
        assert_eq!(wrapped.len(), crate::provider::SEALED_DATA_KEY_LENGTH);
        let note = data_key.seal(b"lost at Harbour Road", b"note").unwrap();
        let again = kek.unwrap_data_key(&wrapped, b"account 1").unwrap();
        assert_eq!(&**again.open(&note, b"note").unwrap(), b"lost at Harbour Road");
        assert!(matches!(kek.unwrap_data_key(&wrapped, b"account 2"), Err(PkiError::NotOpened)));
        assert!(matches!(DataKey::generate().unwrap().open(&note, b"note"), Err(PkiError::NotOpened)));
        // Something else that was wrapped is not taken for a data key.
        let other = kek.wrap(b"no key", b"account 1").unwrap();
        assert!(matches!(kek.unwrap_data_key(&other, b"account 1"), Err(PkiError::Malformed { .. })));
    }

    #[test]
    fn the_bulk_lane_seals_what_the_ordinary_one_opens() {
        let kek = key();
        let mut bulk = kek.bulk().unwrap();
        let mut seen = std::collections::BTreeSet::new();
        // More accounts than one page of random bytes serves.
        for account in 0u64..500 {
            let profile = vec![account as u8; account as usize % 300];
            let (key_aad, profile_aad) =
                (Aad::of("account.data-key").and(account.to_be_bytes()), Aad::of("account.profile").and(account.to_be_bytes()));
            let sealed = bulk.seal(&profile, &key_aad, &profile_aad).unwrap();
            let data_key = kek.unwrap_data_key(&sealed.data_key, &key_aad).unwrap();
            assert_eq!(*data_key.open(&sealed.profile, &profile_aad).unwrap(), profile);
            assert!(data_key.open(&sealed.profile, &key_aad).is_err());
            assert!(seen.insert(*data_key.bytes()), "every account has a key of its own");
            assert!(seen.insert(std::array::from_fn(|at| if at < 12 { sealed.profile[at] } else { 0 })), "and a nonce");
        }
    }

    #[test]
    fn a_bulk_lane_may_move_to_a_worker_thread() {
        let kek = key();
        let mut bulk = kek.bulk().unwrap();
        let sealed = std::thread::scope(|scope| scope.spawn(|| bulk.seal(b"p", b"k", b"a").unwrap()).join().unwrap());
        assert_eq!(&**kek.unwrap_data_key(&sealed.data_key, b"k").unwrap().open(&sealed.profile, b"a").unwrap(), b"p");
    }

    #[test]
    fn derived_keys_differ_by_label_and_from_the_key_itself() {
        let kek = key();
        let pairwise = kek.derive("pairwise").unwrap();
        assert_eq!(pairwise, kek.derive("pairwise").unwrap());
        assert_ne!(pairwise, kek.derive("blind-index.hkic").unwrap());
        assert_ne!(*pairwise, [0; 32]);
    }
}
