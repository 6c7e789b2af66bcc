//! Where clients have proved of late who they are: whoever comes in their name from there does not stand with strangers. It lets
//! nobody in, it decides in which queue they wait.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use domain::ClientId;

/// Networks of one client: its servers'.
const NETWORKS: usize = 16;

/// The last networks of each. There are no more entries than clients.
#[derive(Debug, Default)]
pub(super) struct Proven(Mutex<HashMap<ClientId, VecDeque<IpAddr>>>);

impl Proven {
    /// The client has proved it from there.
    pub(super) fn note(&self, client: &ClientId, from: IpAddr) {
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let networks = clients.entry(client.clone()).or_default();
        if !networks.contains(&from) {
            networks.truncate(NETWORKS - 1);
            networks.push_front(from);
        }
    }

    /// Whether it has.
    pub(super) fn knows(&self, client: &ClientId, from: IpAddr) -> bool {
        let clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clients.get(client).is_some_and(|networks| networks.contains(&from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_networks_of_each_client_are_known() {
        let proven = Proven::default();
        let (bank, shop): (ClientId, ClientId) = ("bank.online".parse().unwrap(), "shop.online".parse().unwrap());
        let from = |number: usize| IpAddr::from([192, 0, 2, u8::try_from(number).unwrap()]);
        proven.note(&bank, from(0));
        proven.note(&shop, from(0));
        for number in 1..=NETWORKS {
            proven.note(&bank, from(number));
            proven.note(&bank, from(number));
        }
        assert_eq!([0, 1, NETWORKS].map(|number| proven.knows(&bank, from(number))), [false, true, true]);
        assert!(proven.knows(&shop, from(0)), "another's coming and going is no matter of its");
    }
}
