//! Key sets at addresses, read again when they are due.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::take::{Copy, copy_of, take};
use crate::app::App;
use crate::failure::Failure;
use crate::housekeeping::within;
use crate::store::{DueAddressRow, Housekeeping, Leader};

/// Addresses that a worker takes at a time, and how many of them it asks at once.
const BATCH: i64 = 50;
const AT_ONCE: usize = 10;
/// How long a worker holds what it took: twice what asking all of it may take, so that nobody asks what is still being asked.
const LEASE: Duration = Duration::from_secs(100);

/// Reads the key sets that are due; gives how many. One node takes them, and nobody waits for the database meanwhile.
///
/// # Errors
/// When the database cannot be reached.
pub async fn read_due(app: &App) -> anyhow::Result<usize> {
    let due = within(claim(app)).await?;
    let count = due.len();
    let asked = due.into_iter().map(|address| async move {
        let copy = copy_of(app, &address.url).await;
        (address, copy)
    });
    let mut copies = stream::iter(asked).buffer_unordered(AT_ONCE);
    while let Some((address, copy)) = copies.next().await {
        within(note(app, &address, &copy)).await?;
    }
    if count > 0 {
        let faulty = app.store.read().await?.faulty_addresses().await?;
        metrics::gauge!("iam_key_set_faults").set(faulty as f64);
        app.wake.sealer.notify_one();
    }
    Ok(count)
}

async fn claim(app: &App) -> anyhow::Result<Vec<DueAddressRow>> {
    // Looked at by a read first: mostly nothing is due, and the one writer of SQLite has better things to do.
    let now = app.clock.now();
    if app.store.read().await?.due_addresses(now, 1).await?.is_empty() {
        return Ok(Vec::new());
    }
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::KeySets).await? {
        tx.rollback().await?;
        return Ok(Vec::new());
    }
    let due = tx.due_addresses(now, BATCH).await?;
    for address in &due {
        tx.hold_address(address.credential, now.plus(LEASE)).await?;
    }
    tx.commit_housekeeping(Housekeeping::Fetch).await?;
    Ok(due)
}

async fn note(app: &App, address: &DueAddressRow, copy: &Copy) -> anyhow::Result<()> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    let taken = take(&mut tx, address.credential, copy, now).await.map_err(in_words)?;
    let Some(taken) = taken else {
        // Revoked, or out of the manifest, while it was asked.
        return Ok(tx.rollback().await?);
    };
    let subject = tx.credential_of_number(address.credential).await?.map(|row| row.id()).transpose()?;
    let kind = match (taken.told(), subject) {
        (Some((action, facts)), Some(subject)) => {
            if action != "rp.credential.refresh" {
                tracing::warn!(credential = %subject, action, fault = %facts["fault"], "a party's key set is not what it should be");
            }
            Housekeeping::Step { action, subject: subject.to_string(), facts: with_url(facts, &address.url) }
        }
        _ => Housekeeping::Fetch,
    };
    tx.commit_housekeeping(kind).await?;
    app.wake.revocations.notify_one();
    Ok(())
}

fn with_url(mut facts: Value, url: &str) -> Value {
    facts["url"] = url.into();
    facts
}

fn in_words(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Internal(cause) => cause,
        other => anyhow::anyhow!("{}", other.code()),
    }
}
