use api::relying_party::{PartyHistory, PartyVersion};
use domain::Timestamp;

use crate::app::{App, Caller};
use crate::failure::Failure;

/// How a party came to be what it is, newest first.
pub async fn history(app: &App, _: &Caller, op: PartyHistory) -> Result<Vec<PartyVersion>, Failure> {
    let mut read = app.store.read().await?;
    let rows = read.party_versions(&op.rp).await?;
    if rows.is_empty() {
        return Err(Failure::not_found("relying party", &op.rp));
    }
    let mut versions = Vec::with_capacity(rows.len());
    for row in rows {
        versions.push(PartyVersion {
            version: row.version,
            valid_from: Timestamp::from_micros(row.valid_from),
            valid_to: row.valid_to.map(Timestamp::from_micros),
            state: row.state()?,
            changes: row.changes()?,
            operator: row.operator,
            reason: row.reason,
        });
    }
    Ok(versions)
}
