//! Checkpoints are stamped by the time-stamping service: whoever holds the checkpoint key later cannot say that one was there
//! earlier. One a minute: a stamp is about the newest checkpoint, which covers all before it.

use std::time::Duration;

use domain::Timestamp;
use pki::time_stamp::Imprint;

use crate::app::App;
use crate::http::pki::stamped;
use crate::store::{Housekeeping, Leader, Read, StoreError};

/// Between two stamps.
const PAUSE: Duration = Duration::from_mins(1);

/// Stamps the newest checkpoint when it has no stamp and the last one is a minute old; gives whether it did. Nothing waits for it:
/// without the service, checkpoints go on and have none.
///
/// # Errors
/// When the database cannot be reached, or the service gives no stamp.
pub async fn stamp(app: &App) -> anyhow::Result<bool> {
    let now = app.clock.now();
    let Some((tree_size, note)) = due(&mut app.store.read().await?, now).await? else { return Ok(false) };
    // Between two transactions: its key may lie in a token that takes its time.
    let Some(token) = stamped(app, Imprint::of(note.as_bytes()), now).await? else { return Ok(false) };
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Sealer).await? || due(&mut tx, now).await?.is_none_or(|(size, _)| size != tree_size) {
        // Another node did, or a newer one is there.
        tx.rollback().await?;
        return Ok(false);
    }
    tx.insert_stamp(tree_size, &token, now).await?;
    tx.commit_housekeeping(Housekeeping::Seal).await?;
    Ok(true)
}

/// The checkpoint that is to be stamped now: its size and its note.
async fn due(read: &mut Read, now: Timestamp) -> Result<Option<(i64, String)>, StoreError> {
    let Some(newest) = read.last_checkpoint().await? else { return Ok(None) };
    let last = read.last_stamp().await?;
    let waits = last.is_none_or(|last| {
        let at = Timestamp::from_micros(last.at);
        // A clock that was turned back has no minute to wait for.
        last.tree_size < newest.tree_size && (now < at || now.saturating_since(at) >= PAUSE)
    });
    Ok(waits.then_some((newest.tree_size, newest.note)))
}
