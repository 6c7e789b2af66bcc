//! The generations of the look-up columns. Outside a rotation there is one; during it there are two, and which of them a column
//! of a row was made with is said in the row.

use domain::{Hkic, Phone};
use pki::provider::derive;
use pki::{BlindIndex, PkiError};

/// What a look-up value has as stored.
pub type LookUp = [u8; 16];

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
    /// The generations that the columns (not the second ones) of some row may have been made with, the active one first. Look-ups
    /// go by these: a row is found by its columns at every stage, whatever stands in the second ones.
    pub fn in_columns(&self) -> impl Iterator<Item = &IndexKeys> {
        std::iter::once(&self.active).chain(self.before.as_ref())
    }

    /// The generation of that number.
    #[must_use]
    pub fn get(&self, generation: i32) -> Option<&IndexKeys> {
        [Some(&self.active), self.next.as_ref(), self.before.as_ref()]
            .into_iter()
            .flatten()
            .find(|keys| keys.generation == generation)
    }
}
