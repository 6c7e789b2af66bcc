//! Whose turn it is: so many at work at once of one key, so many of all keys together, so many of one key waiting. Places that
//! come free go round the keys that wait, one each, so that whoever comes with a crowd waits for it alone.
//!
//! No clock and no lock: the waiters are whatever the caller has put there.

use std::collections::{BTreeMap, VecDeque};

/// How many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// At work at once, of one key.
    pub each: usize,
    /// At work at once, of all keys.
    pub all: usize,
    /// Waiting, of one key.
    pub waiting: usize,
}

/// What comes of entering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entered {
    /// At work. [`Turns::leave`] has to follow.
    Goes,
    /// Waiting, under this number, until [`Turns::leave`] of another gives it out; [`Turns::give_up`] takes it back.
    Waits(u64),
    /// Too many wait already; nothing is kept of it.
    Refused,
}

/// Who works and who waits. It holds the keys of those alone: nothing stays of a key that has left.
#[derive(Debug)]
pub struct Turns<K, W> {
    bounds: Bounds,
    at_work: usize,
    next: u64,
    keys: BTreeMap<K, Key<W>>,
    /// The keys that wait, the one whose turn is next at the front.
    round: VecDeque<K>,
}

#[derive(Debug)]
struct Key<W> {
    at_work: usize,
    waiting: VecDeque<(u64, W)>,
}

