//! The PKCS#11 token in which an instance may keep its signing keys: `keys.provider: pkcs11`.

use std::sync::Arc;
use std::time::Duration;

use domain::{KeyAlgorithm, KeyPurpose};
use pki::provider::pkcs11::{Token, TokenKey, TokenSettings};
use pki::{KeyKind, PkiError, PublicKey, SignatureScheme, Signer};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinHandle;

use super::pin::PinFile;
use crate::settings::KeyProvider;
use crate::store::KeyRow;

/// The longest that anybody waits for a signature.
const DEADLINE: Duration = Duration::from_secs(5);

/// The token, as this node reaches it. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Hsm(Token);

impl Hsm {
    /// The token of the settings; none where keys are made in files. It is not touched yet.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn of(provider: &KeyProvider) -> Result<Option<Self>, PkiError> {
        let KeyProvider::Pkcs11 { module, token, pin_file } = provider else { return Ok(None) };
        let settings = TokenSettings { module: module.clone(), label: token.clone(), deadline: DEADLINE };
        Ok(Some(Self(Token::new(settings, PinFile::at(pin_file.clone()))?)))
    }

    /// Asks for a sign of life, aside from whatever hangs.
    ///
    /// # Errors
    /// [`PkiError::TokenUnavailable`], with what is the matter.
    pub async fn probe(&self) -> Result<(), PkiError> {
        let token = self.0.clone();
        tokio::task::spawn_blocking(move || token.probe()).await.unwrap_or_else(|_| Err(cut_short()))
    }

    /// How the last call ended.
    ///
    /// # Errors
    /// [`PkiError::TokenUnavailable`], with what was the matter.
    pub fn standing(&self) -> Result<(), PkiError> {
        self.0.standing()
    }

    /// The token's label.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.0.settings().label
    }

    /// Makes a key pair, unless keys of this purpose do not belong into the token, or it makes none of this kind and the key may
    /// lie elsewhere.
    pub(super) fn generate(
        &self,
        purpose: KeyPurpose,
        kind: KeyKind,
        name: impl Fn(&PublicKey) -> Result<String, PkiError> + Send + 'static,
    ) -> Result<Option<TokenKey>, PkiError> {
        aside(|| {
            if !belongs(purpose) || (may_lie_elsewhere(purpose) && !self.0.can(kind)?) {
                return Ok(None);
            }
            self.0.generate(kind, name).map(Some)
        })
    }

    /// The key of a row whose private half lies here. The token is asked nothing: whether it has the key shows when it signs.
    pub(super) fn signer(&self, row: &KeyRow, object: &str) -> anyhow::Result<Arc<dyn Signer>> {
        let spki = row.public_key.as_deref().ok_or_else(|| anyhow::anyhow!("{} has no public key", row.kid))?;
        Ok(aside_signer(self.0.key(object, PublicKey::from_spki_der(spki)?)?))
    }

    /// Destroys key pairs on another thread. One that stays is a key that no row names: it signs nothing.
    pub(super) fn destroy_aside(&self, objects: Vec<String>) -> Option<JoinHandle<()>> {
        let token = self.0.clone();
        let destroy = move || {
            for object in objects {
                if let Err(error) = token.destroy(&object) {
                    tracing::warn!(object, %error, "a key pair that came to nothing stays in the token");
                }
            }
        };
        Some(Handle::try_current().ok()?.spawn_blocking(destroy))
    }

    /// Destroys a key pair whose generation is over; gives whether the token had it.
    ///
    /// # Errors
    /// [`PkiError::TokenUnavailable`], with what is the matter.
    pub async fn destroy(&self, object: String) -> Result<bool, PkiError> {
        let token = self.0.clone();
        tokio::task::spawn_blocking(move || token.destroy(&object)).await.unwrap_or_else(|_| Err(cut_short()))
    }

    /// Which of these generations have their private half in the token by what is on record, and not by what is in it.
    ///
    /// # Errors
    /// [`PkiError::TokenUnavailable`], with what is the matter.
    pub async fn lacks(&self, rows: &[KeyRow]) -> Result<Vec<String>, PkiError> {
        let token = self.0.clone();
        let wanted: Vec<_> = rows.iter().filter_map(|row| Some((row.kid.clone(), row.token_object.clone()?))).collect();
        let look = move || {
            let mut lacking = Vec::new();
            for (kid, object) in wanted {
                if token.find(&object)?.is_none() {
                    lacking.push(kid);
                }
            }
            Ok(lacking)
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_else(|_| Err(cut_short()))
    }
}

fn cut_short() -> PkiError {
    PkiError::token_unavailable("the question was cut short")
}

/// Keys that are made in the token: those that sign for the instance. The listeners' key does not: OpenSSL's handshake wants it
/// in memory. Secrets of 32 bytes do not: they are used at every request, and lie under the key-encryption key.
const fn belongs(purpose: KeyPurpose) -> bool {
    match purpose {
        KeyPurpose::TokenSigning
        | KeyPurpose::RootCa
        | KeyPurpose::IssuingCa
        | KeyPurpose::Ocsp
        | KeyPurpose::TimeStamping
        | KeyPurpose::Audit => true,
        KeyPurpose::ServerTls | KeyPurpose::Data | KeyPurpose::BlindIndex | KeyPurpose::Pairwise => false,
    }
}

/// Checkpoints are signed with Ed25519, which not every token makes.
const fn may_lie_elsewhere(purpose: KeyPurpose) -> bool {
    matches!(purpose, KeyPurpose::Audit)
}

/// The kind of key pair that an algorithm signs with.
pub(super) fn kind(algorithm: KeyAlgorithm) -> anyhow::Result<KeyKind> {
    Ok(match algorithm {
        KeyAlgorithm::Es256 => KeyKind::P256,
        KeyAlgorithm::Ps256 => KeyKind::Rsa3072,
        KeyAlgorithm::Ed25519 => KeyKind::Ed25519,
        other => anyhow::bail!("{other} does not sign"),
    })
}

/// A key in the token as this server's tasks use it.
#[derive(Debug)]
struct Aside(TokenKey);

pub(super) fn aside_signer(key: TokenKey) -> Arc<dyn Signer> {
    Arc::new(Aside(key))
}

impl Signer for Aside {
    fn public_key(&self) -> Result<PublicKey, PkiError> {
        self.0.public_key()
    }

    fn sign_with(&self, scheme: SignatureScheme, message: &[u8]) -> Result<Vec<u8>, PkiError> {
        aside(|| self.0.sign_with(scheme, message))
    }
}

/// Waits for the token without keeping other tasks from this thread.
fn aside<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_signs_is_made_in_the_token_and_what_is_needed_in_memory_is_not() {
        for purpose in KeyPurpose::ALL {
            let signs =
                !matches!(purpose, KeyPurpose::ServerTls | KeyPurpose::Data | KeyPurpose::BlindIndex | KeyPurpose::Pairwise);
            assert_eq!(belongs(*purpose), signs, "{purpose}");
        }
    }
}
