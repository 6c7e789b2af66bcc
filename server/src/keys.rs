//! The keys of the instance as operations use them: they seal, sign, look up and unwrap here, and no private key goes out.
//!
//! Every private key lies wrapped in the database under a key-encryption key, which is in a file of the node beside it; with
//! `keys.provider: pkcs11`, those that sign lie in a token instead ([`Hsm`]). The names of the lines of generations are
//! constants of this file. What is unlocked changes while the node runs ([`refresh`]): whoever needs several things that
//! belong together takes [`Keys::now`] once.

mod handles;
mod hsm;
mod index;
mod ledger;
mod make;
mod pin;
mod refresh;
mod subjects;
mod unlocked;
pub mod watch;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use domain::{Hkic, KeyAlgorithm, KeyPurpose, KeyState, Phone, Timestamp};
use pki::checkpoint::{NoteSigner, VerifierKey};
pub use pki::hex;
use pki::{
    Aad, Authority, AuthorityName, Certificate, Instance, KeyEncryptionKey, KeyRing, PkiError, PrivateKey, PublicKey, Secret,
    Signer,
};
use zeroize::Zeroizing;

pub use handles::{HandleKeys, ReadCode};
pub use hsm::Hsm;
pub(crate) use index::index_generation;
pub use index::{IndexKeys, Indexes, LookUp};
pub use ledger::LedgerKeys;
pub(crate) use make::{FreshKeys, KeyMaker, MadeKey};
pub use pin::PinForOnce;
pub use subjects::SubjectKey;
pub use unlocked::Unlocked;

use crate::store::KeyRow;

/// Line of the token-signing keys.
pub const TOKENS: &str = "tokens";
/// Line of the authority for operators.
pub const OPERATORS: &str = "operators";
/// Line of the authority for our own servers.
pub const SERVERS: &str = "servers";
/// Line of the authority for relying parties.
pub const RELYING_PARTIES: &str = "relying-parties";
/// Line of the authority for citizens.
pub const CITIZENS: &str = "citizens";
/// Line of the key of the time-stamping service.
pub const STAMPS: &str = "stamps";
/// Line of the root authority.
pub const ROOT: &str = "root";
/// Line of the key of the TLS listeners.
pub const LISTENERS: &str = "listeners";
/// Line of the key that signs checkpoints.
pub const CHECKPOINTS: &str = "checkpoints";
/// Line of the secret under which request bodies are digested for the audit log.
pub const PAYLOADS: &str = "payloads";
/// Line of the secret of the look-up columns.
pub const PEOPLE: &str = "people";
/// Line of the secret of pairwise subjects.
pub const SUBJECTS: &str = "subjects";
/// Line of the key-encryption key.
pub const ACCOUNTS: &str = "accounts";

/// The keys, unlocked.
pub struct Keys {
    instance: Instance,
    unlocked: ArcSwap<Unlocked>,
    authorities: Mutex<HashMap<String, Arc<Authority>>>,
    /// Ids of the key-encryption keys that the node's key file holds.
    in_file: Mutex<Vec<String>>,
    hsm: Option<Hsm>,
}

impl Keys {
    /// Unlocks the secrets among `rows`, which are the generations of the instance.
    ///
    /// # Errors
    /// When a row is missing or does not open under a key-encryption key of this ring.
    pub fn unlock(ring: KeyRing, instance: Instance, rows: &[KeyRow]) -> anyhow::Result<Self> {
        let in_file = Mutex::new(ring.ids());
        let unlocked = Unlocked::of(ring, &instance, rows)?;
        Ok(Self { instance, unlocked: ArcSwap::from_pointee(unlocked), authorities: Mutex::default(), in_file, hsm: None })
    }

    /// With the token that this node reaches.
    #[must_use]
    pub fn with_hsm(self, hsm: Option<Hsm>) -> Self {
        Self { hsm, ..self }
    }

    /// The token, where keys are made in one.
    #[must_use]
    pub fn hsm(&self) -> Option<&Hsm> {
        self.hsm.as_ref()
    }

    /// What is unlocked at this moment; it stays as it is, whatever changes meanwhile.
    #[must_use]
    pub fn now(&self) -> Arc<Unlocked> {
        self.unlocked.load_full()
    }

