use std::collections::BTreeMap;

use domain::Day;
use pki::PkiError;
use pki::provider::{MacKey, derive};

use crate::keys::Keys;

/// The names under which accounts stand in rows of use: one for each account and month. Equal names in a month are one
/// person; between months, and without the key, they say nothing.
pub struct Pseudonyms<'k> {
    keys: &'k Keys,
    months: BTreeMap<i32, MacKey>,
}

impl<'k> Pseudonyms<'k> {
    /// Of this instance. The key of a month is derived when it is first needed.
    #[must_use]
    pub fn new(keys: &'k Keys) -> Self {
        Self { keys, months: BTreeMap::new() }
    }

    /// The name of the account with that ordinal on that day.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn of(&mut self, day: Day, ordinal: i64) -> Result<i64, PkiError> {
        let month = day.month();
        let key = match self.months.entry(month.number()) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(unknown) => {
                let key = derive(&self.keys.pseudonym_secret()[..], b"", &format!("usage.pseudonym.{month}"))?;
                unknown.insert(MacKey::new(&key[..])?)
            }
        };
        Ok(i64::from_be_bytes(key.truncated(&ordinal.to_be_bytes())?))
    }
}
