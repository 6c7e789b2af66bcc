//! The system's time and chance: the one place of the server that asks for either.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::{Clock, Entropy, Timestamp};

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the port everything else asks")]
        let now = std::time::SystemTime::now();
        let micros = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// A clock that is further behind than this has been set right again rather than back: what it says then is taken.
const SET_RIGHT: Duration = Duration::from_hours(24);

/// The latest moment that this node has known. What lives for seconds or minutes (codes, tokens, requests) ends by it, so that a
/// clock which is turned back an hour brings nothing to life again.
#[derive(Debug, Default)]
pub struct Latest(AtomicI64);

impl Latest {
    /// The moment by which such things are judged.
    pub fn moment(&self, now: Timestamp) -> Timestamp {
        let known = self.0.fetch_max(now.micros(), Ordering::Relaxed);
        if Timestamp::from_micros(known).saturating_since(now) >= SET_RIGHT {
            self.0.store(now.micros(), Ordering::Relaxed);
            return now;
        }
        Timestamp::from_micros(known.max(now.micros()))
    }
}

/// OpenSSL's random generator.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // OpenSSL fails only when the kernel has no random source; then nothing may go on with weak keys.
        while openssl::rand::rand_bytes(bytes).is_err() {
            tracing::error!("the system has no randomness; waiting for it");
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_turned_back_revives_nothing_and_one_that_is_set_right_is_taken() {
        let latest = Latest::default();
        let noon: Timestamp = "2022-05-31T12:00:00+08:00".parse().unwrap();
        assert_eq!(latest.moment(noon), noon);
        let back = Timestamp::from_micros(noon.micros() - 3_600_000_000);
        assert_eq!(latest.moment(back), noon);
        let year_ahead = noon.plus(Duration::from_hours(24 * 365));
        assert_eq!(latest.moment(year_ahead), year_ahead);
        assert_eq!(latest.moment(noon), noon, "a year ahead was a mistake");
        assert_eq!(latest.moment(back), noon);
    }
}
