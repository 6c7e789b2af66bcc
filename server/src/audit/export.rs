use api::audit::{
    AuditLeaves, CheckpointView, Checkpoints, ExportAudit, ListCheckpoints, Unplaced, UnsealedAudit, UnsealedLeaves,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::{AuditId, KeyPurpose};
use pki::Certificate;

use super::succession::first_key;
use super::whole;

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::{CHECKPOINTS, ROOT};

/// The most leaves or checkpoints in one answer.
const MOST: u32 = 5_000;

/// Entries that have a place in the tree, in its order, whether a checkpoint covers them or not.
pub async fn export(app: &App, _: &Caller, op: ExportAudit) -> Result<AuditLeaves, Failure> {
    let Ok(from) = i64::try_from(op.from) else { return Ok(AuditLeaves { leaves: Vec::new(), next: None }) };
    // Whoever has the database can put an entry before the first one: it is handed over, too.
    let from = if from == 0 { i64::MIN } else { from };
    let rows = app.store.read().await?.sealed_leaves(from, i64::from(op.limit.clamp(1, MOST))).await?;
    let next = rows.last().map(|last| u64::try_from(last.leaf_index.saturating_add(1)).unwrap_or_default().max(op.from + 1));
    Ok(AuditLeaves { leaves: rows.into_iter().map(|row| text(row.leaf)).collect(), next })
}

/// Entries that have no place in the tree.
pub async fn unsealed(app: &App, _: &Caller, op: UnsealedAudit) -> Result<UnsealedLeaves, Failure> {
    let mut read = app.store.read().await?;
    let rows = match op.which {
        Unplaced::Waiting => read.unsealed_entries_after(op.after, i64::from(MOST)).await?,
        Unplaced::Quarantined => read.quarantined_entries_after(op.after, i64::from(MOST)).await?,
    };
    let full = rows.len() == MOST as usize;
    let next = match rows.last().filter(|_| full) {
        Some(last) => Some(AuditId::from_bytes(&last.id).map_err(|error| Failure::Internal(error.into()))?),
        None => None,
    };
    Ok(UnsealedLeaves { leaves: rows.into_iter().map(|row| text(row.leaf)).collect(), next })
}

/// The signed checkpoints, and what to verify them with.
pub async fn checkpoints(app: &App, _: &Caller, op: ListCheckpoints) -> Result<Checkpoints, Failure> {
    let limit = i64::from(op.limit.clamp(1, MOST));
    let mut read = app.store.read().await?;
    let Some(key) = read.active_key(KeyPurpose::Audit, CHECKPOINTS).await? else {
        return Err(anyhow::anyhow!("there is no active checkpoint key").into());
    };
    let rows = read.checkpoints(i64::try_from(op.after).unwrap_or(i64::MAX), limit).await?;
    let last = rows.last().map_or(0, |last| last.tree_size);
    let stamps = read.stamps(i64::try_from(op.after).unwrap_or(i64::MAX), last).await?;
    let root = read.active_key(KeyPurpose::RootCa, ROOT).await?.and_then(|root| root.certificate);
    let root =
        root.map(|der| Certificate::from_der(&der).and_then(|root| root.pem())).transpose().map_err(anyhow::Error::from)?;
    let checkpoints: Vec<CheckpointView> = rows
        .into_iter()
        .map(|row| {
            let stamp = stamps.iter().find(|stamp| stamp.tree_size == row.tree_size);
            let time_stamp = stamp.map(|stamp| BASE64_STANDARD.encode(&stamp.token));
            CheckpointView { tree_size: u64::try_from(row.tree_size).unwrap_or_default(), note: row.note, time_stamp }
        })
        .collect();
    let full = i64::try_from(checkpoints.len()).is_ok_and(|count| count == limit);
    let next = checkpoints.last().filter(|_| full).map(|last| last.tree_size);
    let keys = whole::checkpoint_keys(&mut read).await?;
    let amiss = whole::amiss(app, &mut read, &keys).await?;
    let quarantined = u64::try_from(read.log_counts().await?.quarantined).unwrap_or_default();
    let (vkey, announcements) = first_key(&mut read, app.keys.checkpoint_verifier(&key)?).await?;
    Ok(Checkpoints {
        vkey: vkey.to_string(),
        announcements,
        root: root.unwrap_or_default(),
        checkpoints,
        next,
        amiss,
        quarantined,
    })
}

/// A leaf's bytes as text. Bytes that are none were never sealed so: they go out with a mark in their place, and the verifier
/// names the entry, where a refusal would hide the whole log.
fn text(leaf: Vec<u8>) -> String {
    String::from_utf8(leaf).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
