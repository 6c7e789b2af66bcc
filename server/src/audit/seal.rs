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
/// # Errors
/// When the database cannot be reached, or the log in it does not fit its own last checkpoint.
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
    let mut range = match tx.last_checkpoint().await? {
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
    for entry in &entries {
        tx.set_leaf_index(&entry.id, range.size()).await?;
        range.append(leaf_hash(&entry.leaf));
    }
    let key = tx
        .active_key(KeyPurpose::Audit, CHECKPOINTS)
        .await?
        .ok_or_else(|| anyhow::anyhow!("there is no active checkpoint key"))?;
    let signer = app.keys.checkpoint_signer(&key)?;
    let note = Checkpoint::new(signer.verifier().name(), range.size(), range.root()).sign(&signer)?;
    let row =
        CheckpointRow { tree_size: i64::try_from(range.size())?, root: range.root().to_vec(), frontier: range.to_bytes(), note };
    tx.insert_checkpoint(&row, app.clock.now()).await?;
    tx.commit_housekeeping(Housekeeping::Seal).await?;
    app.wake.feed.notify_waiters();
    Ok(entries.len())
}
