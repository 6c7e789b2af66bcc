//! A neighbour that does not answer is left alone for a while: whoever waits for it is told at once.

use std::time::Duration;

use domain::Timestamp;

/// Faults in a row after which nothing is asked.
const FAULTS: u32 = 5;
/// For how long.
const REST: Duration = Duration::from_secs(10);

/// How the last questions went.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    faults: u32,
    /// When the first of these was.
    failing_since: Option<Timestamp>,
    rests_until: Option<Timestamp>,
}

impl Breaker {
    /// Whether a question may be asked. After a rest one is, and what comes of it decides.
    pub(super) fn lets_through(&mut self, now: Timestamp) -> bool {
        match self.rests_until {
            // A clock that was turned back does not make the rest longer.
            Some(until) if now < until && now.plus(REST) >= until => false,
            Some(_) => {
                self.rests_until = Some(now.plus(REST));
                true
            }
            None => true,
        }
    }

    /// Since when there was no answer, where they are left alone for it.
    pub(super) fn left_alone_since(&self) -> Option<Timestamp> {
        self.rests_until.and(self.failing_since)
    }

    /// An answer came.
    pub(super) fn answered(&mut self) {
        *self = Self::default();
    }

    /// None came.
    pub(super) fn failed(&mut self, now: Timestamp) {
        self.faults = self.faults.saturating_add(1);
        self.failing_since.get_or_insert(now);
        if self.faults >= FAULTS {
            self.rests_until = Some(now.plus(REST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_faults_nothing_is_asked_for_ten_seconds_and_then_one_thing() {
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.failed(at(0));
            assert!(breaker.lets_through(at(0)));
        }
        assert_eq!(breaker.left_alone_since(), None);
        breaker.failed(at(0));
        assert_eq!(breaker.left_alone_since(), Some(at(0)));
        assert_eq!([0, 9, 10, 10, 19].map(|second| breaker.lets_through(at(second))), [false, false, true, false, false]);
        breaker.failed(at(11));
        assert_eq!([20, 21].map(|second| breaker.lets_through(at(second))), [false, true]);
        assert!(breaker.lets_through(at(-100)), "a clock that was turned back");
        assert_eq!(breaker.left_alone_since(), Some(at(0)), "all the while");
        breaker.answered();
        assert_eq!(breaker.left_alone_since(), None);
        assert!(breaker.lets_through(at(21)) && breaker.lets_through(at(21)));
    }
}
