//! What is unlocked at one moment.

use std::sync::Arc;

use anyhow::Context;
use domain::{KeyPurpose, KeyState};
use pki::provider::derive;
use pki::{Instance, KeyEncryptionKey, KeyRing, MacKey, PkiError, Secret};
use zeroize::Zeroizing;

use super::{
    ACCOUNTS, HandleKeys, IndexKeys, Indexes, LedgerKeys, PAYLOADS, PEOPLE, SUBJECTS, SubjectKey, index_generation, open,
};
use crate::store::KeyRow;

/// The secrets of the instance as the key rows of one moment give them.
#[derive(Clone)]
pub struct Unlocked {
    version: i64,
    ring: KeyRing,
    /// Key-encryption keys of the ring that the instance has left behind.
    left: Vec<String>,
    kek: Arc<KeyEncryptionKey>,
    payloads: MacKey,
    enrolments: MacKey,
    indexes: Indexes,
    pseudonyms: Secret,
    subjects: Arc<SubjectKey>,
    handles: Arc<HandleKeys>,
    ledger: Arc<LedgerKeys>,
}

impl Unlocked {
    /// Unlocks what stands in `rows`, which are all generations of the instance. A key-encryption key in use that the ring does
    /// not hold yet is taken out of its row, under one that it does hold.
    pub(super) fn of(ring: KeyRing, instance: &Instance, rows: &[KeyRow]) -> anyhow::Result<Self> {
        let ring = completed(ring, instance, rows);
        let active = find(rows, KeyPurpose::Data, ACCOUNTS, KeyState::Active)?;
        let kek =
            Arc::clone(ring.get(&active.kid).with_context(|| {
                format!("the instance's key-encryption key is {}, which this node does not hold", active.kid)
            })?);
        let salt = instance.id().as_bytes().to_vec();
        let secret = |purpose, name| -> anyhow::Result<Zeroizing<Vec<u8>>> {
            open(&ring, instance, find(rows, purpose, name, KeyState::Active)?)
        };
        let index = |state| -> anyhow::Result<Option<IndexKeys>> {
            let Ok(row) = find(rows, KeyPurpose::BlindIndex, PEOPLE, state) else { return Ok(None) };
            let secret = open(&ring, instance, row)?;
            Ok(Some(IndexKeys::of(index_generation(&row.kid)?, &secret, &salt)?))
        };
        let indexes = Indexes {
            active: index(KeyState::Active)?.context("the database has no active blind-index key 'people'")?,
            next: index(KeyState::Published)?,
            before: index(KeyState::Draining)?,
        };
        let payloads = secret(KeyPurpose::Audit, PAYLOADS)?;
        let subjects = secret(KeyPurpose::Pairwise, SUBJECTS)?;
        let pairwise_kid = find(rows, KeyPurpose::Pairwise, SUBJECTS, KeyState::Active)?.kid.clone();
        Ok(Self {
            version: version_of(rows),
            payloads: MacKey::new(&derive(&payloads, &salt, "audit.payload")?[..])?,
            enrolments: MacKey::new(&derive(&payloads, &salt, "operator.enrolment")?[..])?,
            indexes,
            pseudonyms: derive(&subjects, &salt, "usage.pseudonym")?,
            subjects: Arc::new(SubjectKey::of(pairwise_kid, &subjects, &salt)?),
            handles: Arc::new(HandleKeys::of(&payloads, &salt)?),
            ledger: Arc::new(LedgerKeys::of(&payloads, instance, &ring)?),
            left: left_behind(&ring, rows),
            kek,
            ring,
        })
    }

    /// Counts up with every change of a key row; what it was when this was unlocked.
    pub(super) fn version(&self) -> i64 {
        self.version
    }

    /// Every key-encryption key that is held.
    pub(crate) fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Ids of the held key-encryption keys under which nothing should lie any more.
    pub(super) fn left(&self) -> &[String] {
        &self.left
    }

    /// Without those; as it is, when nothing else is held.
    pub(super) fn without(&self, left: &[String]) -> Self {
        match self.ring.only(|id| !left.iter().any(|left| left == id)) {
            Some(ring) => Self { ring, left: Vec::new(), ..self.clone() },
            None => self.clone(),
        }
    }

