//! A clock that moves when a test says so.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use domain::{Clock, Timestamp};

/// The world's clock.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.micros()))
    }

    /// Moves on.
    pub fn advance(&self, by: Duration) {
        self.set(self.now().plus(by));
    }

    /// A microsecond passes, so that what comes next sorts behind what was.
    pub fn ticks(&self) {
        self.advance(Duration::from_micros(1));
    }

    /// Turns back, as a clock that was wrong does.
    pub fn turn_back(&self, by: Duration) {
        self.set(self.now().minus(by));
    }

    /// Jumps.
    pub fn set(&self, to: Timestamp) {
        self.0.store(to.micros(), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}
