//! Pairwise subjects (OpenID Connect Core 1.0, section 8.1): the sector is the relying party, not the service.

use domain::RelyingPartyId;
use pki::provider::derive;
use pki::{MacKey, PkiError};
use uuid::Uuid;

/// The active generation of the key of pairwise subjects.
pub struct SubjectKey {
    kid: String,
    key: MacKey,
}

impl SubjectKey {
    pub(super) fn of(kid: String, secret: &[u8], salt: &[u8]) -> Result<Self, PkiError> {
        Ok(Self { kid, key: MacKey::new(&derive(secret, salt, "pairwise.subject")?[..])? })
    }

    /// Which generation it is. A subject is stored with it when a party first meets a citizen, and stays when another takes over.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// By what name a party knows the account: 16 bytes, equal for all services of the party.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn subject(&self, rp: &RelyingPartyId, account: Uuid) -> Result<[u8; 16], PkiError> {
        // No id of a party holds a zero byte: the border between the parts is where it is.
        let mac = self.key.mac_parts(&[rp.as_str().as_bytes(), &[0], account.as_bytes()])?;
        let mut subject = [0; 16];
        subject.copy_from_slice(&mac[..16]);
        Ok(subject)
    }
}
