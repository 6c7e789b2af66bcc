//! How a source names a credential, and how it stops to.

use api::credential::CredentialChange;
use domain::{CredentialId, CredentialLife, CredentialSource, CredentialType, Timestamp};

use super::named::NamedCredential;
use crate::failure::Failure;
use crate::store::{CredentialRow, KeySetAddressRow, Write};

/// What an operator says about a credential besides its content.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    /// What it is called among people.
    pub(crate) label: Option<String>,
    /// Last moment, where it is to end earlier than by itself.
    pub(crate) not_after: Option<Timestamp>,
}

/// The credential on record that is named; of an address, the one that is least over.
pub(crate) fn on_record<'a>(known: &'a [CredentialRow], named: &NamedCredential) -> Option<&'a CredentialRow> {
    let same = |row: &&CredentialRow| {
        row.kind == named.kind.as_str()
            && match named.kind {
                CredentialType::Jwks => row.thumbprint == named.thumbprint,
                CredentialType::Certificate | CredentialType::JwksUrl | CredentialType::ClientSecret => {
                    row.content == named.content
                }
            }
    };
    known.iter().filter(same).min_by_key(|row| match row.state.as_str() {
        "active" => 0,
        "superseded" => 1,
        _ => 2,
    })
}

/// Puts on record that a source names a credential of a party whose credentials are `known`; whoever does it holds the register.
/// A manifest takes over what it lists, an operator takes over what only an address served, and leaves the manifest what is its.
///
/// # Errors
/// `credential.revoked`, or what the database says.
pub(crate) async fn name(
    tx: &mut Write,
    rp: &str,
    known: &[CredentialRow],
    named: &NamedCredential,
    source: CredentialSource,
    said: &Said,
    now: Timestamp,
) -> Result<(CredentialRow, CredentialChange), Failure> {
    let Some(before) = on_record(known, named).filter(|row| named.kind != CredentialType::JwksUrl || row.state != "revoked")
    else {
        let row = new(tx, rp, named, source, said, now);
        tx.insert_credential(&row).await?;
        begin_reading(tx, &row, now).await?;
        return Ok((row, CredentialChange::Added));
    };
    let life = before.life()?;
    let keeps = life == CredentialLife::Active
        && source == CredentialSource::Added
        && matches!(before.source()?, CredentialSource::Manifest | CredentialSource::Issued);
    let after = CredentialRow {
        source: if keeps { before.source.clone() } else { source.to_string() },
        address: None,
        label: said.label.clone().or_else(|| before.label.clone()),
        content: named.content.clone(),
        not_before: named.not_before.map(Timestamp::micros),
        not_after: said.not_after.map(|end| earlier(end, named.not_after).micros()).or(before.not_after),
        ..before.with(life.name(before.id()?)?)
    };
    if after == *before {
        return Ok((after, CredentialChange::Unchanged));
    }
    tx.put_credential(&after).await?;
    if life == CredentialLife::Active {
        return Ok((after, CredentialChange::Updated));
    }
    begin_reading(tx, &after, now).await?;
    Ok((after, CredentialChange::Added))
}

fn new(tx: &Write, rp: &str, named: &NamedCredential, source: CredentialSource, said: &Said, now: Timestamp) -> CredentialRow {
    let id = CredentialId::random(tx.entropy());
    CredentialRow {
        label: said.label.clone(),
        thumbprint: named.thumbprint.clone(),
        not_before: named.not_before.map(Timestamp::micros),
        not_after: said.not_after.map(|end| earlier(end, named.not_after)).or(named.not_after).map(Timestamp::micros),
        ..CredentialRow::new(id, rp, named.kind, source, named.content.clone(), now)
    }
}

fn earlier(end: Timestamp, other: Option<Timestamp>) -> Timestamp {
    other.map_or(end, |other| end.min(other))
}

/// An address that is new, or active again, is read at once.
async fn begin_reading(tx: &mut Write, row: &CredentialRow, now: Timestamp) -> Result<(), Failure> {
    if row.kind != CredentialType::JwksUrl.as_str() {
        return Ok(());
    }
    let fresh = KeySetAddressRow {
        credential: row.id,
        next_at: now.micros(),
        fetched_at: None,
        failures: 0,
        fault_code: None,
        fault: None,
        fault_since: None,
    };
    Ok(tx.put_key_set_address(&fresh).await?)
}

/// Puts on record that a credential is no longer named; with an address, its keys are not either.
///
/// # Errors
/// What the database says.
pub(crate) async fn supersede(
    tx: &mut Write,
    known: &[CredentialRow],
    gone: &CredentialRow,
    now: Timestamp,
) -> Result<(), Failure> {
    for row in known.iter().filter(|row| row.id == gone.id || row.address == Some(gone.id)) {
        let life = row.life()?;
        let after = life.supersede(now);
        if after != life {
            tx.put_credential(&row.with(after)).await?;
        }
    }
    Ok(())
}
