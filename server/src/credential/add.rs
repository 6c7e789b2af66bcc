use api::credential::{AddCredential, CredentialAdded, CredentialChange};
use domain::credential::MOST_KEYS;
use domain::{
    CredentialSource, CredentialState, CredentialType, Environment, Finding, RelyingPartyId, Timestamp, check_key_set_url,
};
use serde_json::json;

use super::barred::barred;
use super::name::{Said, name};
use super::named::{NamedCredential, Reading};
use super::take::{copy_of, take};
use super::view::view;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::CredentialRow;

/// The longest label, characters.
const LONGEST_LABEL: usize = 100;

/// Lets a party be known by another credential, beside those it has.
pub async fn add(app: &App, caller: &Caller, op: AddCredential) -> Result<Vec<CredentialAdded>, Failure> {
    if let Some(service) = op.secret_of.clone() {
        return super::secret::make(app, caller, op, service).await;
    }
    let record = caller.record(&op);
    let now = app.clock.now();
    let said = said(&op, now)?;
    let environment = app.environment;
    let (rp, given) = (op.rp.clone(), op);
    // RSA keys take some milliseconds each: away from the tasks that answer others.
    let named = tokio::task::spawn_blocking(move || read(&given, environment)).await.map_err(anyhow::Error::from)??;
    if let Some(ended) = named.iter().find(|it| it.not_after.is_some_and(|end| end < now)) {
        let message = format!("the certificate has ended at {}", ended.not_after.unwrap_or(now).people());
        return Err(Failure::invalid_field("credential.expired", &ended.path, message));
    }
    if named.iter().any(|it| it.kind == CredentialType::JwksUrl) {
        one_more_address(app, &rp, &named, now).await?;
    }
    // Asked before the transaction: whoever answers slowly keeps no writer waiting.
    let mut copies = Vec::with_capacity(named.len());
    for credential in &named {
        copies.push(match credential.kind {
            CredentialType::JwksUrl => Some(copy_of(app, &credential.content).await),
            CredentialType::Jwks | CredentialType::Certificate | CredentialType::ClientSecret => None,
        });
    }
    let mut tx = app.store.write().await?;
    tx.hold_relying_parties().await?;
    let party = tx.party(&rp).await?.ok_or_else(|| Failure::not_found("relying party", &rp))?;
    party.state()?.take_manifest(&rp)?;
    let known = tx.party_credentials(rp.as_str()).await?;
    for credential in &named {
        // An address is no secret: revoked, it may be named again, and is another credential then.
        let finding = barred(&mut tx, rp.as_str(), &known, credential).await?;
        if let Some(finding) = finding.filter(|_| credential.kind != CredentialType::JwksUrl) {
            return Err(invalid(vec![finding]));
        }
    }
    let mut added = Vec::with_capacity(named.len());
    let mut found = Vec::new();
    for (credential, copy) in named.iter().zip(&copies) {
        let (row, change) = name(&mut tx, rp.as_str(), &known, credential, CredentialSource::Added, &said, now).await?;
        if let Some(copy) = copy {
            found.extend(take(&mut tx, row.id, copy, now).await?.and_then(|taken| taken.told()).map(|(_, facts)| facts));
        }
        added.push(CredentialAdded { change, credential: view(&mut tx, &row, now).await?, secret: None, note: None });
        for key in tx.party_credentials(rp.as_str()).await?.iter().filter(|key| key.address == Some(row.id)) {
            let change = match known.iter().find(|before| before.id == key.id) {
                Some(before) if before == key => CredentialChange::Unchanged,
                Some(_) => CredentialChange::Updated,
                None => CredentialChange::Added,
            };
            added.push(CredentialAdded { change, credential: view(&mut tx, key, now).await?, secret: None, note: None });
        }
    }
    not_too_many(&tx.party_credentials(rp.as_str()).await?, now)?;
    let facts = added.iter().map(|it| {
        let (id, kind, key) = (it.credential.id, it.credential.kind, &it.credential.thumbprint);
        json!({ "id": id, "kind": kind, "thumbprint": key, "change": it.change })
    });
    let facts = json!({
        "credentials": facts.collect::<Vec<_>>(), "label": said.label, "not_after": said.not_after, "found": found,
    });
    let done = tx.commit(record.facts(facts), added).await?;
    app.wake.revocations.notify_one();
    Ok(done)
}

