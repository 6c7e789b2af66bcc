use api::app::own::Withdrawn;
use api::audit::AuditOutcome;
use domain::{ClientId, Outcome, RequestId};
use serde_json::json;

use crate::app::App;
use crate::failure::Failure;
use crate::request::record_ended;
use crate::store::{KnownDevice, PublicActor, PublicUse};

/// Why such logins end.
const REASON: &str = "consent-withdrawn";

/// Takes back what a citizen let a service know: its logins end, and what it has asked and not made use of yet.
///
/// # Errors
/// `consent.not-found` when the service has none of this citizen.
pub(crate) async fn withdraw(
    app: &App,
    device: &KnownDevice,
    client: ClientId,
    request: RequestId,
) -> Result<Withdrawn, Failure> {
    let not_found = || Failure::not_found("consent", &client);
    let mut tx = app.store.write().await?;
    // Whoever makes use of an approval holds the account's row meanwhile: it is done before, or finds nothing.
    let stored = tx.account_locked(device.account).await?.ok_or_else(not_found)?;
    let service = tx.service(&client).await?.ok_or_else(not_found)?.service;
    let now = app.clock.now();
    if !tx.withdraw_consent(stored.id, service.code, now).await? {
        return Err(not_found());
    }
    let requests = tx.end_approved_requests_at(stored.id, service.code, now).await?;
    record_ended(app, &mut tx, &requests, |_| Outcome::Cancelled).await?;
    let ended = tx.end_logins_at(stored.id, service.code, REASON, now).await?;
    tx.tell_of_ended_logins_at(&stored, service.code, REASON, now).await?;
    let reply = Withdrawn { client: client.clone(), withdrawn_at: now, sessions: ended.logins, tokens: ended.tokens };
    let entry = PublicUse {
        actor: PublicActor::Citizen { account: device.account, device: &device.thumbprint },
        action: "consent.withdraw",
        subject: device.account.to_string(),
        outcome: AuditOutcome::Done,
        request,
        facts: json!({ "client": client, "ended": { "sessions": ended.logins, "tokens": ended.tokens, "requests": requests.len() } }),
    };
    tx.commit_public(entry).await?;
    app.wake.sealer.notify_one();
    app.wake.outbox.notify_one();
    Ok(reply)
}
