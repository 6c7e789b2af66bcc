//! The readiness ledger: for each relying party what it is known to have seen, and what a new key would break.

use std::collections::HashMap;

use api::rotation::{CredentialSeen, PartyReadiness, Readiness};
use domain::{CredentialType, KeyPurpose, Kid, PartyFacts, PartyState, Sighting, Timestamp, Verdict};

use crate::failure::Failure;
use crate::store::{CredentialInUseRow, Read, StoreError};

/// A party with what counts of it.
pub(crate) struct KnownParty {
    /// Its id.
    pub id: String,
    /// What is known of it.
    pub facts: PartyFacts,
    /// The credential that it used last.
    credential: Option<CredentialInUseRow>,
}

/// Every party that is not retired, by id.
pub(crate) async fn known_parties(read: &mut Read, now: Timestamp) -> Result<Vec<KnownParty>, StoreError> {
    let mut credentials: HashMap<String, Vec<CredentialInUseRow>> = HashMap::new();
    for row in read.credentials_in_use().await? {
        if row.not_after.is_none_or(|end| now.micros() <= end) {
            credentials.entry(row.relying_party.clone()).or_default().push(row);
        }
    }
    let mut clients: HashMap<String, Vec<String>> = HashMap::new();
    for (party, client) in read.ledger_clients().await? {
        clients.entry(party).or_default().push(client);
    }
    let mut sightings: HashMap<String, Vec<Sighting>> = HashMap::new();
    for (party, sighting) in read.sightings().await? {
        sightings.entry(party).or_default().push(sighting);
    }
    let mut parties = Vec::new();
    for row in read.ledger_parties().await? {
        let state: PartyState = row.state.parse().map_err(|_| damaged(&row.id))?;
        let mut used = credentials.remove(&row.id).unwrap_or_default();
        let services = clients.remove(&row.id).unwrap_or_default();
        let facts = PartyFacts {
            clients: if state == PartyState::Active { services } else { Vec::new() },
            credentials: used.len() as u64,
            certificates: used.iter().filter(|row| row.kind == CredentialType::Certificate.as_str()).count() as u64,
            sightings: sightings.remove(&row.id).unwrap_or_default(),
        };
        parties.push(KnownParty { id: row.id, facts, credential: used.pop() });
    }
    Ok(parties)
}

/// Every party that is not retired, by id: whether it is ready for these keys.
pub(super) async fn ledger(
    read: &mut Read,
    purpose: KeyPurpose,
    kids: &[Kid],
    now: Timestamp,
) -> Result<Vec<PartyReadiness>, Failure> {
    let mut parties = Vec::new();
    for KnownParty { id, facts, credential } in known_parties(read, now).await? {
        let verdict = facts.verdict(purpose, kids);
        parties.push(PartyReadiness {
            rp: id.parse().map_err(|_| damaged(&id))?,
            verdict,
            seen: facts.last().cloned(),
            credential: credential.as_ref().map(seen).transpose()?,
            breaks: facts.what_breaks(verdict, kids),
        });
    }
    Ok(parties)
}

fn damaged(party: &str) -> StoreError {
    StoreError::Broken(anyhow::anyhow!("relying party {party} is damaged"))
}

fn seen(row: &CredentialInUseRow) -> Result<CredentialSeen, StoreError> {
    Ok(CredentialSeen {
        credential: row.id()?,
        kind: row.kind.clone(),
        last_used_at: row.last_used_at.map(Timestamp::from_micros),
    })
}

/// How many parties are what.
pub(super) fn counted(ledger: &[PartyReadiness]) -> Readiness {
    let of = |verdict| ledger.iter().filter(|party| party.verdict == verdict).count() as u64;
    Readiness {
        ready: of(Verdict::Ready),
        not_ready: of(Verdict::NotReady),
        unknown: of(Verdict::Unknown),
        not_counted: of(Verdict::NoCredential) + of(Verdict::NoService),
        not_tracked: of(Verdict::NotTracked),
    }
}