    /// The key-encryption key that new data keys and private keys are wrapped under.
    pub(crate) fn kek(&self) -> &Arc<KeyEncryptionKey> {
        &self.kek
    }

    /// The key-encryption key that something lies under.
    ///
    /// # Errors
    /// When this node does not hold it.
    pub(crate) fn kek_of(&self, id: &str) -> anyhow::Result<&Arc<KeyEncryptionKey>> {
        self.ring.get(id).with_context(|| format!("it lies under key-encryption key {id}, which this node does not hold"))
    }

    /// The generations of the look-up columns.
    #[must_use]
    pub fn indexes(&self) -> &Indexes {
        &self.indexes
    }

    /// What every commit needs.
    pub(crate) fn ledger(&self) -> &Arc<LedgerKeys> {
        &self.ledger
    }

    /// Makes the names by which parties know citizens.
    #[must_use]
    pub fn subjects(&self) -> &Arc<SubjectKey> {
        &self.subjects
    }

    /// Makes and reads what is handed out for a request.
    #[must_use]
    pub fn handles(&self) -> &Arc<HandleKeys> {
        &self.handles
    }

    pub(super) fn body_mac(&self, body: &[u8]) -> Result<[u8; 32], PkiError> {
        self.payloads.mac(body)
    }

    pub(super) fn enrolment_mac(&self, code: &str) -> Result<[u8; 32], PkiError> {
        self.enrolments.mac(code.as_bytes())
    }

    pub(super) fn pseudonym_secret(&self) -> &Secret {
        &self.pseudonyms
    }
}

/// The ring with every key-encryption key in use that can be taken out of its row.
fn completed(mut ring: KeyRing, instance: &Instance, rows: &[KeyRow]) -> KeyRing {
    let wrapped = rows.iter().filter(|row| row.purpose == KeyPurpose::Data.as_str() && in_use(row));
    for row in wrapped.filter(|row| row.private_sealed.is_some()) {
        if ring.get(&row.kid).is_some() {
            continue;
        }
        match taken_out(&ring, instance, row) {
            Ok(key) => ring = ring.with(Arc::new(key)),
            Err(error) => tracing::error!(key = row.kid, %error, "a key-encryption key cannot be taken out of the database"),
        }
    }
    ring
}

fn left_behind(ring: &KeyRing, rows: &[KeyRow]) -> Vec<String> {
    let gone = |row: &&KeyRow| row.purpose == KeyPurpose::Data.as_str() && !in_use(row) && ring.get(&row.kid).is_some();
    rows.iter().filter(gone).map(|row| row.kid.clone()).collect()
}

pub(super) fn taken_out(ring: &KeyRing, instance: &Instance, row: &KeyRow) -> anyhow::Result<KeyEncryptionKey> {
    let bytes = open(ring, instance, row)?;
    let mut key = Secret::default();
    anyhow::ensure!(bytes.len() == key.len(), "it does not have 32 bytes");
    key.copy_from_slice(&bytes);
    let key = KeyEncryptionKey::from_bytes(key)?;
    anyhow::ensure!(key.id() == row.kid, "it is not the key that its row names");
    Ok(key)
}

fn in_use(row: &KeyRow) -> bool {
    [KeyState::Published, KeyState::Active, KeyState::Draining].iter().any(|state| row.state == state.as_str())
}

fn find<'a>(rows: &'a [KeyRow], purpose: KeyPurpose, name: &str, state: KeyState) -> anyhow::Result<&'a KeyRow> {
    rows.iter()
        .find(|row| row.purpose == purpose.as_str() && row.name == name && row.state == state.as_str())
        .ok_or_else(|| anyhow::anyhow!("the database has no {state} {purpose} key '{name}'"))
}

/// Counts up with every change of the rows, as the store's own count of them does.
fn version_of(rows: &[KeyRow]) -> i64 {
    rows.iter().map(|row| row.version.saturating_add(1)).sum()
}
