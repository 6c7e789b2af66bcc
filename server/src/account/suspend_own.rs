use api::app::own::OwnSuspension;
use api::audit::AuditOutcome;
use api::{Operation, account::SuspendAccount};
use domain::{AccountState, RequestId, SuspensionReason};
use serde_json::json;

use super::suspend::{Stopped, Word, notices, stop, wake};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{KnownDevice, PublicActor, PublicUse};

/// Stops a citizen's account at their own word, given in the app: as the hotline does it, by the same rule.
///
/// # Errors
/// When the account is closed.
pub(crate) async fn suspend_own(app: &App, device: &KnownDevice, request: RequestId) -> Result<OwnSuspension, Failure> {
    let mut tx = app.store.write().await?;
    let word = Word { reason: SuspensionReason::CallerRequest, call: None, operator: None };
    let Stopped { stored, already, ended, since, .. } = stop(app, &mut tx, device.account, word).await?;
    let told = notices(&mut tx, device.account, since).await?.len();
    let reply = OwnSuspension {
        account: device.account,
        state: AccountState::Suspended,
        suspended_at: since,
        ended,
        relying_parties: u64::try_from(told).unwrap_or(u64::MAX),
    };
    let facts = json!({
        "reason": SuspensionReason::CallerRequest, "already": already, "before": stored.account.state(), "since": since,
        "ended": ended, "relying_parties": told,
    });
    let entry = PublicUse {
        actor: PublicActor::Citizen { account: device.account, device: &device.thumbprint },
        action: SuspendAccount::NAME,
        subject: device.account.to_string(),
        outcome: AuditOutcome::Done,
        request,
        facts,
    };
    tx.commit_public(entry).await?;
    wake(app);
    app.wake.sealer.notify_one();
    Ok(reply)
}
