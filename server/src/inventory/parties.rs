//! What relying parties have brought, and the copies of our key set that they are known to hold.

use domain::{
    Attribution, CredentialState, CredentialType, Direction, ItemKind, KeyPurpose, KeyState, Next, NextStep, Sighting, Timestamp,
    next_of_credential,
};

use super::gather::Item;
use super::words;
use crate::failure::Failure;
use crate::key::ledger::known_parties;
use crate::store::{HeldCredentialRow, KeyRow, Read, StoreError};

/// Active credentials that parties have brought themselves.
pub(super) async fn credentials(read: &mut Read, now: Timestamp) -> Result<Vec<Item>, Failure> {
    let rows = read.credentials_held().await?;
    Ok(rows.iter().map(|row| credential(row, now)).collect::<Result<_, _>>()?)
}

fn credential(row: &HeldCredentialRow, now: Timestamp) -> Result<Item, StoreError> {
    let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("a credential of {} has a bad {what}", row.relying_party));
    let kind: CredentialType = row.kind.parse().map_err(|_| broken("kind"))?;
    let id = row.id()?.to_string();
    let ends_at = row.not_after.map(Timestamp::from_micros);
    let state = if ends_at.is_some_and(|end| end < now) { CredentialState::Expired } else { CredentialState::Active };
    let from = Timestamp::from_micros(row.not_before.unwrap_or(row.created_at));
    let party = &row.relying_party;
    let mend = row.fault.as_ref().and(row.next_at).map(|at| Next { step: NextStep::Mend, at: Timestamp::from_micros(at) });
    let next = mend.or_else(|| next_of_credential(state, from, ends_at));
    let how = match &row.fault {
        Some(fault) => Some(format!("the party mends the key set at its address: {fault}")),
        None => words::to_do(&next, || {
            format!("the party brings another one: 'iamctl rp credential add {party} …'; then 'iamctl rp credential revoke {id}'")
        }),
    };
    Ok(Item {
        kind: match kind {
            CredentialType::Jwks | CredentialType::ClientSecret => ItemKind::PartyKey,
            CredentialType::JwksUrl => ItemKind::KeySetAddress,
            CredentialType::Certificate => ItemKind::PartyCertificate,
        },
        direction: Direction::Theirs,
        what: row.label.as_ref().map_or_else(|| kind.to_string(), |label| format!("{kind} {label}")),
        holder: party.clone(),
        party: Some(party.parse().map_err(|_| broken("party"))?),
        state: state.to_string(),
        ends_at,
        renewed: false,
        counts: true,
        depends: vec![format!("relying party {party} authenticates with it")],
        next,
        how,
        noted_at: Timestamp::from_micros(row.created_at),
        version: 0,
        id,
    })
}

/// The key sets that parties are known to have fetched, or say they have: copies of ours that are in their hands.
/// Those of services that are gone, and by certificates that are, nobody fetches again.
pub(super) async fn copies(read: &mut Read, rows: &[KeyRow], now: Timestamp) -> Result<Vec<Item>, Failure> {
    let tokens = rows.iter().filter(|row| row.purpose == KeyPurpose::TokenSigning.as_str());
    let wanted: Vec<&KeyRow> = tokens.filter(|row| row.state != KeyState::Draining.as_str()).collect();
    let parties = known_parties(read, now).await?;
    let copies = parties.iter().flat_map(|party| party.facts.known().map(move |sighting| (&party.id, sighting)));
    Ok(copies.map(|(party, sighting)| copy(party, sighting, &wanted, now)).collect::<Result<_, _>>()?)
}

fn copy(party: &str, sighting: &Sighting, wanted: &[&KeyRow], now: Timestamp) -> Result<Item, StoreError> {
    // A word is about the keys that it names: of one that was there before it, it says nothing.
    let untold = |row: &KeyRow| sighting.how == Attribution::Acknowledgement && row.created_at <= sighting.at.micros();
    let lacks = |row: &&&KeyRow| !sighting.kids.iter().any(|kid| kid.as_str() == row.kid) && !untold(row);
    let lacks: Vec<&&KeyRow> = wanted.iter().filter(lacks).collect();
    // What it lacks and already signs breaks now; what is only published, when it takes over.
    let at = lacks.iter().map(|row| row.activate_at.map_or(now, Timestamp::from_micros)).min();
    let how = (!lacks.is_empty()).then(|| {
        let kids: Vec<&str> = lacks.iter().map(|row| row.kid.as_str()).collect();
        let kids = kids.join(" --kid ");
        format!(
            "the party fetches the key set again; 'iamctl rp credential ack {party} --kid {kids}' notes its word that it has what it lacks"
        )
    });
    let whose = sighting.client.clone().unwrap_or_else(|| party.to_owned());
    Ok(Item {
        id: format!("{party}/{whose}/{}", sighting.how),
        kind: ItemKind::Copy,
        direction: Direction::Theirs,
        what: match sighting.how {
            Attribution::Acknowledgement => format!("our key set, {} keys, by its word", sighting.kids.len()),
            Attribution::OwnAddress | Attribution::Certificate => format!("our key set, {} keys, fetched", sighting.kids.len()),
        },
        holder: party.to_owned(),
        party: Some(party.parse().map_err(|_| StoreError::Broken(anyhow::anyhow!("a sighting is of a bad party")))?),
        state: if lacks.is_empty() { "current" } else { "stale" }.to_owned(),
        ends_at: None,
        renewed: false,
        counts: false,
        depends: vec![format!("{whose} verifies our tokens with it")],
        next: at.map(|at| Next { step: NextStep::AskParty, at }),
        how,
        noted_at: sighting.at,
        version: 0,
    })
}
