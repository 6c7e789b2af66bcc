use std::collections::{BTreeMap, BTreeSet};

use api::credential::{LeakReport, LeakedCertificate, LeakedKey, LeakedParty, LeakedService, ReportLeak};
use domain::{CredentialId, Holder, RevocationReason, Timestamp};
use pki::party_key::public_halves;
use pki::{Certificate, PublicKey};
use serde_json::json;

use super::revoke::{block, under};
use super::view::{public_key, usable, view};
use super::whose::check_stoppable;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::operator::last::last_administrators;
use crate::store::{CertificateRow, CredentialRow, Write};

/// Public keys that one report names at most.
const MOST_KEYS: usize = 20;
/// Audit entries that a report lists at most; it counts all of them.
const MOST_ENTRIES: usize = 100;

/// Takes in that a private key is in other hands. Reported again, it answers again.
pub async fn leaked(app: &App, caller: &Caller, op: ReportLeak) -> Result<LeakReport, Failure> {
    let mut keys = keys_of(&op)?;
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    tx.hold_relying_parties().await?;
    let mut named = Vec::new();
    if let Some(id) = op.credential {
        let row = tx.credential(id).await?.ok_or_else(|| Failure::not_found("credential", id))?;
        named.extend(under(&mut tx, &row).await?);
        named.push(row);
        for row in &named {
            keys.extend(public_key(row)?);
        }
    }
    check_stoppable(&mut tx, caller, &keys).await?;
    let Stopped { keys: blocked, mut credentials, certificates } =
        stop(&mut tx, &keys, "reported", op.note.as_deref(), now).await?;
    // An address has no key of its own.
    leak(&mut tx, named, &mut credentials, now).await?;
    let rows: Vec<CredentialRow> = credentials.into_values().map(|credential| credential.row).collect();
    let first = rows.iter().map(|row| Timestamp::from_micros(row.created_at)).min();
    let since = op.since.or(first).unwrap_or(now);
    let parties = parties(&mut tx, &rows, since, now).await?;
    let mut entries = BTreeSet::new();
    for name in names(&rows, &blocked, &certificates)? {
        entries.extend(tx.audit_about(&name, since).await?);
    }
    let mut audit = Vec::new();
    for id in entries.iter().rev().take(MOST_ENTRIES) {
        audit.extend(tx.audit_entry(*id).await?.map(|(view, _)| view));
    }
    let mut credentials = Vec::with_capacity(rows.len());
    for row in &rows {
        credentials.push(view(&mut tx, row, now).await?);
    }
    let facts = json!({
        "keys": blocked.iter().map(|key| &key.thumbprint).collect::<Vec<_>>(),
        "credentials": credentials.iter().map(|credential| credential.id).collect::<Vec<CredentialId>>(),
        "parties": parties.iter().map(|party| &party.rp).collect::<Vec<_>>(),
        "certificates": certificates.iter().map(|certificate| &certificate.serial).collect::<Vec<_>>(),
        "since": since,
        "note": op.note,
    });
    let record = caller.record(&op).facts(facts);
    let record = match (op.credential, blocked.as_slice()) {
        (None, [one]) => record.subject(&one.thumbprint),
        (None, many) => record.subject(format!("{} keys", many.len())),
        (Some(_), _) => record,
    };
    let reply = LeakReport { keys: blocked, credentials, parties, certificates, since, audit, audit_entries: entries.len() };
    let reply = tx.commit(record, reply).await?;
    app.wake.revocations.notify_one();
    Ok(reply)
}

/// What stopped with keys that are in other hands.
#[derive(Debug, Default)]
pub(crate) struct Stopped {
    /// The keys, which are blocked.
    pub keys: Vec<LeakedKey>,
    /// The credentials over them, by number.
    pub credentials: BTreeMap<i64, StoppedCredential>,
    /// The certificates over them.
    pub certificates: Vec<LeakedCertificate>,
}

/// A credential over a key that is in other hands.
#[derive(Debug)]
pub(crate) struct StoppedCredential {
    /// As it is now: revoked.
    pub row: CredentialRow,
    /// The state it was in.
    pub was: String,
}

impl Stopped {
    /// The credentials that were good, or could have become so again.
    pub(crate) fn ended(&self) -> Result<Vec<CredentialId>, Failure> {
        let ended = self.credentials.values().filter(|credential| credential.was != credential.row.state);
        Ok(ended.map(|credential| credential.row.id()).collect::<Result<_, _>>()?)
    }
}

/// Stops keys that are in other hands, everywhere: they are refused from now on, and every credential and certificate over them is
/// revoked. The register of relying parties must be held.
///
/// # Errors
/// When the database cannot be reached, or a row is damaged.
pub(crate) async fn stop(
    tx: &mut Write,
    keys: &[PublicKey],
    source: &'static str,
    note: Option<&str>,
    now: Timestamp,
) -> Result<Stopped, Failure> {
    tx.hold_administrators().await?;
    let mut stopped = Stopped::default();
    for key in keys {
        block(tx, key, source, note, now).await?;
        let thumbprint = key.thumbprint().map_err(anyhow::Error::from)?;
        let known = tx.blocked_thumbprint(&thumbprint).await?.ok_or_else(|| anyhow::anyhow!("a blocked key is gone"))?;
        stopped.keys.push(LeakedKey {
            spki_sha256: pki::hex(&key.spki_digest()),
            blocked_at: Timestamp::from_micros(known.at),
            thumbprint,
        });
    }
    for key in &stopped.keys {
        let over = tx.credentials_of_key(&key.thumbprint).await?;
        leak(tx, over, &mut stopped.credentials, now).await?;
    }
    stopped.certificates = revoke_certificates(tx, keys, now).await?;
    Ok(stopped)
}

