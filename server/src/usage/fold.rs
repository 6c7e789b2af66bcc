//! The folder: moves events from the inboxes to where they are counted, on one node.

use super::users::Seen;
use crate::app::App;
use crate::store::{Housekeeping, Leader};

/// Events moved in one transaction: a login waits for the one writer of SQLite no longer than that takes.
pub const BATCH: usize = 2_000;

/// Folds at most a batch of each kind of event; gives how many. An event that commits late is simply folded later.
///
/// # Errors
/// When the database cannot be reached; nothing was folded then.
pub async fn fold(app: &App) -> anyhow::Result<usize> {
    if !app.store.read().await?.events_wait().await? {
        return Ok(0);
    }
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Folder).await? {
        return Ok(0);
    }
    let most = i64::try_from(BATCH)?;
    let uses = tx.take_uses(most).await?;
    let mut folded = uses.len();
    if folded > 0 {
        let mut seen = Seen::default();
        uses.iter().for_each(|row| seen.take(row));
        tx.insert_uses_folded(uses.into_iter().map(Ok)).await?;
        seen.mark(&mut tx, &app.keys).await?;
    }
    folded += tx.fold_account_events(most).await?;
    tx.commit_housekeeping(Housekeeping::Fold).await?;
    metrics::counter!("iam_events_folded_total").increment(folded as u64);
    Ok(folded)
}