impl<K: Ord + Clone, W> Turns<K, W> {
    /// Nobody is there yet.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self { bounds, at_work: 0, next: 0, keys: BTreeMap::new(), round: VecDeque::new() }
    }

    /// Somebody of `key` comes; `waiter` is made if they have to wait.
    pub fn enter(&mut self, key: &K, waiter: impl FnOnce() -> W) -> Entered {
        let here = self.keys.get(key);
        let (at_work, waiting) = here.map_or((0, 0), |here| (here.at_work, here.waiting.len()));
        if self.at_work < self.bounds.all && at_work < self.bounds.each {
            // Then nobody of that key waits: whoever leaves lets in whom there is room for.
            self.at_work += 1;
            self.key(key).at_work += 1;
            return Entered::Goes;
        }
        if waiting >= self.bounds.waiting {
            return Entered::Refused;
        }
        let number = self.next;
        self.next += 1;
        if waiting == 0 {
            self.round.push_back(key.clone());
        }
        self.key(key).waiting.push_back((number, waiter()));
        Entered::Waits(number)
    }

    /// Somebody of `key` has done their work. Gives those whose turn it is now: each counts as at work from here on.
    pub fn leave(&mut self, key: &K) -> Vec<(K, W)> {
        if let Some(here) = self.keys.get_mut(key) {
            here.at_work = here.at_work.saturating_sub(1);
            self.at_work = self.at_work.saturating_sub(1);
        }
        self.forget(key);
        let mut going = Vec::new();
        while self.at_work < self.bounds.all
            && let Some(next) = self.next_in_round()
        {
            going.push(next);
        }
        going
    }

    /// Who waits under that number waits no longer; nothing happens where it was given out already.
    pub fn give_up(&mut self, key: &K, number: u64) {
        let Some(here) = self.keys.get_mut(key) else { return };
        let before = here.waiting.len();
        here.waiting.retain(|(waits, _)| *waits != number);
        if before != 0 && here.waiting.is_empty() {
            self.round.retain(|waits| waits != key);
        }
        self.forget(key);
    }

    /// How many are at work, and how many wait.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        (self.at_work, self.keys.values().map(|key| key.waiting.len()).sum())
    }

    /// The first key in the round that may have one more at work gives its first, and goes to the end.
    fn next_in_round(&mut self) -> Option<(K, W)> {
        let may = |key: &K| self.keys.get(key).is_some_and(|here| here.at_work < self.bounds.each);
        let key = self.round.remove(self.round.iter().position(may)?)?;
        let here = self.keys.get_mut(&key)?;
        let (_, waiter) = here.waiting.pop_front()?;
        here.at_work += 1;
        self.at_work += 1;
        if !here.waiting.is_empty() {
            self.round.push_back(key.clone());
        }
        Some((key, waiter))
    }

    fn key(&mut self, key: &K) -> &mut Key<W> {
        self.keys.entry(key.clone()).or_insert_with(|| Key { at_work: 0, waiting: VecDeque::new() })
    }

    fn forget(&mut self, key: &K) {
        if self.keys.get(key).is_some_and(|here| here.at_work == 0 && here.waiting.is_empty()) {
            self.keys.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn turns(each: usize, all: usize, waiting: usize) -> Turns<char, char> {
        Turns::new(Bounds { each, all, waiting })
    }

    fn enter(turns: &mut Turns<char, char>, key: char) -> Entered {
        turns.enter(&key, || key)
    }

    fn leave(turns: &mut Turns<char, char>, key: char) -> String {
        turns.leave(&key).into_iter().map(|(_, waiter)| waiter).collect()
    }

    #[test]
    fn a_rush_of_one_fills_its_own_places_and_its_own_queue_and_nothing_else() {
        let mut turns = turns(2, 8, 3);
        let came: Vec<Entered> = (0..7).map(|_| enter(&mut turns, 'a')).collect();
        let (goes, refused) = (Entered::Goes, Entered::Refused);
        assert_eq!(came, [goes, goes, Entered::Waits(0), Entered::Waits(1), Entered::Waits(2), refused, refused]);
        assert_eq!([enter(&mut turns, 'b'), enter(&mut turns, 'c')], [goes, goes], "others find nobody before them");
        assert_eq!(leave(&mut turns, 'a'), "a");
        assert_eq!(enter(&mut turns, 'a'), Entered::Waits(3), "one has gone on, so that one may wait again");
    }

    #[test]
    fn where_all_places_are_taken_those_that_come_free_go_round() {
        let mut turns = turns(4, 4, 9);
        for _ in 0..8 {
            enter(&mut turns, 'a');
        }
        for key in ['b', 'b', 'c'] {
            assert!(matches!(enter(&mut turns, key), Entered::Waits(_)), "{key}");
        }
        let freed: String = (0..4).map(|_| leave(&mut turns, 'a')).collect();
        assert_eq!(freed, "abca", "one of the crowd, then one of each other, whoever came first");
        assert_eq!(leave(&mut turns, 'b'), "b");
        assert_eq!(leave(&mut turns, 'c'), "a");
    }

    #[test]
    fn who_gives_up_makes_room_in_the_queue_and_is_not_called() {
        let mut turns = turns(1, 9, 2);
        enter(&mut turns, 'a');
        assert_eq!([enter(&mut turns, 'a'), enter(&mut turns, 'a')], [Entered::Waits(0), Entered::Waits(1)]);
        turns.give_up(&'a', 0);
        turns.give_up(&'a', 0);
        turns.give_up(&'z', 7);
        assert_eq!(enter(&mut turns, 'a'), Entered::Waits(2));
        assert_eq!((leave(&mut turns, 'a'), leave(&mut turns, 'a'), leave(&mut turns, 'a')), ("a".into(), "a".into(), "".into()));
        assert!(turns.keys.is_empty() && turns.round.is_empty(), "nothing stays of whom has left");
    }

    proptest! {
        /// Whatever comes and goes: the bounds hold, nobody waits while there is a place for them, and what is kept is no more
        /// than those who are there.
        #[test]
        fn bounds_hold_and_no_place_stands_empty(steps in proptest::collection::vec((0..3_u8, 0..20_u8), 0..400)) {
            let bounds = Bounds { each: 2, all: 5, waiting: 3 };
            let mut turns: Turns<u8, u64> = Turns::new(bounds);
            let (mut at_work, mut waits): (Vec<u8>, Vec<(u8, u64)>) = (Vec::new(), Vec::new());
            for (what, key) in steps {
                match what {
                    0 => match turns.enter(&key, || 0) {
                        Entered::Goes => at_work.push(key),
                        Entered::Waits(number) => waits.push((key, number)),
                        Entered::Refused => prop_assert_eq!(waits.iter().filter(|(of, _)| *of == key).count(), bounds.waiting),
                    },
                    1 if !at_work.is_empty() => {
                        let key = at_work.remove(usize::from(key) % at_work.len());
                        for (key, _) in turns.leave(&key) {
                            let first = waits.iter().position(|(of, _)| *of == key).unwrap();
                            waits.remove(first);
                            at_work.push(key);
                        }
                    }
                    2 if !waits.is_empty() => {
                        let (key, number) = waits.remove(usize::from(key) % waits.len());
                        turns.give_up(&key, number);
                    }
                    _ => {}
                }
                let of = |key: u8| at_work.iter().filter(|at| **at == key).count();
                prop_assert_eq!(turns.count(), (at_work.len(), waits.len()));
                prop_assert!(at_work.len() <= bounds.all && (0..20).all(|key| of(key) <= bounds.each));
                prop_assert!(waits.iter().all(|(key, _)| at_work.len() == bounds.all || of(*key) == bounds.each));
                prop_assert!(turns.keys.len() <= at_work.len() + waits.len() && turns.round.len() <= waits.len());
            }
        }
    }
}