async fn leak(
    tx: &mut Write,
    rows: Vec<CredentialRow>,
    stopped: &mut BTreeMap<i64, StoppedCredential>,
    now: Timestamp,
) -> Result<(), Failure> {
    for row in rows {
        if stopped.contains_key(&row.id) {
            continue;
        }
        let after = row.with(row.life()?.leak(now));
        if after != row {
            tx.put_credential(&after).await?;
        }
        stopped.insert(row.id, StoppedCredential { row: after, was: row.state });
    }
    Ok(())
}

fn keys_of(op: &ReportLeak) -> Result<Vec<PublicKey>, Failure> {
    if op.credential.is_some() != op.public_keys.is_empty() {
        return Err(Failure::invalid("credential.empty", "exactly one of 'credential' and 'public_keys' is given"));
    }
    if op.public_keys.len() > MOST_KEYS {
        let message = format!("{} keys are more than the {MOST_KEYS} that one report takes", op.public_keys.len());
        return Err(Failure::invalid_field("credential.too-many-keys", "public_keys", message));
    }
    if let Some(note) = &op.note {
        domain::check_reason(note)
            .map_err(|fault| Failure::invalid_field("credential.note", "note", format!("the note {fault}")))?;
    }
    let mut keys: Vec<PublicKey> = Vec::new();
    for (place, pem) in op.public_keys.iter().enumerate() {
        let path = format!("public_keys[{place}]");
        if pem.contains("PRIVATE KEY-----") {
            let message = "a private key was sent: only its public half is wanted, and it has now been shown to one more machine";
            return Err(Failure::invalid_field("credential.private-key", path, message));
        }
        let found = public_halves(pem.as_bytes());
        let found = found.map_err(|error| Failure::invalid_field("credential.key", path, error.to_string()))?;
        keys.extend(found.into_iter().filter(|key| !keys.contains(key)).collect::<Vec<_>>());
    }
    Ok(keys)
}

/// Revokes every certificate of ours over one of the keys, but for those of the platform's own keys, and those of administrators
/// where none would be left with another: nobody could let anybody in again.
async fn revoke_certificates(tx: &mut Write, keys: &[PublicKey], now: Timestamp) -> Result<Vec<LeakedCertificate>, Failure> {
    tx.hold_administrators().await?;
    let mut over = Vec::new();
    for key in keys {
        let thumbprint = key.thumbprint().map_err(anyhow::Error::from)?;
        tx.hold_key(&thumbprint).await?;
        over.extend(tx.certificates_over(&thumbprint).await?);
    }
    over.extend(tx.certificates_without_key().await?.into_iter().filter(|row| is_over(row, keys)));
    let goes = |row: &CertificateRow| over.iter().any(|leaked| leaked.serial == row.serial);
    let spared = last_administrators(tx, goes, now).await?;
    let mut revoked = Vec::with_capacity(over.len());
    for row in over {
        let holder = row.holder()?;
        let standing = row.standing()?;
        let is_spared = match &holder {
            Holder::Key(_) => true,
            Holder::Operator(operator) => spared.contains(operator),
            Holder::RelyingParty(_) | Holder::Account(_) | Holder::Station(_) => false,
        };
        // One that is revoked, or over, is left as it is.
        if !is_spared && let Ok(after) = standing.revoke(RevocationReason::KeyCompromise, row.not_after(), now) {
            tx.put_standing(&row, after).await?;
        }
        revoked.push(LeakedCertificate {
            serial: row.serial()?,
            holder_kind: holder.kind(),
            holder: holder.to_string(),
            revoked: !is_spared,
        });
    }
    Ok(revoked)
}

pub(super) fn is_over(row: &CertificateRow, keys: &[PublicKey]) -> bool {
    let key = Certificate::from_der(row.der.as_deref().unwrap_or_default()).and_then(|certificate| certificate.public_key());
    key.is_ok_and(|key| keys.contains(&key))
}

/// Whose the credentials are, and what their services were used for since.
async fn parties(tx: &mut Write, rows: &[CredentialRow], since: Timestamp, now: Timestamp) -> Result<Vec<LeakedParty>, Failure> {
    let ids: BTreeSet<&str> = rows.iter().map(|row| row.relying_party.as_str()).collect();
    let mut parties = Vec::with_capacity(ids.len());
    for id in ids {
        let used = tx.uses_of_party(id, since.hk_day()).await?;
        let mut services = Vec::new();
        for service in tx.party_services(id).await? {
            let uses: i64 = used.iter().filter(|row| row.number == service.code).map(|row| row.count).sum();
            services.push(LeakedService { service: service.client()?.service, uses: u64::try_from(uses).unwrap_or(0) });
        }
        let left = usable(&tx.party_credentials(id).await?, now)?;
        let rp = id.parse().map_err(|_| anyhow::anyhow!("relying party {id} has a bad id"))?;
        parties.push(LeakedParty { rp, left, services });
    }
    Ok(parties)
}

/// Under which names the audit log may speak of them.
fn names(rows: &[CredentialRow], keys: &[LeakedKey], certificates: &[LeakedCertificate]) -> Result<BTreeSet<String>, Failure> {
    let mut names = BTreeSet::new();
    for row in rows {
        names.insert(row.relying_party.clone());
        names.insert(row.id()?.to_string());
    }
    names.extend(keys.iter().map(|key| key.thumbprint.clone()));
    names.extend(certificates.iter().flat_map(|certificate| [certificate.holder.clone(), certificate.serial.to_string()]));
    Ok(names)
}
