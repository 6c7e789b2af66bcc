//! The generations of the look-up columns. Outside a rotation there is one; during it there are two, and which of them a column
//! of a row was made with is said in the row.

use anyhow::Context;
use domain::{Hkic, Phone};
use pki::provider::derive;
use pki::{BlindIndex, PkiError};

/// What a look-up value has as stored.
pub type LookUp = [u8; 16];

/// The number of a generation of the look-up columns: its kid ends in it.
///
/// # Errors
/// When it does not.
pub(crate) fn index_generation(kid: &str) -> anyhow::Result<i32> {
    let number = kid.rsplit('-').next().and_then(|number| number.parse().ok());
    number.with_context(|| format!("the kid {kid} of a blind-index key does not end in its number"))
}

/// The keys of one generation.
#[derive(Debug, Clone)]
pub struct IndexKeys {
    generation: i32,
    hkic: BlindIndex,
    phone: BlindIndex,
}

impl IndexKeys {
    /// Out of the generation's secret.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub(super) fn of(generation: i32, secret: &[u8], salt: &[u8]) -> Result<Self, PkiError> {
        Ok(Self {
            generation,
            hkic: BlindIndex::new(&*derive(secret, salt, "account.hkic")?)?,
            phone: BlindIndex::new(&*derive(secret, salt, "account.phone")?)?,
        })
    }

    /// Its number, as rows of accounts name it.
    #[must_use]
    pub fn generation(&self) -> i32 {
        self.generation
    }

    /// Look-up value of a card number.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn hkic(&self, hkic: &Hkic) -> Result<LookUp, PkiError> {
        self.hkic.of(hkic.expose())
    }

    /// Look-up value of a phone number.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn phone(&self, phone: &Phone) -> Result<LookUp, PkiError> {
        self.phone.of(phone.expose())
    }
}

/// The generations in use.
#[derive(Debug, Clone)]
pub struct Indexes {
    /// Fills the columns of new rows, and most others.
    pub active: IndexKeys,
    /// Published: fills the second columns, and takes over when every row has them.
    pub next: Option<IndexKeys>,
    /// Draining: rows that the shift has not reached yet have it in their columns, and the active one in their second.
    pub before: Option<IndexKeys>,
}

impl Indexes {
    /// The generations that the columns (not the second ones) of some row may have been made with, the oldest first. Look-ups
    /// go by these, in this order: a row goes from one to the next and never back, so that it is met on its way. The next one is
    /// among them, for it may take over while somebody looks.
    pub fn in_columns(&self) -> impl Iterator<Item = &IndexKeys> {
        self.before.iter().chain(std::iter::once(&self.active)).chain(self.next.as_ref())
    }

    /// The generation of that number.
    #[must_use]
    pub fn get(&self, generation: i32) -> Option<&IndexKeys> {
        self.in_columns().find(|keys| keys.generation == generation)
    }
}
