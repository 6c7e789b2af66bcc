//! What a copy of a key set changes, once it was fetched and read.

use std::time::Duration;

use domain::{
    CredentialId, CredentialLife, CredentialSource, CredentialType, Finding, KnownKey, NamedBy, Timestamp, cache_age, merge,
    retry_after,
};
use pki::party_key::{KeySet, PartyKey, read_fetched_key_set};
use serde_json::{Value, json};

use super::barred::barred;
use super::key_sets::FetchFault;
use super::leaked::stop;
use super::named::NamedCredential;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{CredentialRow, KeySetAddressRow, Write};

/// What was found at an address.
pub(crate) enum Copy {
    /// Somebody answered; what the answer is worth is in it.
    Read {
        /// The keys, and what is wrong with them.
        set: KeySet,
        /// How long the answer may be kept.
        age: Duration,
    },
    /// Nobody did, or not as it should be.
    Missed(FetchFault),
}

/// Fetches and reads what is at an address. RSA keys take some milliseconds each: away from the tasks that answer others.
pub(crate) async fn copy_of(app: &App, url: &str) -> Copy {
    match app.key_sets.fetch(url, app.environment).await {
        Err(fault) => Copy::Missed(fault),
        Ok(served) => {
            let age = cache_age(served.cache_control.as_deref());
            match tokio::task::spawn_blocking(move || read_fetched_key_set(&served.body)).await {
                Ok(set) => Copy::Read { set, age },
                Err(_) => {
                    Copy::Missed(FetchFault { code: "key-set.answer", message: "the key set could not be read".to_owned() })
                }
            }
        }
    }
}

/// What a copy changed, for the audit log.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    comes: Vec<String>,
    returns: Vec<CredentialId>,
    goes: Vec<CredentialId>,
    /// Keys whose private halves stood in it: thumbprints.
    exposed: Vec<String>,
    /// What is wrong with the newest copy now.
    fault: Option<String>,
    /// Whether that is news.
    news: bool,
}

impl Taken {
    /// What an auditor reads of it: an action and facts; none when nothing changed.
    pub(crate) fn told(&self) -> Option<(&'static str, Value)> {
        let changed = !(self.comes.is_empty() && self.returns.is_empty() && self.goes.is_empty());
        let action = if !self.exposed.is_empty() {
            "rp.credential.leaked"
        } else if self.news && self.fault.is_some() {
            "rp.credential.fault"
        } else if changed || self.news {
            "rp.credential.refresh"
        } else {
            return None;
        };
        let facts = json!({
            "comes": self.comes, "returns": self.returns, "goes": self.goes, "exposed": self.exposed, "fault": self.fault,
        });
        Some((action, facts))
    }
}

/// Takes a copy in: a good one rules over the keys that this address names, a bad one leaves the copy before it in use. Keys whose
/// private halves stand in it are blocked and revoked, good or bad. None when the address is no longer asked.
///
/// # Errors
/// When the database cannot be reached or a row is damaged.
pub(crate) async fn take(tx: &mut Write, address: i64, copy: &Copy, now: Timestamp) -> Result<Option<Taken>, Failure> {
    tx.hold_relying_parties().await?;
    let Some(state) = tx.key_set_address(address).await? else { return Ok(None) };
    let Some(row) = tx.credential_of_number(address).await?.filter(|row| row.state == "active") else { return Ok(None) };
    let mut taken = Taken::default();
    if let Copy::Read { set, .. } = copy {
        taken.exposed = exposed(tx, set, now).await?;
    }
    let known = tx.party_credentials(&row.relying_party).await?;
    let after = match fault(tx, &row, &known, copy).await? {
        Some((code, message)) => {
            let failures = state.failures.saturating_add(1);
            taken.news = state.fault_code.as_deref() != Some(code);
            taken.fault = Some(code.to_owned());
            KeySetAddressRow {
                next_at: now.plus(retry_after(u32::try_from(failures).unwrap_or(u32::MAX))).micros(),
                failures,
                fault_code: Some(code.to_owned()),
                fault: Some(message),
                fault_since: state.fault_since.or(Some(now.micros())),
                ..state
            }
        }
        None => {
            let Copy::Read { set, age } = copy else { return Ok(None) };
            rule(tx, &row, &known, &set.keys, now, &mut taken).await?;
            taken.news = state.fault_code.is_some() || state.fetched_at.is_none();
            KeySetAddressRow {
                credential: address,
                next_at: now.plus(*age).micros(),
                fetched_at: Some(now.micros()),
                failures: 0,
                fault_code: None,
                fault: None,
                fault_since: None,
            }
        }
    };
    tx.put_key_set_address(&after).await?;
    let outcome = if after.fault_code.is_some() { "bad" } else { "good" };
    metrics::counter!("iam_key_set_copies_total", "outcome" => outcome).increment(1);
    Ok(Some(taken))
}

