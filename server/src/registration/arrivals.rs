//! How many phones may register by themselves: whoever has no certificate can ask what the records of the Immigration Department say
//! of a card, so one source asks a few times, and all of them together no more often than the records should bear. Stations are not
//! counted: they are known, and their staff stands beside.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::Timestamp;
use tokio::sync::Semaphore;

use crate::app::CHECKS;
use crate::settings::RemoteRegistrations;

/// The span that is counted over, microseconds.
const SPAN: i64 = 10 * 60 * 1_000_000;

/// What this node has seen in this span.
pub struct Arrivals {
    bounds: RemoteRegistrations,
    span: Mutex<Span>,
    /// Phones whose evidence is checked at this moment: half of what the node checks is left to stations.
    pub(super) checks: Semaphore,
}

#[derive(Debug, Default)]
struct Span {
    number: i64,
    /// No more sources than registrations in all.
    from: HashMap<IpAddr, u32>,
    all: u32,
}

/// Too many came; nothing was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMany {
    /// From when on another one is taken.
    pub retry_after: Duration,
}

impl Arrivals {
    /// Nobody has come yet.
    #[must_use]
    pub fn new(bounds: RemoteRegistrations) -> Self {
        Self { bounds, span: Mutex::default(), checks: Semaphore::new(CHECKS / 2) }
    }

    /// One more, of whom nothing is known yet: whatever comes of it, it counts.
    ///
    /// # Errors
    /// [`TooMany`], which counts nothing.
    pub fn come(&self, from: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        let mut span = self.span.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.micros().div_euclid(SPAN);
        if span.number != number {
            *span = Span { number, ..Span::default() };
        }
        let here = span.from.get(&from).copied().unwrap_or_default();
        if here >= self.bounds.from_one_source || span.all >= self.bounds.in_all {
            let left = SPAN - now.micros().rem_euclid(SPAN);
            return Err(TooMany { retry_after: Duration::from_micros(left.unsigned_abs()) });
        }
        span.from.insert(from, here + 1);
        span.all += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_and_all_of_them_wait_for_the_next_span() {
        let arrivals = Arrivals::new(RemoteRegistrations { from_one_source: 2, in_all: 5 });
        let at = |minute: i64| Timestamp::from_micros(minute * 60_000_000);
        let from = |number: u8| IpAddr::from([192, 0, 2, number]);
        assert_eq!([1, 1, 2, 2, 3].map(|number| arrivals.come(from(number), at(4))), [Ok(()); 5]);
        let wait = |minutes: u64| Err(TooMany { retry_after: Duration::from_mins(minutes) });
        assert_eq!(arrivals.come(from(1), at(4)), wait(6));
        assert_eq!(arrivals.come(from(4), at(9)), wait(1), "five came, and that was all");
        assert_eq!([1, 1].map(|number| arrivals.come(from(number), at(10))), [Ok(()); 2]);
        assert_eq!(arrivals.come(from(1), at(10)), wait(10), "one source has had its share");
        assert_eq!(arrivals.come(from(2), at(10)), Ok(()));
    }
}
