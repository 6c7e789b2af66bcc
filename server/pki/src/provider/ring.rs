//! The key-encryption keys of a node: the one that wraps, and beside it, while a rotation is under way, the one before or after
//! it. What each of them wrapped names it by its id.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::kek::KeyEncryptionKey;
use crate::error::PkiError;

/// More than these are never in use at once; a file of more is none of ours.
const MOST: usize = 8;
const FILE: &str = "the key-encryption key file";

/// Key-encryption keys by their ids, each once; never empty.
#[derive(Clone, Debug)]
pub struct KeyRing(Vec<Arc<KeyEncryptionKey>>);

impl KeyRing {
    /// One key alone.
    #[must_use]
    pub fn of(key: impl Into<Arc<KeyEncryptionKey>>) -> Self {
        Self(vec![key.into()])
    }

    /// Reads the file form: one line `iam-kek-v1 <base64url>` a key. An error never repeats any of the text.
    ///
    /// # Errors
    /// When there is no line, a line that is none, or the same key twice.
    pub fn from_file_text(text: &str) -> Result<Self, PkiError> {
        let mut keys: Vec<Arc<KeyEncryptionKey>> = Vec::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            let key = KeyEncryptionKey::from_file_text(line)?;
            if keys.len() == MOST {
                return Err(PkiError::malformed(FILE, "it holds more keys than are ever in use at once"));
            }
            if keys.iter().any(|there| there.id() == key.id()) {
                return Err(PkiError::malformed(FILE, "it holds the same key twice"));
            }
            keys.push(Arc::new(key));
        }
        if keys.is_empty() {
            return Err(PkiError::malformed(FILE, "it holds no key"));
        }
        Ok(Self(keys))
    }

    /// The file form, a line a key.
    #[must_use]
    pub fn to_file_text(&self) -> Zeroizing<String> {
        // Its room is reserved: a text that grows leaves copies of itself behind.
        let lines: Vec<_> = self.0.iter().map(|key| key.to_file_text()).collect();
        let mut text = Zeroizing::new(String::with_capacity(lines.iter().map(|line| line.len()).sum()));
        lines.iter().for_each(|line| text.push_str(line));
        text
    }

    /// The key of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Arc<KeyEncryptionKey>> {
        self.0.iter().find(|key| key.id() == id)
    }

    /// The ids, in the order of the file.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.0.iter().map(|key| key.id()).collect()
    }

    /// The keys, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<KeyEncryptionKey>> {
        self.0.iter()
    }

    /// With one more, unless it is there.
    #[must_use]
    pub fn with(&self, key: Arc<KeyEncryptionKey>) -> Self {
        let mut keys = self.0.clone();
        if self.get(&key.id()).is_none() {
            keys.push(key);
        }
        Self(keys)
    }

    /// Only those that `stays` says of; none when that leaves nothing.
    #[must_use]
    pub fn only(&self, stays: impl Fn(&str) -> bool) -> Option<Self> {
        let keys: Vec<_> = self.0.iter().filter(|key| stays(&key.id())).cloned().collect();
        (!keys.is_empty()).then_some(Self(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> KeyEncryptionKey {
        KeyEncryptionKey::from_bytes(Zeroizing::new([byte; 32])).unwrap()
    }

    #[test]
    fn a_file_of_several_keys_gives_them_back_and_an_old_one_is_a_file_of_one() {
        let ring = KeyRing::of(key(1)).with(Arc::new(key(2))).with(Arc::new(key(1)));
        assert_eq!(ring.ids(), [key(1).id(), key(2).id()]);
        let text = ring.to_file_text();
        assert_eq!(text.lines().count(), 2);
        assert_eq!(KeyRing::from_file_text(&text).unwrap().ids(), ring.ids());
        assert_eq!(KeyRing::from_file_text(&key(1).to_file_text()).unwrap().ids(), [key(1).id()]);
        let wrapped = key(2).wrap(b"x", b"a").unwrap();
        assert_eq!(&**ring.get(&key(2).id()).unwrap().unwrap(&wrapped, b"a").unwrap(), b"x");
        assert!(ring.get("0000000000000000").is_none());
    }

    #[test]
    fn a_key_leaves_and_the_last_one_stays() {
        let ring = KeyRing::of(key(1)).with(Arc::new(key(2)));
        assert_eq!(ring.only(|id| id == key(2).id()).unwrap().ids(), [key(2).id()]);
        assert!(ring.only(|_| false).is_none());
    }

    #[test]
    fn a_broken_file_is_refused_without_repeating_it() {
        let line = key(1).to_file_text();
        for (text, why) in [
            (String::new(), "it holds no key"),
            (line.repeat(2), "it holds the same key twice"),
            (format!("{}iam-kek-v2 secret", *line), "it does not start with 'iam-kek-v1'"),
            (
                (1..=9).map(|byte| key(byte).to_file_text().to_string()).collect(),
                "it holds more keys than are ever in use at once",
            ),
        ] {
            let fault = KeyRing::from_file_text(&text).unwrap_err();
            assert_eq!(fault.to_string(), format!("the key-encryption key file is malformed: {why}"));
        }
    }
}