/// Blocks the keys whose private halves stand in the set and revokes what they are good for, whosever they are: everybody can read
/// them.
async fn exposed(tx: &mut Write, set: &KeySet, now: Timestamp) -> Result<Vec<String>, Failure> {
    if set.exposed.is_empty() {
        return Ok(Vec::new());
    }
    let stopped = stop(tx, &set.exposed, "key-set", None, now).await?;
    Ok(stopped.keys.into_iter().map(|key| key.thumbprint).collect())
}

/// What is wrong with a copy: by itself, or as things are on record.
async fn fault(
    tx: &mut Write,
    row: &CredentialRow,
    known: &[CredentialRow],
    copy: &Copy,
) -> Result<Option<(&'static str, String)>, Failure> {
    let set = match copy {
        Copy::Missed(fault) => return Ok(Some((fault.code, fault.message.clone()))),
        Copy::Read { set, .. } => set,
    };
    if let Some(finding) = set.findings.first() {
        return Ok(Some(in_words(finding)));
    }
    for key in &set.keys {
        // A key that was revoked here stays revoked, whatever the set says; that is no fault of the others.
        let barred = barred(tx, &row.relying_party, known, &named(key)).await?;
        if let Some(finding) = barred.filter(|finding| finding.code != "credential.revoked") {
            return Ok(Some(in_words(&finding)));
        }
    }
    Ok(None)
}

fn in_words(finding: &Finding) -> (&'static str, String) {
    let place = finding.path.trim_start_matches('.');
    let message = if place.is_empty() { finding.message.clone() } else { format!("{place}: {}", finding.message) };
    (finding.code, message)
}

fn named(key: &PartyKey) -> NamedCredential {
    NamedCredential {
        kind: CredentialType::Jwks,
        thumbprint: Some(key.thumbprint.clone()),
        kid: key.kid.clone(),
        content: key.jwk.clone(),
        not_before: None,
        not_after: None,
        path: key.path.clone(),
    }
}

/// Puts on record what a good copy names and what it names no longer.
async fn rule(
    tx: &mut Write,
    address: &CredentialRow,
    known: &[CredentialRow],
    keys: &[PartyKey],
    now: Timestamp,
    taken: &mut Taken,
) -> Result<(), Failure> {
    let mut held = Vec::with_capacity(known.len());
    for row in known.iter().filter(|row| row.kind == CredentialType::Jwks.as_str()) {
        let named_by = if row.address == Some(address.id) { NamedBy::ThisAddress } else { NamedBy::Another };
        let thumbprint = row.thumbprint.as_deref().unwrap_or_default();
        held.push(KnownKey { id: row.id()?, thumbprint, life: row.life()?, named_by });
    }
    let found: Vec<&str> = keys.iter().map(|key| key.thumbprint.as_str()).collect();
    let merged = merge(&held, &found);
    for key in merged.comes.iter().filter_map(|place| keys.get(*place)) {
        let id = CredentialId::random(tx.entropy());
        let source = CredentialSource::Url;
        let row = CredentialRow {
            address: Some(address.id),
            thumbprint: Some(key.thumbprint.clone()),
            ..CredentialRow::new(id, &address.relying_party, CredentialType::Jwks, source, key.jwk.clone(), now)
        };
        tx.insert_credential(&row).await?;
        taken.comes.push(key.thumbprint.clone());
    }
    for row in known {
        let id = row.id()?;
        if merged.goes.contains(&id) {
            tx.put_credential(&row.with(CredentialLife::Superseded { since: now })).await?;
        } else if merged.returns.contains(&id) {
            let content = keys.iter().find(|key| Some(&key.thumbprint) == row.thumbprint.as_ref()).map(|key| key.jwk.clone());
            let after = CredentialRow {
                source: CredentialSource::Url.to_string(),
                address: Some(address.id),
                content: content.unwrap_or_else(|| row.content.clone()),
                ..row.with(CredentialLife::Active)
            };
            tx.put_credential(&after).await?;
        }
    }
    taken.returns = merged.returns;
    taken.goes = merged.goes;
    Ok(())
}
