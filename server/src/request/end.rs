use domain::{CitizenRequestId, Outcome, RequestState};

use super::outcome::record_ended;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{EndedRequestRow, Housekeeping, Leader};

/// Requests that are ended in one transaction.
const BATCH: i64 = 200;

/// Ends requests that nobody answered or redeemed in time; gives how many.
///
/// # Errors
/// When the database cannot be reached.
pub async fn expire_due(app: &App) -> anyhow::Result<usize> {
    let judged = app.latest();
    // Looked at by a read first: mostly nothing is due.
    if !app.store.look().await?.requests_overdue(judged).await? {
        return Ok(0);
    }
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Requests).await? {
        return Ok(0);
    }
    let ended = tx.expire_requests(judged, app.clock.now(), BATCH).await?;
    // The citizen had said yes: that nothing came of it is not theirs.
    let outcome = |request: &EndedRequestRow| match request.decided_at {
        None => Outcome::TimedOut,
        Some(_) => Outcome::Failed,
    };
    record_ended(app, &mut tx, &ended, outcome).await.map_err(Failure::into_error)?;
    tx.commit_housekeeping(Housekeeping::Step {
        action: "request.expire",
        subject: "requests".to_owned(),
        facts: serde_json::json!({ "count": ended.len() }),
    })
    .await?;
    Ok(ended.len())
}

/// The client, or the citizen before the screen, withdraws a request that waits; gives whether there was one.
///
/// # Errors
/// When the database cannot be reached.
pub async fn cancel(app: &App, id: CitizenRequestId) -> Result<bool, Failure> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    let Some(row) = tx.citizen_request_locked(id).await? else { return Ok(false) };
    let request = row.request()?;
    if !request.state.is_open() {
        return Ok(false);
    }
    let cancelled = domain::CitizenRequest { state: RequestState::Cancelled, ..request };
    tx.put_citizen_request(id, &cancelled, row.decided_at.map(domain::Timestamp::from_micros), now).await?;
    let ended = EndedRequestRow {
        id: row.id.clone(),
        service: row.service,
        function: row.function,
        channel: row.channel,
        account: row.account.clone(),
        decided_at: row.decided_at,
    };
    record_ended(app, &mut tx, &[ended], |_| Outcome::Cancelled).await?;
    // One that nobody has taken up was nobody's: anybody can make and cancel such without end, and each would be kept for ever.
    let kind = match row.account {
        None => Housekeeping::Asked,
        Some(_) => {
            let facts = serde_json::json!({ "request": id, "rp": row.relying_party });
            Housekeeping::Step { action: "request.cancel", subject: id.to_string(), facts }
        }
    };
    tx.commit_housekeeping(kind).await?;
    Ok(true)
}
