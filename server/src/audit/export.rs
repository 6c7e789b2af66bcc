use api::audit::{AuditLeaves, CheckpointView, Checkpoints, ExportAudit, ListCheckpoints, UnsealedAudit};
use domain::KeyPurpose;

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::CHECKPOINTS;
use crate::store::LeafRow;

/// The most leaves or checkpoints in one answer.
const MOST: u32 = 5_000;

/// Sealed entries in tree order.
pub async fn export(app: &App, _: &Caller, op: ExportAudit) -> Result<AuditLeaves, Failure> {
    let limit = i64::from(op.limit.clamp(1, MOST));
    let from = i64::try_from(op.from).unwrap_or(i64::MAX);
    let rows = app.store.read().await?.sealed_leaves(from, limit).await?;
    let full = i64::try_from(rows.len()).is_ok_and(|count| count == limit);
    let next = full.then(|| op.from + rows.len() as u64);
    Ok(AuditLeaves { leaves: texts(rows)?, next })
}

/// Entries that no checkpoint covers yet.
pub async fn unsealed(app: &App, _: &Caller, _: UnsealedAudit) -> Result<Vec<String>, Failure> {
    texts(app.store.read().await?.unsealed_entries(i64::from(MOST)).await?)
}

/// The signed checkpoints, and what to verify them with.
pub async fn checkpoints(app: &App, _: &Caller, op: ListCheckpoints) -> Result<Checkpoints, Failure> {
    let limit = i64::from(op.limit.clamp(1, MOST));
    let mut read = app.store.read().await?;
    let Some(key) = read.active_key(KeyPurpose::Audit, CHECKPOINTS).await? else {
        return Err(anyhow::anyhow!("there is no active checkpoint key").into());
    };
    let rows = read.checkpoints(i64::try_from(op.after).unwrap_or(i64::MAX), limit).await?;
    let checkpoints: Vec<CheckpointView> = rows
        .into_iter()
        .map(|row| CheckpointView { tree_size: u64::try_from(row.tree_size).unwrap_or_default(), note: row.note })
        .collect();
    let full = i64::try_from(checkpoints.len()).is_ok_and(|count| count == limit);
    let next = checkpoints.last().filter(|_| full).map(|last| last.tree_size);
    Ok(Checkpoints { vkey: app.keys.checkpoint_verifier(&key)?.to_string(), checkpoints, next })
}

fn texts(rows: Vec<LeafRow>) -> Result<Vec<String>, Failure> {
    rows.into_iter().map(|row| String::from_utf8(row.leaf).map_err(|error| Failure::Internal(error.into()))).collect()
}
