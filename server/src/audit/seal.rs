//! The sealer: puts new entries into the tree and signs a checkpoint, about once a second, on one node.

use anyhow::ensure;
use pki::checkpoint::{Checkpoint, NoteSigner};
use pki::merkle::{CompactRange, leaf_hash};
use serde_json::json;

use super::whole;
use crate::app::App;
use crate::keys::hex;
use crate::store::{CheckpointRow, Housekeeping, Leader, WaitingRow, Write};

/// Entries sealed in one transaction.
pub const BATCH: usize = 2_000;

/// Seals what waits; gives how many entries were sealed or set aside. More than a batch is sealed by calling again.
///
/// The checkpoint is signed between two transactions: its key may lie in a token that takes its time, and nobody may wait with
/// the one writer for that. The second one takes only what fits onto the checkpoint that the first one saw.
///
/// # Errors
/// When the database or the token cannot be reached, or the log in it is not the one that this instance has sealed so far: then
/// nothing is sealed upon it.
pub async fn seal(app: &App) -> anyhow::Result<usize> {
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Sealer).await? {
        return Ok(0);
    }
    let waiting = tx.waiting_entries(i64::try_from(BATCH)?).await?;
    if waiting.is_empty() {
        // Said aloud: dropped, it would keep the leader's lock until somebody gets round to it.
        tx.rollback().await?;
        return Ok(0);
    }
    let forged = forged(app, &waiting)?;
    if !forged.is_empty() {
        return set_aside(app, tx, &forged).await;
    }
    let keys = whole::checkpoint_keys(&mut tx).await?;
    if let Some(amiss) = whole::amiss(app, &mut tx, &keys).await? {
        anyhow::bail!("{amiss}; nothing is sealed. Run 'iamctl audit verify'");
    }
    let last = tx.last_checkpoint().await?;
    let (mut range, entries) = match &last {
        Some(row) => (CompactRange::from_bytes(&row.frontier)?, waiting),
        // The log begins with the making of its instance, whatever the clock said then.
        None => (CompactRange::new(), beginning_first(app, &mut tx, waiting).await?),
    };
    tx.rollback().await?;
    let first = range.size();
    for entry in &entries {
        range.append(leaf_hash(&entry.leaf));
    }
    let signers = keys.signing().map(|row| app.keys.checkpoint_signer(row)).collect::<anyhow::Result<Vec<NoteSigner>>>()?;
    ensure!(!signers.is_empty(), "there is no active checkpoint key");
    let note = Checkpoint::new(app.keys.log_origin(), range.size(), range.root()).sign_by(&signers)?;
    let row =
        CheckpointRow { tree_size: i64::try_from(range.size())?, root: range.root().to_vec(), frontier: range.to_bytes(), note };

    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Sealer).await? {
        return Ok(0);
    }
    // A key that is revoked at this moment either signs nothing more, or its revocation counts what this checkpoint covers.
    tx.hold_generations().await?;
    let size = |row: &Option<CheckpointRow>| row.as_ref().map(|row| row.tree_size);
    let same_keys = whole::checkpoint_keys(&mut tx).await?.signing().map(|row| &row.kid).eq(keys.signing().map(|row| &row.kid));
    if size(&tx.last_checkpoint().await?) != size(&last) || !same_keys {
        // Another node sealed meanwhile, or other keys sign from now on: the next round sees to it.
        tx.rollback().await?;
        return Ok(0);
    }
    let ids: Vec<&[u8]> = entries.iter().map(|entry| entry.id.as_slice()).collect();
    tx.set_leaf_indexes(&ids, first).await?;
    tx.insert_checkpoint(&row, app.clock.now()).await?;
    tx.commit_housekeeping(Housekeeping::Seal).await?;
    app.wake.feed.notify_waiters();
    Ok(entries.len())
}

/// The waiting entries that no node of this instance has written as they are.
fn forged<'a>(app: &App, waiting: &'a [WaitingRow]) -> anyhow::Result<Vec<&'a WaitingRow>> {
    let unlocked = app.keys.now();
    let mut forged = Vec::new();
    for row in waiting {
        if !unlocked.ledger().vouches(&row.id, &row.leaf, row.mac.as_deref().unwrap_or_default())? {
            forged.push(row);
        }
    }
    Ok(forged)
}

/// Sets entries aside, and writes down that they were found: sealed they would be believed, removed they would not be seen.
async fn set_aside(app: &App, mut tx: Write, forged: &[&WaitingRow]) -> anyhow::Result<usize> {
    let now = app.clock.now();
    for row in forged {
        tx.quarantine_entry(&row.id, now).await?;
    }
    let hashes: Vec<String> = forged.iter().take(100).map(|row| hex(&leaf_hash(&row.leaf))).collect();
    let facts = json!({ "entries": forged.len(), "leaf_hashes": hashes });
    let subject = forged.first().map(|row| hex(&row.id)).unwrap_or_default();
    tx.commit_housekeeping(Housekeeping::Step { action: "audit.quarantine", subject, facts }).await?;
    tracing::error!(entries = forged.len(), "audit entries that no node of this instance has written were set aside");
    Ok(forged.len())
}

/// The waiting entries with the one of `iamd init` in front. A log without it would be a new one over one that was taken away.
async fn beginning_first(app: &App, tx: &mut Write, waiting: Vec<WaitingRow>) -> anyhow::Result<Vec<WaitingRow>> {
    let Some(first) = whole::beginning(app, tx).await? else { anyhow::bail!("{}; nothing is sealed", whole::NO_BEGINNING) };
    let rest = waiting.into_iter().filter(|row| row.id != first.id).collect::<Vec<_>>();
    Ok(std::iter::once(first).chain(rest).collect())
}
