//! The readiness ledger: for each relying party what it is known to have seen, and what a new key would break.

use std::collections::HashMap;

use api::rotation::{CredentialSeen, PartyReadiness, Readiness};
use domain::{KeyPurpose, Kid, PartyFacts, PartyState, Sighting, Timestamp, Verdict};

use crate::failure::Failure;
use crate::store::{CredentialInUseRow, Read, StoreError};

/// Every party that is not retired, by id.
pub(super) async fn ledger(
    read: &mut Read,
    purpose: KeyPurpose,
    kids: &[Kid],
    now: Timestamp,
) -> Result<Vec<PartyReadiness>, Failure> {
    let mut credentials: HashMap<String, Vec<CredentialInUseRow>> = HashMap::new();
    for row in read.credentials_in_use().await? {
        if row.not_after.is_none_or(|end| now.micros() <= end) {
            credentials.entry(row.relying_party.clone()).or_default().push(row);
        }
    }
    let mut sightings: HashMap<String, Vec<Sighting>> = HashMap::new();
    for (party, sighting) in read.sightings().await? {
        sightings.entry(party).or_default().push(sighting);
    }
    let mut parties = Vec::new();
    for row in read.ledger_parties().await? {
        let broken = || StoreError::Broken(anyhow::anyhow!("relying party {} is damaged", row.id));
        let state: PartyState = row.state.parse().map_err(|_| broken())?;
        let used = credentials.remove(&row.id).unwrap_or_default();
        let facts = PartyFacts {
            services: if state == PartyState::Active { u64::try_from(row.services).unwrap_or(0) } else { 0 },
            credentials: used.len() as u64,
            sightings: sightings.remove(&row.id).unwrap_or_default(),
        };
        let verdict = facts.verdict(purpose, kids);
        parties.push(PartyReadiness {
            rp: row.id.parse().map_err(|_| broken())?,
            verdict,
            seen: facts.last().cloned(),
            credential: used.last().map(seen).transpose()?,
            breaks: facts.what_breaks(verdict, kids),
        });
    }
    Ok(parties)
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
    }
}
