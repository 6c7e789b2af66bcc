//! Room for those who have shown no certificate. They are never kept waiting, and they keep nobody out: when all places are
//! taken, the one who came first gives way to the one who comes. An operator shows a certificate within milliseconds, so that
//! whoever wants to be in their way has to open a listener's whole room anew in that time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The places.
pub struct Strangers {
    most: usize,
    here: Mutex<Here>,
}

#[derive(Default)]
struct Here {
    next: u64,
    /// In the order in which they came.
    places: BTreeMap<u64, CancellationToken>,
}

/// A place; free again when it is dropped.
pub struct Place {
    strangers: Arc<Strangers>,
    number: u64,
    gives_way: CancellationToken,
}

impl Strangers {
    /// Room for `most`.
    #[must_use]
    pub fn room(most: usize) -> Arc<Self> {
        Arc::new(Self { most, here: Mutex::default() })
    }

    /// Takes a place, at whose cost soever.
    #[must_use]
    pub fn enter(self: &Arc<Self>) -> Place {
        let mut here = self.here();
        while here.places.len() >= self.most
            && let Some((_, first)) = here.places.pop_first()
        {
            first.cancel();
        }
        let (number, gives_way) = (here.next, CancellationToken::new());
        here.next += 1;
        here.places.insert(number, gives_way.clone());
        Place { strangers: Arc::clone(self), number, gives_way }
    }

    fn here(&self) -> MutexGuard<'_, Here> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Ends when the place is wanted by another.
    pub async fn gives_way(&self) {
        self.gives_way.cancelled().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.strangers.here().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_gives_way_to_the_last_and_who_leaves_makes_room() {
        let room = Strangers::room(2);
        let (first, second) = (room.enter(), room.enter());
        let third = room.enter();
        let given_way = |place: &Place| place.gives_way.is_cancelled();
        assert_eq!([&first, &second, &third].map(given_way), [true, false, false]);
        drop(second);
        let fourth = room.enter();
        assert_eq!([&first, &third, &fourth].map(given_way), [true, false, false]);
        drop(first);
        assert_eq!(room.here().places.len(), 2, "who was sent away frees no place twice");
    }
}
