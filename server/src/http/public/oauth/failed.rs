//! Clients that failed to prove who they are, of late: tries in the name of one slow that one down, and lock nobody out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::{ClientId, Timestamp};
use openssl::sha::sha256;

/// Failures in a minute, in the name of one client, that are answered as such.
const A_MINUTE: u32 = 10;
const MINUTE: i64 = 60_000_000;

/// Names are counted in so many places, so that inventing them takes no memory; two that share one are slowed together.
const PLACES: u16 = 4_096;

/// What this node has seen in this minute, by the name that was given, whether a client has it or not: nobody learns that from who is
/// slowed. Those who give no name are counted as one.
#[derive(Debug, Default)]
pub struct FailedClients(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    failures: HashMap<Option<u16>, u32>,
}

impl FailedClients {
    /// One more failure in that name; gives how long to wait once it is one too many.
    pub fn failed(&self, named: Option<&ClientId>, now: Timestamp) -> Option<Duration> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.micros().div_euclid(MINUTE);
        if minute.number != number {
            *minute = Minute { number, failures: HashMap::new() };
        }
        let failures = minute.failures.entry(named.map(place)).or_default();
        *failures = failures.saturating_add(1);
        let left = MINUTE - now.micros().rem_euclid(MINUTE);
        (*failures > A_MINUTE).then(|| Duration::from_micros(left.unsigned_abs()))
    }
}

fn place(named: &ClientId) -> u16 {
    let digest = sha256(named.to_string().as_bytes());
    u16::from_be_bytes([digest[0], digest[1]]) % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_client_is_slowed_and_no_other() {
        let failed = FailedClients::default();
        let (bank, shop) = ("bank.online".parse().unwrap(), "shop.online".parse().unwrap());
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        assert!((0..10).all(|_| failed.failed(Some(&bank), at(20)).is_none()));
        assert_eq!(failed.failed(Some(&bank), at(20)), Some(Duration::from_secs(40)));
        assert_eq!(failed.failed(Some(&shop), at(20)), None);
        assert_eq!(failed.failed(None, at(20)), None);
        let invented = |number: u32| format!("party-{number}.online").parse().unwrap();
        for number in 0..20_000 {
            failed.failed(Some(&invented(number)), at(20));
        }
        assert!(failed.0.lock().unwrap().failures.len() <= usize::from(PLACES) + 1);
        assert_eq!(failed.failed(Some(&bank), at(60)), None, "another minute");
    }
}
