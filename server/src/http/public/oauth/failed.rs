//! Clients that failed to prove who they are, of late: tries in the name of one slow that one down, and lock nobody out.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::{ClientId, Timestamp};

/// Failures in a minute, in the name of one client, that are answered as such.
const A_MINUTE: u32 = 10;
const MINUTE: i64 = 60_000_000;

/// What this node has seen in this minute. Those who name no client that there is are counted as one.
#[derive(Debug, Default)]
pub struct FailedClients(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    failures: HashMap<Option<ClientId>, u32>,
}

impl FailedClients {
    /// One more failure; gives how long to wait once it is one too many.
    pub fn failed(&self, client: Option<&ClientId>, now: Timestamp) -> Option<Duration> {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.micros().div_euclid(MINUTE);
        if minute.number != number {
            *minute = Minute { number, failures: HashMap::new() };
        }
        let failures = minute.failures.entry(client.cloned()).or_default();
        *failures = failures.saturating_add(1);
        let left = MINUTE - now.micros().rem_euclid(MINUTE);
        (*failures > A_MINUTE).then(|| Duration::from_micros(left.unsigned_abs()))
    }
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
        assert_eq!(failed.failed(Some(&bank), at(60)), None, "another minute");
    }
}
