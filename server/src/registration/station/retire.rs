use api::registration::{RetireStation, StationView};
use domain::{HolderKind, Refusal, RevocationReason};
use serde_json::json;

use super::view;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Takes a station out of service: from this moment its certificates are worth nothing here. Registrations that wait for a device
/// go on; that concerns the citizen and not the station.
///
/// # Errors
/// `station.retired`.
pub async fn retire(app: &App, caller: &Caller, op: RetireStation) -> Result<StationView, Failure> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    let row = tx.station_locked(&op.station).await?.ok_or_else(|| Failure::not_found("station", &op.station))?;
    if !row.is_active() {
        return Err(Refusal::new("station.retired", format!("the station {} was taken out of service", row.id)).into());
    }
    tx.retire_station(&row, now).await?;
    let mut revoked = Vec::new();
    for certificate in tx.certificates_of(HolderKind::Station, &row.id).await? {
        let standing = certificate.standing()?;
        // One that is revoked, or over, is left as it is.
        if let Ok(after) = standing.revoke(RevocationReason::CessationOfOperation, certificate.not_after(), now) {
            tx.put_standing(&certificate, after).await?;
            revoked.push(certificate.serial);
        }
    }
    let after = tx.station(&op.station).await?.ok_or_else(|| anyhow::anyhow!("station {} is gone", row.id))?;
    let facts = json!({ "channel": row.channel, "location": row.location, "revoked": revoked });
    let reply = tx.commit(caller.record(&op).facts(facts), view(&after)?).await?;
    app.wake.revocations.notify_one();
    Ok(reply)
}
