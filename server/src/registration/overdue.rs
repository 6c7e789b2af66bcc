//! What is not brought to an end is ended: whose checks were cut off, and whose device never came.

use domain::{Progress, Timestamp};
use serde_json::json;

use crate::app::App;
use crate::failure::Failure;
use crate::store::{Housekeeping, Left};

/// Registrations that are ended in one round.
const ROUND: i64 = 100;

/// Ends registrations whose time is over, and puts down that the photos of those whose checks were cut off are gone: they lay in the
/// memory of a process that is. Gives how many were ended.
///
/// # Errors
/// When the database cannot be reached.
pub async fn end_overdue(app: &App) -> Result<usize, Failure> {
    let now = app.latest();
    let overdue = app.store.look().await?.registrations_overdue(now, ROUND).await?;
    let mut ended = 0;
    for id in overdue {
        let mut tx = app.store.write().await?;
        // Somebody may have been faster, the citizen or another node.
        let row = tx.registration_locked(id).await?;
        let Some((row, progress)) = row.and_then(|row| row.progress.overtaken(now).map(|progress| (row, progress))) else {
            tx.rollback().await?;
            continue;
        };
        let photos = tx.note_photos_deleted(id, "interrupted", now).await?;
        // Who comes too late with the right code is told that they come too late.
        let code_mac = row.code_mac.as_deref().filter(|_| progress == Progress::Expired);
        tx.put_registration(id, progress, Left { code_mac, ..Left::default() }, now).await?;
        let facts = json!({
            "state": progress.state(), "channel": row.channel, "location": row.location, "tier": row.tier,
            "waited_ms": waited(row.begun_at, now), "photos_deleted": photos,
        });
        let step = Housekeeping::Step { action: "registration.end", subject: id.to_string(), facts };
        tx.commit_housekeeping(step).await?;
        ended += 1;
    }
    Ok(ended)
}

fn waited(since: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(now.saturating_since(since).as_millis()).unwrap_or(u64::MAX)
}
