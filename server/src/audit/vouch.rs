//! Entries from before there were keyed digests of those that wait.

use domain::AuditId;
use serde_json::json;

use crate::app::App;
use crate::store::Housekeeping;

/// The schema that brought the digests.
pub const SINCE: i64 = 5;

/// Entries of one transaction.
const BATCH: i64 = 2_000;

/// Vouches for every entry that waits without a digest; gives how many. For `iamd migrate` alone, when it brings the digests: an
/// older version wrote these entries, and whoever migrates says so. At any other time they are somebody's who has the database.
///
/// # Errors
/// When the database cannot be reached.
pub async fn vouch_for_waiting(app: &App) -> anyhow::Result<u64> {
    let mut vouched = 0;
    let mut after = None;
    loop {
        let mut tx = app.store.write().await?;
        let rows = tx.unsealed_entries_after(after, BATCH).await?;
        let Some(last) = rows.last() else {
            tx.rollback().await?;
            return Ok(vouched);
        };
        after = Some(AuditId::from_bytes(&last.id)?);
        for row in &rows {
            tx.set_entry_mac(&row.id, &app.keys.entry_mac(AuditId::from_bytes(&row.id)?.as_bytes(), &row.leaf)?).await?;
        }
        vouched += rows.len() as u64;
        let facts = json!({ "entries": rows.len() });
        tx.commit_housekeeping(Housekeeping::Step { action: "audit.vouch", subject: app.instance.clone(), facts }).await?;
        if rows.len() < BATCH as usize {
            return Ok(vouched);
        }
    }
}
