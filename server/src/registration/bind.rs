//! A citizen's phone binds its key.

use api::app::registration::{BindDevice, Bound};
use api::audit::AuditOutcome;
use domain::{Progress, Refusal, RegistrationId, RequestId};
use serde_json::json;

use super::code;
use super::complete::{Completion, Device, complete, told_again};
use super::evidence::device_name;
use crate::app::App;
use crate::certificate::request::read_csr;
use crate::failure::Failure;
use crate::store::{Left, PublicActor, PublicUse, StoredRegistration};

/// Binds the key that has signed the request, by the code that the station shows: the account is active from then on.
///
/// # Errors
/// `registration.code`, `registration.state`, `registration.device-key`; by the rules of certificate requests (`csr.…`).
pub async fn bind(app: &App, id: RegistrationId, op: BindDevice, device: Device, request: RequestId) -> Result<Bound, Failure> {
    let name = device_name(&op.device_name)?;
    let csr = op.csr.as_deref().map(read_csr).transpose()?;
    let Some(row) = app.store.look().await?.registration(id).await? else { return Err(wrong_code()) };
    if !code::fits(&app.keys, id, &op.code, row.code_mac.as_deref()).map_err(anyhow::Error::from)? {
        return Err(note_wrong(app, &row, request).await?);
    }
    let again = matches!(row.progress, Progress::Completed { until, .. } if app.latest() <= until);
    if again && row.device.as_deref() == Some(&device.thumbprint) {
        return told_again(app, &row, csr.as_ref()).await;
    }
    let completion = Completion { id, profile: None, device: &device, name, csr: csr.as_ref(), request };
    Ok(complete(app, &completion).await?.bound)
}

/// Whoever does not bring the code learns nothing of the registration, and not for long.
async fn note_wrong(app: &App, row: &StoredRegistration, request: RequestId) -> Result<Failure, Failure> {
    let mut tx = app.store.write().await?;
    let Some(row) = tx.registration_locked(row.id).await? else { return Ok(wrong_code()) };
    let now = app.latest();
    let Ok(progress) = row.progress.wrong_code(now) else {
        tx.rollback().await?;
        return Ok(wrong_code());
    };
    let waits = matches!(progress, Progress::Verified { .. });
    let (code_mac, person) = (row.code_mac.as_deref().filter(|_| waits), row.person.as_deref().filter(|_| waits));
    tx.put_registration(row.id, progress, Left { code_mac, person, ..Left::default() }, now).await?;
    let entry = PublicUse {
        actor: PublicActor::System,
        action: "registration.complete",
        subject: row.id.to_string(),
        outcome: AuditOutcome::Refused,
        request,
        facts: json!({ "code": "registration.code", "state": progress.state() }),
    };
    tx.commit_public(entry).await?;
    Ok(wrong_code())
}

/// What whoever does not bring the right code is told, whatever there is.
pub(crate) fn wrong_code() -> Failure {
    let refusal = Refusal::new("registration.code", "that is not the code of a registration that waits for a device");
    Failure::Denied(refusal.hint("type the code again as the station shows it; after five wrong ones begin another registration"))
}
