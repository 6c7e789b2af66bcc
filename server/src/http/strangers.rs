//! Room for those who have shown no certificate. They are never kept waiting, and they keep nobody out: when all places are
//! taken, one gives way to the one who comes, the first of those who come from the address that has the most. So one client that
//! opens many connections closes its own; where every address has as many, the one who came first of all goes. An operator shows
//! a certificate within milliseconds, so that whoever wants to be in their way has to open a listener's whole room anew in that
//! time.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
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
    places: BTreeMap<u64, (IpAddr, CancellationToken)>,
}

impl Here {
    /// The first of those who have the most places together.
    fn first_of_the_most(&self) -> Option<u64> {
        let mut from: HashMap<IpAddr, (usize, u64)> = HashMap::new();
        for (number, (address, _)) in &self.places {
            from.entry(*address).or_insert((0, *number)).0 += 1;
        }
        from.into_values().max_by_key(|(count, first)| (*count, std::cmp::Reverse(*first))).map(|(_, first)| first)
    }
}

/// One client's addresses: of IPv6 a client has a network of 64 bits (RFC 6177), not one address.
fn client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
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

    /// Takes a place for somebody from that address, at whose cost soever.
    #[must_use]
    pub fn enter(self: &Arc<Self>, from: IpAddr) -> Place {
        let mut here = self.here();
        while here.places.len() >= self.most
            && let Some(first) = here.first_of_the_most()
            && let Some((_, first)) = here.places.remove(&first)
        {
            first.cancel();
        }
        let (number, gives_way) = (here.next, CancellationToken::new());
        here.next += 1;
        here.places.insert(number, (client(from), gives_way.clone()));
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

    fn given_way<const N: usize>(places: [&Place; N]) -> [bool; N] {
        places.map(|place| place.gives_way.is_cancelled())
    }

    #[test]
    fn the_first_gives_way_to_the_last_and_who_leaves_makes_room() {
        let room = Strangers::room(2);
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
        let room = Strangers::room(4);
        let citizen = room.enter("2001:db8:1::7".parse().unwrap());
        let other = room.enter("192.0.2.1".parse().unwrap());
        let network = |number: u16| IpAddr::from([0x2001, 0xdb8, 2, 0, 0, 0, 0, number]);
        let many: Vec<Place> = (0..500).map(|number| room.enter(network(number))).collect();
        assert_eq!(given_way([&citizen, &other]), [false, false]);
        let left = many.iter().filter(|place| !place.gives_way.is_cancelled()).count();
        assert_eq!((left, room.here().places.len()), (2, 4));
        let further = room.enter("::ffff:192.0.2.2".parse().unwrap());
        assert_eq!(given_way([&many[498], &many[499], &further]), [true, false, false]);
    }
}