/// Refuses an address that would be one too many before anybody is asked for it; one that is on record already is not another.
async fn one_more_address(app: &App, rp: &RelyingPartyId, named: &[NamedCredential], now: Timestamp) -> Result<(), Failure> {
    let known = app.store.read().await?.party_credentials(rp.as_str()).await?;
    let is_known = |row: &CredentialRow| row.state == "active" && named.iter().any(|it| it.content == row.content);
    if known.iter().any(is_known) { Ok(()) } else { check_room(&known, now) }
}

pub(super) fn said(op: &AddCredential, now: Timestamp) -> Result<Said, Failure> {
    if let Some(label) = &op.label {
        let fault = |what: String| Failure::invalid_field("credential.label", "label", format!("the label {what}"));
        domain::check_name(label).map_err(|error| fault(error.to_string()))?;
        if label.chars().count() > LONGEST_LABEL {
            return Err(fault(format!("has more than {LONGEST_LABEL} characters")));
        }
    }
    if let Some(end) = op.not_after.filter(|end| *end <= now) {
        let message = format!("the credential would have ended already, on {}", end.hk_day());
        return Err(Failure::invalid_field("credential.expired", "not_after", message));
    }
    Ok(Said { label: op.label.clone(), not_after: op.not_after })
}

fn read(op: &AddCredential, environment: Environment) -> Result<Vec<NamedCredential>, Failure> {
    let mut reading = Reading::default();
    match (&op.jwks, &op.jwks_url, &op.certificate) {
        (Some(jwks), None, None) => reading.jwks("jwks", jwks),
        (None, Some(url), None) => match check_key_set_url(url, environment) {
            Ok(_) => reading.address("jwks_url", url),
            Err(fault) => {
                let finding = Finding { path: "jwks_url".to_owned(), code: fault.code, message: fault.message, hint: fault.hint };
                return Err(invalid(vec![finding]));
            }
        },
        (None, None, Some(pem)) if pem.contains("PRIVATE KEY-----") => {
            let message = "a private key is in the file: it has now been shown to others; make a new one".to_owned();
            return Err(Failure::invalid_field("credential.private-key", "certificate", message));
        }
        (None, None, Some(pem)) => reading.certificate("certificate", pem),
        _ => {
            let message = "exactly one of 'jwks', 'jwks_url', 'certificate' and 'secret_of' is given".to_owned();
            return Err(Failure::invalid("credential.empty", message));
        }
    }
    let (named, findings) = reading.finish("jwks");
    if findings.is_empty() { Ok(named) } else { Err(invalid(findings)) }
}

/// Everything that is wrong, under the code of the first.
fn invalid(findings: Vec<Finding>) -> Failure {
    let code = findings.first().map_or("credential.empty", |finding| finding.code);
    let message = match findings.as_slice() {
        [only] => only.message.clone(),
        many => format!("{} mistakes in the credential", many.len()),
    };
    Failure::Invalid { code, message, fields: findings.into_iter().map(crate::relying_party::check::field_of).collect() }
}

/// Refuses more than a party may have.
///
/// # Errors
/// `credential.too-many-keys`; when a row is damaged.
fn not_too_many(rows: &[CredentialRow], now: Timestamp) -> Result<(), Failure> {
    within_limit(counted(rows, now)?)
}

/// Refuses one more where a party has as many as it may have.
///
/// # Errors
/// As [`not_too_many`].
pub(crate) fn check_room(rows: &[CredentialRow], now: Timestamp) -> Result<(), Failure> {
    within_limit(counted(rows, now)? + 1)
}

/// Keys, certificates and addresses that are good. The keys that an address brings are its own, and limited there.
fn counted(rows: &[CredentialRow], now: Timestamp) -> Result<usize, Failure> {
    let mut counted = 0;
    for row in rows.iter().filter(|row| row.address.is_none()) {
        counted += usize::from(row.state(now)? == CredentialState::Active);
    }
    Ok(counted)
}

fn within_limit(counted: usize) -> Result<(), Failure> {
    if counted <= MOST_KEYS {
        return Ok(());
    }
    let message = format!(
        "the party would have {counted} active keys, certificates and addresses of key sets, and has at most {MOST_KEYS}"
    );
    Err(Failure::invalid("credential.too-many-keys", message))
}
