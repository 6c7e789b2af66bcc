//! How often one citizen's phone may name a request that there is not: comparison codes are short.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Refusal, Timestamp};
use uuid::Uuid;

use crate::failure::Failure;

/// Misses within a minute after which the next minute is waited for. Of the 2^25 codes a hundred may be open at once: to find one
/// by guessing takes weeks.
const A_MINUTE: u32 = 5;

/// Misses of the minute that is under way, by account.
#[derive(Debug, Default)]
pub struct Guesses(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    missed: BTreeMap<Uuid, u32>,
}

impl Guesses {
    /// Whether another request may be named.
    ///
    /// # Errors
    /// `request.guesses`.
    pub fn check(&self, account: Uuid, now: Timestamp) -> Result<(), Failure> {
        if self.minute(now).missed.get(&account).is_none_or(|missed| *missed < A_MINUTE) {
            return Ok(());
        }
        let message = "this phone has named too many requests that there are not";
        Err(Refusal::new("request.guesses", message).hint("wait a minute, then scan the code that the screen shows").into())
    }

    /// There was no such request.
    pub fn missed(&self, account: Uuid, now: Timestamp) {
        *self.minute(now).missed.entry(account).or_default() += 1;
    }

    fn minute(&self, now: Timestamp) -> MutexGuard<'_, Minute> {
        let number = now.micros().div_euclid(60_000_000);
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.number != number {
            *minute = Minute { number, missed: BTreeMap::new() };
        }
        minute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_guesses_waits_for_the_next_minute() {
        let (guesses, anna, ben) = (Guesses::default(), Uuid::from_u128(1), Uuid::from_u128(2));
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        for second in 0..5 {
            guesses.check(anna, at(second)).unwrap();
            guesses.missed(anna, at(second));
        }
        assert_eq!(guesses.check(anna, at(59)).unwrap_err().code(), "request.guesses");
        guesses.check(ben, at(59)).unwrap();
        guesses.check(anna, at(60)).unwrap();
    }
}
