//! What every commit needs of the keys. It comes from the secret under which request bodies are digested, and so stays as it is
//! when the key-encryption key is rotated: a reply that was kept before is given after.

use pki::provider::derive;
use pki::{Instance, KeyRing, MacKey, PkiError, SealingKey};

/// Vouches for entries of the audit log until they are sealed; seals and opens the replies that are kept for repetition.
pub struct LedgerKeys {
    entries: MacKey,
    replies: SealingKey,
    people: SealingKey,
    /// Older versions of iamd sealed them under the key-encryption key itself. They are forgotten after two days.
    earlier: Vec<SealingKey>,
}

impl LedgerKeys {
    /// Out of the secret of the request bodies; `ring` opens what older versions of iamd have kept.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn of(payloads: &[u8], instance: &Instance, ring: &KeyRing) -> Result<Self, PkiError> {
        let earlier = ring.iter().map(|kek| SealingKey::new(&*kek.derive("idempotency.reply")?));
        let salt = instance.id().as_bytes();
        Ok(Self {
            entries: MacKey::new(&derive(payloads, salt, "audit.entry")?[..])?,
            replies: SealingKey::new(&*derive(payloads, salt, "idempotency.reply")?)?,
            people: SealingKey::new(&*derive(payloads, salt, "registration.person")?)?,
            earlier: earlier.collect::<Result<_, _>>()?,
        })
    }

    /// Keyed digest of an entry that waits to be sealed, with its id: whoever has the database alone can neither write an entry
    /// of their own nor change one that waits.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn entry_mac(&self, id: &[u8; 16], leaf: &[u8]) -> Result<[u8; 32], PkiError> {
        self.entries.mac_parts(&[id, leaf])
    }

    /// Whether that is an entry's digest; compared in constant time.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn vouches(&self, id: &[u8], leaf: &[u8], mac: &[u8]) -> Result<bool, PkiError> {
        if id.len() != 16 {
            // With another length the border between id and leaf would be somewhere else.
            return Ok(false);
        }
        self.entries.verifies_parts(&[id, leaf], mac)
    }

    /// Seals a person who has no account yet, for as long as their device is waited for.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn seal_person(&self, person: &[u8], registration: &[u8; 16]) -> Result<Vec<u8>, PkiError> {
        self.people.seal(person, registration)
    }

    /// Opens one.
    ///
    /// # Errors
    /// [`PkiError::NotOpened`] when it was changed, or is another registration's.
    pub fn open_person(&self, sealed: &[u8], registration: &[u8; 16]) -> Result<zeroize::Zeroizing<Vec<u8>>, PkiError> {
        self.people.open(sealed, registration)
    }

    /// Seals a reply.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn seal_reply(&self, reply: &[u8], aad: impl AsRef<[u8]>) -> Result<Vec<u8>, PkiError> {
        self.replies.seal(reply, aad)
    }

    /// Opens one.
    ///
    /// # Errors
    /// [`PkiError::NotOpened`] when it was changed, or is not of this instance.
    pub fn open_reply(&self, sealed: &[u8], aad: impl AsRef<[u8]>) -> Result<zeroize::Zeroizing<Vec<u8>>, PkiError> {
        let aad = aad.as_ref();
        let opened = self.replies.open(sealed, aad);
        match opened {
            Err(PkiError::NotOpened) => self.earlier.iter().find_map(|key| key.open(sealed, aad).ok()).ok_or(PkiError::NotOpened),
            opened => opened,
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Environment;
    use pki::KeyEncryptionKey;

    use super::*;

    fn ring(byte: u8) -> KeyRing {
        KeyRing::of(KeyEncryptionKey::from_bytes([byte; 32].into()).unwrap())
    }

    #[test]
    fn a_kept_reply_outlives_the_key_encryption_key() {
        let instance = Instance::new("demo", Environment::Sandbox, "http://pki.iam.example").unwrap();
        let before = LedgerKeys::of(b"payloads", &instance, &ring(1)).unwrap();
        let sealed = before.seal_reply(b"{}", b"aad").unwrap();
        let after = LedgerKeys::of(b"payloads", &instance, &ring(2)).unwrap();
        assert_eq!(&**after.open_reply(&sealed, b"aad").unwrap(), b"{}");
        assert!(matches!(after.open_reply(&sealed, b"other"), Err(PkiError::NotOpened)));
    }

    #[test]
    fn what_an_older_version_has_kept_opens_under_the_key_it_was_sealed_with() {
        let instance = Instance::new("demo", Environment::Sandbox, "http://pki.iam.example").unwrap();
        let older = KeyEncryptionKey::from_bytes([1; 32].into()).unwrap().derive("idempotency.reply").unwrap();
        let sealed = SealingKey::new(&older).unwrap().seal(b"{}", b"aad").unwrap();
        let both = ring(2).with(std::sync::Arc::new(KeyEncryptionKey::from_bytes([1; 32].into()).unwrap()));
        assert_eq!(&**LedgerKeys::of(b"payloads", &instance, &both).unwrap().open_reply(&sealed, b"aad").unwrap(), b"{}");
        let opened = LedgerKeys::of(b"payloads", &instance, &ring(2)).unwrap().open_reply(&sealed, b"aad");
        assert!(matches!(opened, Err(PkiError::NotOpened)));
    }
}