    /// The instance as certificates name it.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// Keyed digest of a request's body, lower-case hex: a plain one would let an HKIC number be found by trying them all.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn payload_mac(&self, body: &[u8]) -> Result<String, PkiError> {
        Ok(hex(&self.body_mac(body)?))
    }

    /// The same as bytes.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn body_mac(&self, body: &[u8]) -> Result<[u8; 32], PkiError> {
        self.unlocked.load().body_mac(body)
    }

    /// Keyed digest of an audit entry that waits to be sealed, with its id.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn entry_mac(&self, id: &[u8; 16], leaf: &[u8]) -> Result<[u8; 32], PkiError> {
        self.unlocked.load().ledger().entry_mac(id, leaf)
    }

    /// What is stored of an enrolment code.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn enrolment_mac(&self, code: &str) -> Result<[u8; 32], PkiError> {
        self.unlocked.load().enrolment_mac(code)
    }

    /// Look-up value of a card number under the active generation.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn hkic_index(&self, hkic: &Hkic) -> Result<[u8; 16], PkiError> {
        self.unlocked.load().indexes().active.hkic(hkic)
    }

    /// Look-up value of a phone number under the active generation.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn phone_index(&self, phone: &Phone) -> Result<[u8; 16], PkiError> {
        self.unlocked.load().indexes().active.phone(phone)
    }

    /// Secret from which the pseudonym key of each month is derived.
    #[must_use]
    pub fn pseudonym_secret(&self) -> Secret {
        self.unlocked.load().pseudonym_secret().clone()
    }

    /// The authority of a stored generation, ready to issue. Opened once: which one issues is read from the database each time.
    ///
    /// # Errors
    /// When the row is none or does not open.
    pub fn authority(&self, row: &KeyRow) -> anyhow::Result<Arc<Authority>> {
        let opened = self.authorities.lock().unwrap_or_else(PoisonError::into_inner).get(&row.kid).cloned();
        if let Some(authority) = opened.filter(|known| row.certificate.as_deref() == Some(known.certificate().der())) {
            return Ok(authority);
        }
        let name: AuthorityName = row.kid.parse()?;
        let der = row.certificate.as_deref().ok_or_else(|| anyhow::anyhow!("{} has no certificate", row.kid))?;
        let authority = Arc::new(Authority::load(&self.instance, name, Certificate::from_der(der)?, self.signer(row)?)?);
        self.authorities.lock().unwrap_or_else(PoisonError::into_inner).insert(row.kid.clone(), Arc::clone(&authority));
        Ok(authority)
    }

    /// Signs checkpoints.
    ///
    /// # Errors
    /// When the row does not open.
    pub fn checkpoint_signer(&self, row: &KeyRow) -> anyhow::Result<NoteSigner> {
        Ok(NoteSigner::new(&self.log_origin(), self.signer(row)?)?)
    }

    /// What checkpoints are verified with.
    ///
    /// # Errors
    /// When the row has no public key.
    pub fn checkpoint_verifier(&self, row: &KeyRow) -> anyhow::Result<VerifierKey> {
        let spki = row.public_key.as_deref().ok_or_else(|| anyhow::anyhow!("{} has no public key", row.kid))?;
        Ok(VerifierKey::new(&self.log_origin(), &PublicKey::from_spki_der(spki)?)?)
    }

    /// The log's origin line: who it belongs to, the same for ever.
    pub(crate) fn log_origin(&self) -> String {
        format!("iam-audit-{}", self.instance.id())
    }

    /// The private key of the TLS listeners; for the TLS context alone.
    ///
    /// # Errors
    /// When the row does not open.
    pub(crate) fn listener_key(&self, row: &KeyRow) -> anyhow::Result<PrivateKey> {
        self.private(row)
    }

    fn private(&self, row: &KeyRow) -> anyhow::Result<PrivateKey> {
        Ok(PrivateKey::from_pkcs8_der(&open(self.unlocked.load().ring(), &self.instance, row)?)?)
    }

    /// The key-encryption key in its row.
    ///
    /// # Errors
    /// When the row does not open, or holds another one.
    pub(crate) fn kek_in(&self, row: &KeyRow) -> anyhow::Result<KeyEncryptionKey> {
        unlocked::taken_out(self.unlocked.load().ring(), &self.instance, row)
    }

    /// The key of a generation, to sign with: here, or in the token.
    ///
    /// # Errors
    /// When the row does not open, or its key lies in a token that the settings of this node do not name.
    pub fn signer(&self, row: &KeyRow) -> anyhow::Result<Arc<dyn Signer>> {
        match (&row.token_object, &self.hsm) {
            (None, _) => Ok(self.private(row)?.into()),
            (Some(object), Some(hsm)) => hsm.signer(row, object),
            (Some(_), None) => {
                let what = format!("key {} lies in a token, and the settings of this node name none", row.kid);
                Err(PkiError::token_unavailable(what).into())
            }
        }
    }

    /// A fresh generation of a signing key, made where this instance makes them.
    ///
    /// # Errors
    /// When OpenSSL fails, the algorithm does not sign, or the token cannot be reached.
    pub fn new_signing_key(&self, slot: Slot<'_>, kid: Kid<'_>, now: Timestamp) -> anyhow::Result<KeyRow> {
        let unlocked = self.now();
        Ok(KeyMaker { kek: unlocked.kek(), instance: &self.instance, hsm: self.hsm.as_ref() }.make(slot, kid, now)?.row)
    }
}

