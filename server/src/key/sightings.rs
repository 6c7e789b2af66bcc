//! Which key sets relying parties have fetched: gathered in memory and written down about once a second, so that a request of a
//! stranger writes nothing by itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::{Attribution, ClientId, Kid, RelyingPartyId, Sighting, Timestamp};

use crate::app::App;
use crate::store::Housekeeping;

/// Systems that are remembered between two rounds of writing. There are fewer clients than that; a certificate adds one a party.
const MOST: usize = 100_000;

/// What this node has seen and not yet written down: the newest of each system.
#[derive(Default)]
pub struct Sightings {
    seen: Mutex<HashMap<System, (Vec<Kid>, Timestamp)>>,
}

/// A system of a party, as far as it can be told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum System {
    Client(ClientId),
    Certificate(RelyingPartyId),
}

impl Sightings {
    /// A client has fetched the key set from its own address.
    pub fn client(&self, client: &ClientId, kids: Vec<Kid>, at: Timestamp) {
        self.note(System::Client(client.clone()), kids, at);
    }

    /// Somebody with a certificate of the party has fetched it.
    pub fn certificate(&self, party: &RelyingPartyId, kids: Vec<Kid>, at: Timestamp) {
        self.note(System::Certificate(party.clone()), kids, at);
    }

    fn note(&self, system: System, kids: Vec<Kid>, at: Timestamp) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < MOST || seen.contains_key(&system) {
            seen.insert(system, (kids, at));
        }
    }

    fn take(&self) -> HashMap<System, (Vec<Kid>, Timestamp)> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts back what could not be written; what was seen meanwhile is newer.
    fn put_back(&self, unwritten: HashMap<System, (Vec<Kid>, Timestamp)>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for (system, sighting) in unwritten {
            seen.entry(system).or_insert(sighting);
        }
    }
}

/// Writes down what was seen; gives how many systems.
///
/// # Errors
/// When the database cannot be reached; then it is kept for the next round.
pub async fn write_down(app: &App) -> anyhow::Result<usize> {
    let seen = app.sightings.take();
    if seen.is_empty() {
        return Ok(0);
    }
    match write(app, &seen).await {
        Ok(()) => Ok(seen.len()),
        Err(error) => {
            app.sightings.put_back(seen);
            Err(error)
        }
    }
}

async fn write(app: &App, seen: &HashMap<System, (Vec<Kid>, Timestamp)>) -> anyhow::Result<()> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    for (system, (kids, at)) in seen {
        let (party, client, how) = match system {
            System::Client(client) => (&client.rp, Some(client.to_string()), Attribution::OwnAddress),
            System::Certificate(party) => (party, None, Attribution::Certificate),
        };
        let sighting = Sighting { client, how, at: *at, kids: kids.clone(), said_to: None };
        tx.put_sighting(party.as_str(), &sighting, now).await?;
    }
    Ok(tx.commit_housekeeping(Housekeeping::Sightings).await?)
}
