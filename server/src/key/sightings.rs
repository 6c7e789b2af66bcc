//! Which key sets relying parties have fetched and which credentials they have shown: gathered in memory and written down about
//! once a second, so that a request of a stranger writes nothing by itself.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::{Attribution, ClientId, CredentialId, Kid, RelyingPartyId, Sighting, Timestamp};

use crate::app::App;
use crate::store::Housekeeping;

/// Systems that are remembered between two rounds of writing. There are fewer clients than that; a certificate adds one a party.
const MOST: usize = 100_000;

/// What this node has seen and not yet written down.
#[derive(Default)]
pub struct Sightings(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// The newest key set of each system.
    sets: HashMap<System, (Vec<Kid>, Timestamp)>,
    /// When each credential was used last.
    used: HashMap<CredentialId, Timestamp>,
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

    /// A party has shown that it has this credential.
    pub fn credential(&self, credential: CredentialId, at: Timestamp) {
        let mut seen = self.lock();
        if seen.used.len() < MOST || seen.used.contains_key(&credential) {
            seen.used.insert(credential, at);
        }
    }

    fn note(&self, system: System, kids: Vec<Kid>, at: Timestamp) {
        let mut seen = self.lock();
        if seen.sets.len() < MOST || seen.sets.contains_key(&system) {
            seen.sets.insert(system, (kids, at));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Seen {
        std::mem::take(&mut *self.lock())
    }

    /// Puts back what could not be written; what was seen meanwhile is newer.
    fn put_back(&self, unwritten: Seen) {
        let mut seen = self.lock();
        for (system, set) in unwritten.sets {
            seen.sets.entry(system).or_insert(set);
        }
        for (credential, at) in unwritten.used {
            seen.used.entry(credential).or_insert(at);
        }
    }
}

/// Writes down what was seen; gives how many systems and credentials.
///
/// # Errors
/// When the database cannot be reached; then it is kept for the next round.
pub async fn write_down(app: &App) -> anyhow::Result<usize> {
    let seen = app.sightings.take();
    let count = seen.sets.len() + seen.used.len();
    if count == 0 {
        return Ok(0);
    }
    match write(app, &seen).await {
        Ok(()) => Ok(count),
        Err(error) => {
            app.sightings.put_back(seen);
            Err(error)
        }
    }
}

async fn write(app: &App, seen: &Seen) -> anyhow::Result<()> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    for (system, (kids, at)) in &seen.sets {
        let (party, client, how) = match system {
            System::Client(client) => (&client.rp, Some(client.to_string()), Attribution::OwnAddress),
            System::Certificate(party) => (party, None, Attribution::Certificate),
        };
        let sighting = Sighting { client, how, at: *at, kids: kids.clone(), said_to: None };
        tx.put_sighting(party.as_str(), &sighting, now).await?;
    }
    for (credential, at) in &seen.used {
        tx.credential_seen(*credential, *at).await?;
    }
    Ok(tx.commit_housekeeping(Housekeeping::Sightings).await?)
}
