//! Different people in a month, exactly: a bit for each account, by its ordinal, in a row for each 8 192 accounts. A month of 7.5
//! million accounts takes 940 kB. Rows are sealed under a key of the month; who used the platform is nowhere to be read.
//!
//! Counted is on which day of recording an account was first seen in a month, so that a figure is as known on a day as any other.

use std::collections::{BTreeMap, BTreeSet};

use domain::{Day, Month, Outcome, Timestamp};
use pki::PkiError;
use pki::provider::{Aad, SealingKey, derive};

use crate::keys::Keys;
use crate::store::{NOBODY, Read, StoreError, UsageRow, Write};

/// Accounts of a row.
const ACCOUNTS: i64 = 8_192;
/// Bytes of a row, before it is sealed.
const BYTES: usize = 1_024;

/// Who was seen in which month, and on which day that was put on record first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen(BTreeMap<(i32, i64), i32>);

impl Seen {
    /// Takes a completed use of a known account in.
    pub fn take(&mut self, row: &UsageRow) {
        if row.ordinal == NOBODY || row.count <= 0 || row.outcome != Outcome::Completed.code() {
            return;
        }
        let month = Day::from_number(row.event_day).month().number();
        let recorded = Timestamp::from_micros(row.recorded_at).hk_day().number();
        let first = self.0.entry((month, row.ordinal)).or_insert(recorded);
        *first = recorded.min(*first);
    }

    /// Marks everybody who was seen, and counts those that were not marked before.
    ///
    /// # Errors
    /// When the database cannot be reached, or a row does not open.
    pub async fn mark(&self, tx: &mut Write, keys: &Keys) -> Result<(), StoreError> {
        let mut months = Months::new(keys);
        let mut new: BTreeMap<(i32, i32), i64> = BTreeMap::new();
        let mut people = self.0.iter().peekable();
        while let Some(((month, ordinal), _)) = people.peek() {
            let (month, chunk) = (*month, ordinal / ACCOUNTS);
            let mut bits = months.read(tx, Month::from_number(month), chunk).await?;
            let mut marked = false;
            while let Some(((_, ordinal), recorded)) =
                people.next_if(|((of, ordinal), _)| *of == month && ordinal / ACCOUNTS == chunk)
            {
                if set(&mut bits, *ordinal) {
                    *new.entry((month, *recorded)).or_default() += 1;
                    marked = true;
                }
            }
            if marked {
                let sealed = months.seal(Month::from_number(month), chunk, &bits)?;
                tx.put_month_users(Month::from_number(month), number(chunk)?, &sealed).await?;
            }
        }
        for ((month, recorded), count) in new {
            tx.add_users(Month::from_number(month), Day::from_number(recorded), count).await?;
        }
        Ok(())
    }
}

/// Different people in each month of a span, as known by the end of a day, those included whose uses wait to be counted; months
/// without any are not there.
///
/// # Errors
/// When the database cannot be reached, or a row does not open.
pub async fn users(
    read: &mut Read,
    keys: &Keys,
    from: Month,
    to: Month,
    known_at: Day,
) -> Result<BTreeMap<Month, i64>, StoreError> {
    let mut users: BTreeMap<Month, i64> = BTreeMap::new();
    for row in read.users_by_month(from, to, known_at).await? {
        users.insert(Month::from_number(row.number), row.count);
    }
    let waiting = read.waiting_users(from.first_day(), to.last_day(), known_at).await?;
    let waiting: BTreeSet<(Month, i64)> =
        waiting.into_iter().map(|row| (Day::from_number(row.event_day).month(), row.ordinal)).collect();
    let mut months = Months::new(keys);
    let mut at = None;
    let mut bits = Vec::new();
    for (month, ordinal) in waiting {
        let chunk = ordinal / ACCOUNTS;
        if at != Some((month, chunk)) {
            bits = months.read(read, month, chunk).await?;
            at = Some((month, chunk));
        }
        if set(&mut bits, ordinal) {
            *users.entry(month).or_default() += 1;
        }
    }
    Ok(users)
}

/// How many people are marked in a month.
///
/// # Errors
/// When the database cannot be reached, or a row does not open.
pub(super) async fn marked(read: &mut Read, keys: &Keys, month: Month) -> Result<i64, StoreError> {
    let mut months = Months::new(keys);
    let mut marked = 0;
    for chunk in read.month_users_chunks(month).await? {
        let bits = months.read(read, month, chunk.into()).await?;
        marked += bits.iter().map(|byte| i64::from(byte.count_ones())).sum::<i64>();
    }
    Ok(marked)
}

/// Sets the bit of an account; says whether it was not set.
fn set(bits: &mut [u8], ordinal: i64) -> bool {
    let place = usize::try_from(ordinal % ACCOUNTS).unwrap_or(0);
    let bit = 1 << (place % 8);
    let new = bits[place / 8] & bit == 0;
    bits[place / 8] |= bit;
    new
}

fn number(chunk: i64) -> Result<i32, StoreError> {
    i32::try_from(chunk).map_err(|_| StoreError::Broken(anyhow::anyhow!("an account has the ordinal of no account")))
}

/// The keys of months. A month's key is derived when it is first needed.
struct Months<'k> {
    keys: &'k Keys,
    months: BTreeMap<i32, SealingKey>,
}

impl<'k> Months<'k> {
    fn new(keys: &'k Keys) -> Self {
        Self { keys, months: BTreeMap::new() }
    }

    fn key(&mut self, month: Month) -> Result<&SealingKey, PkiError> {
        Ok(match self.months.entry(month.number()) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(unknown) => {
                let key = derive(&self.keys.pseudonym_secret()[..], b"", &format!("usage.users.{month}"))?;
                unknown.insert(SealingKey::new(&key)?)
            }
        })
    }

    /// The bits of a chunk; none set where there is no row yet.
    async fn read(&mut self, read: &mut Read, month: Month, chunk: i64) -> Result<Vec<u8>, StoreError> {
        let Some(sealed) = read.month_users(month, number(chunk)?).await? else { return Ok(vec![0; BYTES]) };
        let bits = self.key(month).and_then(|key| key.open(&sealed, aad(month, chunk))).map_err(broken)?;
        if bits.len() != BYTES {
            return Err(StoreError::Broken(anyhow::anyhow!("the users of {month} are damaged")));
        }
        Ok(bits.to_vec())
    }

    fn seal(&mut self, month: Month, chunk: i64, bits: &[u8]) -> Result<Vec<u8>, StoreError> {
        self.key(month).and_then(|key| key.seal(bits, aad(month, chunk))).map_err(broken)
    }
}

fn aad(month: Month, chunk: i64) -> Aad {
    Aad::of("usage.users").and(month.number().to_be_bytes()).and(chunk.to_be_bytes())
}

fn broken(error: PkiError) -> StoreError {
    StoreError::Broken(anyhow::anyhow!("the users of a month do not open: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_is_new_once() {
        let mut bits = vec![0; BYTES];
        assert!(set(&mut bits, 8_191) && !set(&mut bits, 8_191));
        assert!(set(&mut bits, 8_190) && set(&mut bits, 0));
        assert!(!set(&mut bits, ACCOUNTS), "the next row begins anew");
        assert_eq!(bits.iter().map(|byte| byte.count_ones()).sum::<u32>(), 3);
    }

    #[test]
    fn a_month_of_the_whole_country_is_less_than_a_megabyte() {
        let rows = (7_500_000 + ACCOUNTS - 1) / ACCOUNTS;
        assert!(rows * i64::try_from(BYTES + pki::provider::SEAL_OVERHEAD + 8).unwrap() < 1_000_000);
    }
}
