//! Revocation lists: signed anew soon after something changed, and before they grow old.

use std::time::Duration;

use domain::{KeyPurpose, KeyState, Timestamp, days_left};
use pki::Certificate;
use pki::crl::{RevocationList, Revoked};
use serde_json::json;

use super::clock::fault;
use crate::app::App;
use crate::root_ca::root_lists_until;
use crate::store::{Housekeeping, KeyRow, Leader, Read, RevocationHead, RevocationListRow, RevokedRow, StoreError};

/// A list is signed anew when it is this old: half of the day that it may be.
const GROWS_OLD: Duration = Duration::from_hours(12);
/// Between two lists of one authority: a wave of suspensions makes one list, not hundreds.
const PAUSE: Duration = Duration::from_secs(20);
/// A list that is dated too early by less than this is good for long enough, and tells what was revoked: that protects.
const DATED_TOO_EARLY: Duration = Duration::from_hours(12);
/// A list that lies so far ahead of the clock was dated by one that ran ahead: nobody takes it before its first moment.
const AHEAD: Duration = Duration::from_secs(60);

/// Signs every list that is due; gives how many.
///
/// # Errors
/// When the database cannot be reached, a key does not answer (then the other authorities have their lists all the same), or the
/// clock cannot be believed.
pub async fn publish_due(app: &App) -> anyhow::Result<usize> {
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let heads = read.revocation_heads().await?;
    let untold = read.issuers_untold().await?;
    if let Some(until) = root_lists_until(&mut read).await? {
        metrics::gauge!("iam_root_lists_days").set(i32::try_from(days_left(until, now)).map_or(0.0, f64::from));
    }
    let due: Vec<KeyRow> = authorities(&mut read, now)
        .await?
        .into_iter()
        .filter(|row| is_due(heads.iter().find(|head| head.issuer == row.kid), &untold, &row.kid, now))
        .collect();
    if due.is_empty() {
        return Ok(0);
    }
    if let Some(fault) = fault(app, &mut read, now).await?.filter(|fault| fault.spoils(DATED_TOO_EARLY)) {
        anyhow::bail!("no revocation list is signed: {}", fault.told(now));
    }
    drop(read);
    let (mut signed, mut failed) = (0, Ok(()));
    for row in due {
        match publish(app, &row, 1, now).await {
            Ok(done) => signed += usize::from(done),
            Err(error) => {
                metrics::counter!("iam_revocation_lists_failed_total", "issuer" => row.kid.clone()).increment(1);
                failed = Err(error.context(format!("the revocation list of {} was not signed", row.kid)));
            }
        }
    }
    failed.map(|()| signed)
}

/// Issuing authorities that somebody may still ask about: until the last of what they have issued ends. One that is revoked is
/// asked about at the root, whose lists are signed
/// beforehand, by `iamd ca`.
async fn authorities(read: &mut Read, now: Timestamp) -> Result<Vec<KeyRow>, StoreError> {
    let mut rows = read.keys(Some(KeyPurpose::IssuingCa), None).await?;
    rows.retain(|row| {
        let over = [KeyState::Retired, KeyState::Revoked].iter().any(|state| row.state == state.as_str());
        let certificate = row.certificate.as_deref().map(Certificate::from_der);
        !over && certificate.is_some_and(|read| read.is_ok_and(|certificate| certificate.is_valid_at(now)))
    });
    Ok(rows)
}

fn is_due(head: Option<&RevocationHead>, untold: &[String], issuer: &str, now: Timestamp) -> bool {
    let Some(head) = head else { return true };
    let age = now.saturating_since(Timestamp::from_micros(head.this_update));
    let waits = untold.iter().any(|waits| waits == issuer);
    let ahead = Timestamp::from_micros(head.this_update).saturating_since(now) > AHEAD;
    age >= GROWS_OLD || ahead || waits && age >= PAUSE
}

/// Signs the next list of an authority, under the number that follows its last one, or `least` where that is higher. Gives
/// whether it did: another node may have been faster.
///
/// # Errors
/// When the database cannot be reached, or the key does not answer.
pub async fn publish(app: &App, authority: &KeyRow, least: i64, now: Timestamp) -> anyhow::Result<bool> {
    let issuer = authority.kid.as_str();
    // One snapshot: what is noted as untold and what is on the list belong together.
    let mut read = app.store.read().await?;
    let told = read.revocations_untold(issuer).await?;
    let last = read.revocation_heads().await?.into_iter().find(|head| head.issuer == issuer);
    // Nothing leaves a list because a clock says that it is over.
    let over = read.passed_for_certain(now).await?.unwrap_or(Timestamp::from_micros(0)).min(now);
    let revoked = read.revoked_by(issuer, over).await?;
    drop(read);
    let number = last.as_ref().map_or(1, |last| last.number + 1).max(least);
    let row = sign(app, authority, number, &revoked, now)?;
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Revocations).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    match tx.insert_revocation_list(&row).await {
        Ok(()) => {}
        // Another node was faster; what it did not say is told next time.
        Err(StoreError::Unique) => {
            tx.rollback().await?;
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    }
    for change in &told {
        tx.delete_untold(change).await?;
    }
    tx.forget_revocation_lists(issuer, number).await?;
    let facts = json!({ "number": number, "entries": row.entries, "changes": told.len() });
    tx.commit_housekeeping(Housekeeping::Step { action: "crl.publish", subject: issuer.to_owned(), facts }).await?;
    app.wake.sealer.notify_one();
    metrics::counter!("iam_revocation_lists_total", "issuer" => issuer.to_owned()).increment(1);
    Ok(true)
}

fn sign(app: &App, authority: &KeyRow, number: i64, revoked: &[RevokedRow], now: Timestamp) -> anyhow::Result<RevocationListRow> {
    let opened = app.keys.authority(authority)?;
    let entries = revoked
        .iter()
        .map(|row| {
            Ok(Revoked {
                serial: row.serial.as_str(),
                // The clock may have been turned back since.
                at: Timestamp::from_micros(row.revoked_at).min(now),
                reason: row.revoked_reason.parse().map_err(|_| anyhow::anyhow!("{} has a bad reason", row.serial))?,
            })
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let next_update = now.plus(app.settings.crl_next_update);
    let list = RevocationList::issue(&opened, u64::try_from(number)?, now, next_update, entries)?;
    Ok(RevocationListRow {
        issuer: authority.kid.clone(),
        number,
        this_update: list.this_update().micros(),
        next_update: list.next_update().micros(),
        entries: i64::try_from(list.len())?,
        der: list.der().to_vec(),
    })
}
