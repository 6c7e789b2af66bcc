use api::audit::{AuditDetail, EntryName, ShowAudit};

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::hex;

/// One entry as it was sealed.
pub async fn show(app: &App, _: &Caller, op: ShowAudit) -> Result<AuditDetail, Failure> {
    let mut read = app.store.read().await?;
    let found = match op.id {
        EntryName::Id(id) => read.audit_entry(id).await?,
        EntryName::Leaf(leaf) => read.audit_leaf(i64::try_from(leaf).unwrap_or(i64::MAX)).await?,
    };
    let (entry, leaf) = found.ok_or_else(|| Failure::not_found("audit entry", op.id))?;
    let tree_size = match entry.index {
        None => None,
        Some(index) => read.checkpoint_covering(i64::try_from(index).unwrap_or(i64::MAX)).await?,
    };
    Ok(AuditDetail {
        leaf: serde_json::from_slice(&leaf).map_err(anyhow::Error::from)?,
        leaf_hash: hex(&pki::merkle::leaf_hash(&leaf)),
        tree_size: tree_size.and_then(|size| u64::try_from(size).ok()),
        entry,
    })
}
