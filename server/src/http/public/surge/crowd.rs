//! How many of one are there at once, whoever else is: so that a single source fills no queue that others stand in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Who is there, by a digest of whatever makes them one.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    here: Mutex<HashMap<u64, usize>>,
}

/// One of them; counted until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    crowd: Arc<Crowd>,
    one: u64,
}

impl Crowd {
    /// At most so many of each.
    pub(super) fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, here: Mutex::default() })
    }

    /// One more; none where there are as many as may be.
    pub(super) fn enter(self: &Arc<Self>, one: u64) -> Option<Counted> {
        let mut here = self.here();
        let count = here.get(&one).copied().unwrap_or_default();
        if count >= self.most {
            return None;
        }
        here.insert(one, count + 1);
        Some(Counted { crowd: Arc::clone(self), one })
    }

    fn here(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut here = self.crowd.here();
        match here.get_mut(&self.one) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                here.remove(&self.one);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_own_bound_and_nothing_stays_of_whom_has_left() {
        let crowd = Crowd::of(2);
        let first = crowd.enter(7).unwrap();
        let second = crowd.enter(7).unwrap();
        assert!(crowd.enter(7).is_none());
        let other = crowd.enter(8).unwrap();
        drop(first);
        let third = crowd.enter(7).unwrap();
        assert!(crowd.enter(7).is_none());
        drop((second, third, other));
        assert!(crowd.here().is_empty());
    }
}
