use std::collections::{HashMap, HashSet};

use api::relying_party::{ApplyParties, PartyApplied, PartyChange};
use domain::{CredentialSource, OperatorId, PartyState, ServiceManifest, ServiceState, Timestamp};
use serde_json::{Value, json};

use super::check::{Checked, CheckedParty};
use super::intent::{Intent, intend};
use super::plan::checked;
use super::record::{moment, record_party, record_services};
use crate::app::{App, Caller};
use crate::credential::name::{Said, name, supersede};
use crate::failure::Failure;
use crate::store::{CredentialRow, PartyRow, ServiceRow, Write};

/// Brings the parties to the state of their manifests: all of them or none.
pub async fn apply(app: &App, caller: &Caller, op: ApplyParties) -> Result<Vec<PartyApplied>, Failure> {
    let record = caller.record(&op);
    let manifests = checked(app, op.manifests).await?;
    let mut tx = app.store.write().await?;
    let applied = apply_manifests(&mut tx, &manifests, &caller.operator).await?;
    let done = tx.commit(record.facts(facts(&applied)), applied).await?;
    // An address among the credentials is read at once.
    app.wake.key_sets.notify_one();
    Ok(done)
}

fn facts(applied: &[PartyApplied]) -> Value {
    let ids = |change| applied.iter().filter(|party| party.change == change).map(|party| &party.rp).collect::<Vec<_>>();
    json!({
        "created": ids(PartyChange::Created),
        "updated": ids(PartyChange::Updated),
        "unchanged": ids(PartyChange::Unchanged).len(),
    })
}

/// Brings parties to the state of their manifests within a transaction: the one way for operators' files and for a sandbox's
/// population. A party whose manifest changes nothing is not written at all.
///
/// # Errors
/// When one of them is refused as things stand; the transaction is then to be dropped.
pub(crate) async fn apply_manifests(
    tx: &mut Write,
    manifests: &Checked,
    operator: &OperatorId,
) -> Result<Vec<PartyApplied>, Failure> {
    tx.hold_relying_parties().await?;
    let now = tx.recording_time().await?;
    let intents = intend(tx, manifests).await?;
    // Counted once: while the register is held, nobody else gives codes out.
    let mut highest_code = tx.highest_service_code().await?;
    let mut applied = Vec::with_capacity(intents.len());
    for intent in intents {
        if intent.change != PartyChange::Unchanged {
            put(tx, &intent, operator, now, &mut highest_code).await?;
        }
        applied.push(PartyApplied { rp: intent.party.manifest.id.clone(), change: intent.change, state: intent.state });
    }
    Ok(applied)
}

async fn put(
    tx: &mut Write,
    intent: &Intent<'_>,
    operator: &OperatorId,
    now: Timestamp,
    highest_code: &mut i32,
) -> Result<(), Failure> {
    let row = party_row(intent.party, intent.before.as_ref(), intent.state, now)?;
    match &intent.before {
        None => tx.insert_party(&row).await?,
        Some(_) => tx.put_party(&row).await?,
    }
    record_party(tx, &row, operator, None, &intent.changes).await?;
    put_services(tx, &row, intent.party, highest_code).await?;
    record_services(tx, &row).await?;
    put_credentials(tx, &row, intent.party).await
}

fn party_row(party: &CheckedParty, before: Option<&PartyRow>, state: PartyState, now: Timestamp) -> Result<PartyRow, Failure> {
    let manifest = &party.manifest;
    let at = moment(before, now).micros();
    Ok(PartyRow {
        id: manifest.id.to_string(),
        state: state.to_string(),
        version: before.map_or(1, |before| before.version + 1),
        sector: manifest.sector.to_string(),
        industry: manifest.industry.map(|industry| industry.to_string()),
        name_en: manifest.organisation.en.clone(),
        name_zh_hant: manifest.organisation.zh_hant.clone(),
        skeleton_en: party.skeleton_en.clone(),
        skeleton_zh_hant: party.skeleton_zh_hant.clone(),
        synthetic: manifest.synthetic,
        suspended_reason: before.and_then(|before| before.suspended_reason.clone()),
        manifest: serde_json::to_string(manifest).map_err(anyhow::Error::from)?,
        created_at: before.map_or(at, |before| before.created_at),
        updated_at: at,
    })
}

/// Adds services that are new, under codes that nobody had before; retires those that are no longer listed, and brings back
/// those that are again.
async fn put_services(tx: &mut Write, row: &PartyRow, party: &CheckedParty, highest_code: &mut i32) -> Result<(), Failure> {
    let known = tx.party_services(&row.id).await?;
    let mut known: HashMap<String, ServiceRow> = known.into_iter().map(|service| (service.slug.clone(), service)).collect();
    for service in &party.manifest.services {
        match known.remove(service.id.as_str()) {
            None => {
                *highest_code = highest_code.checked_add(1).ok_or_else(|| anyhow::anyhow!("the service codes are used up"))?;
                tx.insert_service(&service_row(*highest_code, row, service)?).await?;
            }
            Some(before) => {
                let after = service_row(before.code, row, service)?;
                if after != before {
                    tx.put_service(&after).await?;
                }
            }
        }
    }
    for gone in known.into_values() {
        if gone.state()? != ServiceState::Retired {
            tx.put_service(&ServiceRow { state: ServiceState::Retired.to_string(), ..gone }).await?;
        }
    }
    Ok(())
}

fn service_row(code: i32, party: &PartyRow, service: &ServiceManifest) -> Result<ServiceRow, Failure> {
    Ok(ServiceRow {
        code,
        relying_party: party.id.clone(),
        slug: service.id.to_string(),
        name_en: service.name.en.clone(),
        name_zh_hant: service.name.zh_hant.clone(),
        category: service.category.map(|category| category.to_string()),
        functions: service.functions.iter().map(|function| function.as_str()).collect::<Vec<_>>().join(" "),
        state: ServiceState::Active.to_string(),
        since: Some(service.since.number()),
        synthetic: party.synthetic || service.synthetic,
        manifest: serde_json::to_string(service).map_err(anyhow::Error::from)?,
    })
}

/// What the manifest lists is named by it and active; what it named before and lists no longer is superseded: kept on record,
/// good for nothing. Credentials that others name are left alone.
async fn put_credentials(tx: &mut Write, row: &PartyRow, party: &CheckedParty) -> Result<(), Failure> {
    let now = Timestamp::from_micros(row.updated_at);
    let known = tx.party_credentials(&row.id).await?;
    let mut listed = HashSet::new();
    for named in &party.credentials {
        let (credential, _) = name(tx, &row.id, &known, named, CredentialSource::Manifest, &Said::default(), now).await?;
        listed.insert(credential.id);
    }
    let is_listed = |credential: &&CredentialRow| listed.contains(&credential.id);
    for gone in known.iter().filter(|credential| credential.source == "manifest" && !is_listed(credential)) {
        supersede(tx, &known, gone, now).await?;
    }
    Ok(())
}
