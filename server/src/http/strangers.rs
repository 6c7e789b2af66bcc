//! Room for those who connect: one for those who have shown no certificate, one for those who have. They are never kept waiting,
//! and they keep nobody out: when all places are taken, one gives way to the one who comes, the first of those that belong to
//! whoever has the most: an address, or the name in a certificate. So one client that opens many connections closes its own; where
//! each has as many, the one who came first of all goes. An operator shows a certificate within milliseconds, so that whoever
//! wants to be in their way has to open a listener's whole room anew in that time.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The places, each somebody's: an address of [`network`] for strangers.
pub struct Room<K> {
    most: usize,
    here: Mutex<Here<K>>,
}

struct Here<K> {
    next: u64,
    /// In the order in which they came.
    places: BTreeMap<u64, (K, CancellationToken)>,
}

impl<K: Eq + Hash> Here<K> {
    /// The first of those who have the most places together.
    fn first_of_the_most(&self) -> Option<u64> {
        let mut of: HashMap<&K, (usize, u64)> = HashMap::new();
        for (number, (whose, _)) in &self.places {
            of.entry(whose).or_insert((0, *number)).0 += 1;
        }
        of.into_values().max_by_key(|(count, first)| (*count, std::cmp::Reverse(*first))).map(|(_, first)| first)
    }
}

/// One client's addresses: of IPv6 a client has a network of 64 bits (RFC 6177), not one address.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// A place; free again when it is dropped.
pub struct Place<K: Eq + Hash> {
    room: Arc<Room<K>>,
    number: u64,
    gives_way: CancellationToken,
}

impl<K: Eq + Hash> Room<K> {
    /// Room for `most`.
    #[must_use]
    pub fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, here: Mutex::new(Here { next: 0, places: BTreeMap::new() }) })
    }

    /// Takes a place for them, at whose cost soever.
    #[must_use]
    pub fn enter(self: &Arc<Self>, whose: K) -> Place<K> {
        let mut here = self.here();
        while here.places.len() >= self.most
            && let Some(first) = here.first_of_the_most()
            && let Some((_, first)) = here.places.remove(&first)
        {
            first.cancel();
        }
        let (number, gives_way) = (here.next, CancellationToken::new());
        here.next += 1;
        here.places.insert(number, (whose, gives_way.clone()));
        Place { room: Arc::clone(self), number, gives_way }
    }

    fn here(&self) -> MutexGuard<'_, Here<K>> {
        self.here.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Place<K> {
    /// Ends when the place is wanted by another.
    pub async fn gives_way(&self) {
        self.gives_way.cancelled().await;
    }
}

impl<K: Eq + Hash> Drop for Place<K> {
    fn drop(&mut self) {
        self.room.here().places.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given_way<K: Eq + Hash, const N: usize>(places: [&Place<K>; N]) -> [bool; N] {
        places.map(|place| place.gives_way.is_cancelled())
    }

    #[test]
    fn the_first_gives_way_to_the_last_and_who_leaves_makes_room() {
        let room = Room::of(2);
        let from = |number| IpAddr::from([192, 0, 2, number]);
        let (first, second) = (room.enter(from(1)), room.enter(from(2)));
        let third = room.enter(from(3));
        assert_eq!(given_way([&first, &second, &third]), [true, false, false]);
        drop(second);
        let fourth = room.enter(from(4));
        assert_eq!(given_way([&first, &third, &fourth]), [true, false, false]);
        drop(first);
        assert_eq!(room.here().places.len(), 2, "who was sent away frees no place twice");
    }

    #[test]
    fn one_who_opens_many_closes_their_own() {
        let room = Room::of(4);
        let from = |address: &str| network(address.parse().unwrap());
        let citizen = room.enter(from("2001:db8:1::7"));
        let other = room.enter(from("192.0.2.1"));
        let many: Vec<_> = (0..500).map(|number| room.enter(from(&format!("2001:db8:2::{number}")))).collect();
        assert_eq!(given_way([&citizen, &other]), [false, false]);
        let left = many.iter().filter(|place| !place.gives_way.is_cancelled()).count();
        assert_eq!((left, room.here().places.len()), (2, 4));
        let further = room.enter(from("::ffff:192.0.2.2"));
        assert_eq!(given_way([&many[498], &many[499], &further]), [true, false, false]);
    }

    #[test]
    fn one_who_shows_a_certificate_often_is_one() {
        let room = Room::of(3);
        let bank = room.enter("CN=bank".to_owned());
        let many: Vec<_> = (0..50).map(|_| room.enter("CN=shop".to_owned())).collect();
        let hospital = room.enter("CN=hospital".to_owned());
        assert_eq!(given_way([&bank, &hospital, &many[49], &many[48]]), [false, false, false, true]);
    }
}
