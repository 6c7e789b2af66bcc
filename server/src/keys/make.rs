//! Making signing keys where the instance keeps them: wrapped in the database, or in the token.

use std::ops::Deref;
use std::sync::Arc;

use domain::Timestamp;
use pki::{Instance, KeyEncryptionKey, PkiError, PrivateKey, PublicKey, Signer};
use tokio::task::JoinHandle;

use super::hsm::{Hsm, aside_signer, kind};
use super::{Kid, Slot, aad, row};
use crate::app::{Caller, Keep};
use crate::store::KeyRow;

/// What keys are made with.
#[derive(Clone, Copy)]
pub(crate) struct KeyMaker<'a> {
    /// What private keys in the database lie under.
    pub kek: &'a KeyEncryptionKey,
    /// Whose keys they are.
    pub instance: &'a Instance,
    /// Where they are made, if not here.
    pub hsm: Option<&'a Hsm>,
}

/// A generation, published and not yet stored, and its key, which can sign already: an authority signs itself.
pub(crate) struct MadeKey {
    /// The row.
    pub row: KeyRow,
    /// The key.
    pub signer: Arc<dyn Signer>,
}

impl KeyMaker<'_> {
    /// Makes the key of a generation.
    ///
    /// # Errors
    /// When OpenSSL fails, the algorithm does not sign, or the token cannot be reached.
    pub(crate) fn make(self, slot: Slot<'_>, kid: Kid<'_>, now: Timestamp) -> anyhow::Result<MadeKey> {
        let Some(hsm) = self.hsm else { return self.make_here(slot, kid, now) };
        // For people who look at the token with its own tools; it may hold keys of several instances.
        let (instance, named) = (self.instance.id().to_owned(), kid.named().map(str::to_owned));
        let label = move |public: &PublicKey| -> Result<String, PkiError> {
            let kid = named.clone().map_or_else(|| public.thumbprint(), Ok)?;
            Ok(format!("{instance}/{kid}"))
        };
        let Some(key) = hsm.generate(slot.purpose, kind(slot.algorithm)?, label)? else {
            return self.make_here(slot, kid, now);
        };
        let public = key.public_key()?;
        let row = KeyRow {
            public_key: Some(public.spki_der().to_vec()),
            token_object: Some(key.object()),
            ..row(slot, &kid.of(&public)?, None, None, now)
        };
        Ok(MadeKey { row, signer: aside_signer(key) })
    }

    fn make_here(self, slot: Slot<'_>, kid: Kid<'_>, now: Timestamp) -> anyhow::Result<MadeKey> {
        let key = PrivateKey::generate(kind(slot.algorithm)?)?;
        let public = key.public()?;
        let kid = kid.of(&public)?;
        let sealed = self.kek.wrap(&key.to_pkcs8_der()?, aad(self.instance, &kid))?;
        let row = KeyRow { public_key: Some(public.spki_der().to_vec()), ..row(slot, &kid, Some(sealed), Some(self.kek), now) };
        Ok(MadeKey { row, signer: key.into() })
    }
}

impl<'a> Kid<'a> {
    fn named(self) -> Option<&'a str> {
        match self {
            Self::Thumbprint => None,
            Self::Named(name) => Some(name),
        }
    }

    fn of(self, public: &PublicKey) -> Result<String, PkiError> {
        self.named().map_or_else(|| public.thumbprint(), |name| Ok(name.to_owned()))
    }
}

/// Fresh generations that may come to nothing: somebody was faster, or it was a dry run. What lies in the database then is gone
/// with the transaction; a pair in the token is destroyed here.
pub(crate) struct FreshKeys {
    rows: Vec<KeyRow>,
    hsm: Option<Hsm>,
}

impl FreshKeys {
    pub(crate) fn new(rows: Vec<KeyRow>, hsm: Option<Hsm>) -> Self {
        Self { rows, hsm }
    }

    pub(crate) fn none() -> Self {
        Self::new(Vec::new(), None)
    }

    /// Keeps those that are wanted.
    pub(crate) fn retain(&mut self, wanted: impl Fn(&KeyRow) -> bool) {
        let (kept, unwanted) = std::mem::take(&mut self.rows).into_iter().partition(wanted);
        self.rows = kept;
        drop(self.destroy(unwanted));
    }

    /// Where they are made, if not here.
    pub(crate) fn hsm(&self) -> Option<Hsm> {
        self.hsm.clone()
    }

    /// Takes one in.
    pub(crate) fn push(&mut self, row: &KeyRow) {
        self.rows.push(row.clone());
    }

    /// They are stored, or may be.
    pub(crate) fn kept(mut self) {
        self.rows.clear();
    }

    /// They are not stored: destroys them, and waits until it is done.
    pub(crate) async fn destroyed(mut self) {
        let rows = std::mem::take(&mut self.rows);
        if let Some(destroying) = self.destroy(rows) {
            let _ = destroying.await;
        }
    }

    /// From here on the database may name them, whatever its answer is: to be said right before a transaction is committed.
    pub(crate) fn hand_over(self, caller: &Caller) {
        if caller.keep == Keep::Effects {
            self.kept();
        }
    }

    fn destroy(&self, rows: Vec<KeyRow>) -> Option<JoinHandle<()>> {
        let objects: Vec<String> = rows.into_iter().filter_map(|row| row.token_object).collect();
        self.hsm.as_ref().filter(|_| !objects.is_empty())?.destroy_aside(objects)
    }
}

impl Deref for FreshKeys {
    type Target = [KeyRow];

    fn deref(&self) -> &[KeyRow] {
        &self.rows
    }
}

impl Drop for FreshKeys {
    fn drop(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        drop(self.destroy(rows));
    }
}