/// Where a generation stands.
#[derive(Debug, Clone, Copy)]
pub struct Slot<'a> {
    /// Purpose.
    pub purpose: KeyPurpose,
    /// Line.
    pub name: &'a str,
    /// Algorithm.
    pub algorithm: KeyAlgorithm,
}

/// How a generation is called.
#[derive(Debug, Clone, Copy)]
pub enum Kid<'a> {
    /// By the RFC 7638 thumbprint of its public key.
    Thumbprint,
    /// By this name.
    Named(&'a str),
}

/// Key id of the n-th responder of an authority: `operators-1-ocsp-1`.
pub(crate) fn responder_kid(authority: &str, generation: u32) -> String {
    format!("{authority}-ocsp-{generation}")
}

/// A row for a key whose private half is kept elsewhere.
pub(crate) fn absent_row(slot: Slot<'_>, kid: &str, public: &PublicKey, now: Timestamp) -> KeyRow {
    KeyRow { public_key: Some(public.spki_der().to_vec()), ..row(slot, kid, None, None, now) }
}

/// A row for a secret of 32 bytes.
pub(crate) fn new_secret_row(
    kek: &KeyEncryptionKey,
    instance: &Instance,
    slot: Slot<'_>,
    kid: &str,
    secret: &[u8; 32],
    now: Timestamp,
) -> anyhow::Result<KeyRow> {
    let sealed = kek.wrap(secret, aad(instance, kid))?;
    Ok(row(slot, kid, Some(sealed), Some(kek), now))
}

/// The row that stands for the key-encryption key itself, which is not in the database.
pub(crate) fn kek_row(kek: &KeyEncryptionKey, now: Timestamp) -> KeyRow {
    let slot = Slot { purpose: KeyPurpose::Data, name: ACCOUNTS, algorithm: KeyAlgorithm::A256Gcm };
    row(slot, &kek.id(), None, Some(kek), now)
}

fn row(slot: Slot<'_>, kid: &str, private_sealed: Option<Vec<u8>>, kek: Option<&KeyEncryptionKey>, now: Timestamp) -> KeyRow {
    KeyRow {
        kid: kid.to_owned(),
        purpose: slot.purpose.to_string(),
        name: slot.name.to_owned(),
        algorithm: slot.algorithm.to_string(),
        state: KeyState::Published.to_string(),
        version: 1,
        created_at: now.micros(),
        activate_at: None,
        retire_at: None,
        revoked_at: None,
        revoked_reason: None,
        public_key: None,
        certificate: None,
        private_sealed,
        kek_id: kek.map(KeyEncryptionKey::id),
        token_object: None,
        plan: None,
        drained_by: None,
    }
}

/// The row of the next key-encryption key, wrapped under the one of today: a node that holds this one takes it out.
pub(crate) fn next_kek_row(
    kek: &KeyEncryptionKey,
    next: &KeyEncryptionKey,
    instance: &Instance,
    now: Timestamp,
) -> anyhow::Result<KeyRow> {
    Ok(KeyRow { private_sealed: Some(wrapped_kek(kek, next, instance)?), kek_id: Some(kek.id()), ..kek_row(next, now) })
}

/// One key-encryption key under the other.
pub(crate) fn wrapped_kek(under: &KeyEncryptionKey, kek: &KeyEncryptionKey, instance: &Instance) -> anyhow::Result<Vec<u8>> {
    Ok(under.wrap_key(kek, aad(instance, &kek.id()))?)
}

/// A private part as it lies under another key-encryption key of the ring.
pub(crate) fn rewrapped(
    unlocked: &Unlocked,
    instance: &Instance,
    row: &KeyRow,
    kek: &KeyEncryptionKey,
) -> anyhow::Result<Vec<u8>> {
    Ok(kek.wrap(&open(unlocked.ring(), instance, row)?, aad(instance, &row.kid))?)
}

/// The private part of a row, which says under which key-encryption key it lies.
fn open(ring: &KeyRing, instance: &Instance, row: &KeyRow) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let sealed = row.private_sealed.as_deref().ok_or_else(|| anyhow::anyhow!("key {} has no private part", row.kid))?;
    let under = row.kek_id.as_deref().unwrap_or_default();
    let kek = ring
        .get(under)
        .ok_or_else(|| anyhow::anyhow!("key {} lies under key-encryption key {under}, which this node does not hold", row.kid))?;
    kek.unwrap(sealed, aad(instance, &row.kid))
        .map_err(|error| anyhow::anyhow!("key {} does not open under this node's key-encryption key: {error}", row.kid))
}

fn aad(instance: &Instance, kid: &str) -> Aad {
    Aad::of("key.private").and(instance.id()).and(kid)
}
