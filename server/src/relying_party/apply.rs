use std::collections::{HashMap, HashSet};

use api::account::Ended;
use api::relying_party::{ApplyParties, PartyApplied, PartyChange};
use domain::{CredentialSource, OperatorId, Outcome, PartyState, ServiceManifest, ServiceState, Timestamp};
use serde_json::{Value, json};

use super::check::{Checked, CheckedParty};
use super::intent::{Intent, intend};
use super::plan::checked;
use super::record::{moment, record_party, record_services};
use crate::app::{App, Caller};
use crate::credential::name::{Said, name, supersede};
use crate::failure::Failure;
use crate::request::record_ended;
use crate::store::{CredentialRow, PartyRow, ServiceRow, Write};

/// Brings the parties to the state of their manifests: all of them or none.
pub async fn apply(app: &App, caller: &Caller, op: ApplyParties) -> Result<Vec<PartyApplied>, Failure> {
    let record = caller.record(&op);
    let manifests = checked(app, op.manifests).await?;
    let mut tx = app.store.write().await?;
    let applied = apply_manifests(app, &mut tx, &manifests, &caller.operator).await?;
    let done = tx.commit(record.facts(facts(&applied)), applied).await?;
    // An address among the credentials is read at once.
    app.wake.key_sets.notify_one();
    Ok(done)
}

fn facts(applied: &[PartyApplied]) -> Value {
    let ids = |change| applied.iter().filter(|party| party.change == change).map(|party| &party.rp).collect::<Vec<_>>();
    let mut facts = json!({
        "created": ids(PartyChange::Created),
        "updated": ids(PartyChange::Updated),
        "unchanged": ids(PartyChange::Unchanged).len(),
    });
    let ended: Vec<Value> =
        applied.iter().filter_map(|party| party.ended.map(|ended| json!({ "rp": party.rp, "ended": ended }))).collect();
    if !ended.is_empty() {
        facts["retired"] = ended.into();
    }
    facts
}

/// Brings parties to the state of their manifests within a transaction: the one way for operators' files and for a sandbox's
/// population. A party whose manifest changes nothing is not written at all.
///
/// # Errors
/// When one of them is refused as things stand; the transaction is then to be dropped.
pub(crate) async fn apply_manifests(
    app: &App,
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
        let mut ended = None;
        if intent.change != PartyChange::Unchanged {
            let retired = put(tx, &intent, operator, now, &mut highest_code).await?;
            ended = end_everything(app, tx, &retired, now).await?;
        }
        applied.push(PartyApplied { rp: intent.party.manifest.id.clone(), change: intent.change, state: intent.state, ended });
    }
    Ok(applied)
}

/// Puts a party as its manifest says, and gives the services that are retired with it. Whoever redeems something of the party, or
/// reads somebody's data, is waited for: what a service may do changes between two of them and not within one.
async fn put(
    tx: &mut Write,
    intent: &Intent<'_>,
    operator: &OperatorId,
    now: Timestamp,
    highest_code: &mut i32,
) -> Result<Vec<i32>, Failure> {
    if intent.before.is_some() {
        tx.hold_party(&intent.party.manifest.id).await?;
    }
    let row = party_row(intent.party, intent.before.as_ref(), intent.state, now)?;
    match &intent.before {
        None => tx.insert_party(&row).await?,
        Some(_) => tx.put_party(&row).await?,
    }
    record_party(tx, &row, operator, None, &intent.changes).await?;
    let retired = put_services(tx, &row, intent.party, highest_code).await?;
    record_services(tx, &row).await?;
    put_credentials(tx, &row, intent.party).await?;
    Ok(retired)
}

/// Ends every login, token and open request of services that are retired; none where none is. A service that is listed again begins
/// anew.
async fn end_everything(app: &App, tx: &mut Write, retired: &[i32], now: Timestamp) -> Result<Option<Ended>, Failure> {
    let mut ended = Ended::default();
    for service in retired {
        let requests = tx.end_requests_at(*service, now).await?;
        let logins = tx.end_logins_of_service(*service, "service-retired", now).await?;
        record_ended(app, tx, &requests, |_| Outcome::Failed).await?;
        ended.requests += u64::try_from(requests.len()).unwrap_or(u64::MAX);
        ended.sessions += logins.logins;
        ended.tokens += logins.tokens;
    }
    Ok((!retired.is_empty()).then_some(ended))
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
/// those that are again. Gives those that are retired by it.
async fn put_services(tx: &mut Write, row: &PartyRow, party: &CheckedParty, highest_code: &mut i32) -> Result<Vec<i32>, Failure> {
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
    let mut retired = Vec::new();
    for gone in known.into_values() {
        if gone.state()? != ServiceState::Retired {
            retired.push(gone.code);
            tx.put_service(&ServiceRow { state: ServiceState::Retired.to_string(), ..gone }).await?;
        }
    }
    Ok(retired)
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
