//! The sealer: puts new entries into the tree and signs a checkpoint, about once a second, on one node.

use domain::KeyPurpose;
use pki::checkpoint::Checkpoint;
use pki::merkle::{CompactRange, leaf_hash};

use crate::app::App;
use crate::keys::CHECKPOINTS;
use crate::store::{CheckpointRow, Housekeeping, Leader};

/// Entries sealed in one transaction.
const BATCH: i64 = 2_000;

/// Seals what waits; gives how many entries. More than a batch is sealed by calling again.
///
/// The checkpoint is signed between two transactions: its key may lie in a token that takes its time, and nobody may wait with
/// the one writer for that. The second one takes only what fits onto the checkpoint that the first one saw.
///
/// # Errors
/// When the database or the token cannot be reached, or the log in it does not fit its own last checkpoint.
pub async fn seal(app: &App) -> anyhow::Result<usize> {
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Sealer).await? {
        return Ok(0);
    }
    let entries = tx.unsealed_entries(BATCH).await?;
    if entries.is_empty() {
        // Said aloud: dropped, it would keep the leader's lock until somebody gets round to it.
        tx.rollback().await?;
        return Ok(0);
    }
    let last = tx.last_checkpoint().await?;
    let key = tx
        .active_key(KeyPurpose::Audit, CHECKPOINTS)
        .await?
        .ok_or_else(|| anyhow::anyhow!("there is no active checkpoint key"))?;
    tx.rollback().await?;
    let mut range = match &last {
        None => CompactRange::new(),
        Some(row) => {
            let range = CompactRange::from_bytes(&row.frontier)?;
            anyhow::ensure!(
                i64::try_from(range.size())? == row.tree_size && range.root()[..] == row.root[..],
                "the last checkpoint does not fit its own frontier; run 'iamctl audit verify'"
            );
            range
        }
    };
    let first = range.size();
    for entry in &entries {
        range.append(leaf_hash(&entry.leaf));
    }
    let signer = app.keys.checkpoint_signer(&key)?;
    let note = Checkpoint::new(signer.verifier().name(), range.size(), range.root()).sign(&signer)?;
    let row =
        CheckpointRow { tree_size: i64::try_from(range.size())?, root: range.root().to_vec(), frontier: range.to_bytes(), note };

    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Sealer).await? {
        return Ok(0);
    }
    let size = |row: &Option<CheckpointRow>| row.as_ref().map(|row| row.tree_size);
    let signs = tx.active_key(KeyPurpose::Audit, CHECKPOINTS).await?.map(|row| row.kid);
    if size(&tx.last_checkpoint().await?) != size(&last) || signs.as_ref() != Some(&key.kid) {
        // Another node sealed meanwhile, or another key signs from now on: the next round sees to it.
        tx.rollback().await?;
        return Ok(0);
    }
    for (entry, index) in entries.iter().zip(first..) {
        tx.set_leaf_index(&entry.id, index).await?;
    }
    tx.insert_checkpoint(&row, app.clock.now()).await?;
    tx.commit_housekeeping(Housekeeping::Seal).await?;
    app.wake.feed.notify_waiters();
    Ok(entries.len())
}
