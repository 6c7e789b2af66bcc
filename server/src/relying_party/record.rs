//! What is recorded whenever a party changes: its version, and the versions of its services as citizens meet them.

use std::collections::HashMap;
use std::time::Duration;

use domain::{Change, ChangeKind, OperatorId, PartyState, Timestamp};

use crate::failure::Failure;
use crate::store::{PartyRow, PartyVersionRow, ServiceRow, ServiceVersionRow, StoreError, Write};

/// When a change of the party counts from: when it is recorded, and after the version before even when the clock stands still.
pub(super) fn moment(before: Option<&PartyRow>, now: Timestamp) -> Timestamp {
    let after = before.map(|row| Timestamp::from_micros(row.updated_at).plus(Duration::from_micros(1)));
    after.map_or(now, |after| after.max(now))
}

/// Records the version that `row` is, in the place of the one before.
pub(super) async fn record_party(
    tx: &mut Write,
    row: &PartyRow,
    operator: &OperatorId,
    reason: Option<String>,
    changes: &[Change],
) -> Result<(), Failure> {
    tx.end_party_version(&row.id, Timestamp::from_micros(row.updated_at)).await?;
    let version = PartyVersionRow {
        relying_party: row.id.clone(),
        version: row.version,
        valid_from: row.updated_at,
        valid_to: None,
        operator: operator.to_string(),
        state: row.state.clone(),
        reason,
        manifest: row.manifest.clone(),
        changes: serde_json::to_string(changes).map_err(anyhow::Error::from)?,
    };
    Ok(tx.insert_party_version(&version).await?)
}

/// Records those services that are no longer what their last version says.
pub(super) async fn record_services(tx: &mut Write, party: &PartyRow) -> Result<(), Failure> {
    let known = tx.present_service_versions(&party.id).await?;
    let known: HashMap<i32, ServiceVersionRow> = known.into_iter().map(|version| (version.service, version)).collect();
    for service in tx.party_services(&party.id).await? {
        let before = known.get(&service.code);
        let after = version_of(party, &service)?;
        if before.is_some_and(|before| ServiceVersionRow { valid_from: after.valid_from, ..before.clone() } == after) {
            continue;
        }
        if before.is_some() {
            tx.end_service_version(service.code, Timestamp::from_micros(after.valid_from)).await?;
        }
        tx.insert_service_version(&after).await?;
    }
    Ok(())
}

fn version_of(party: &PartyRow, service: &ServiceRow) -> Result<ServiceVersionRow, StoreError> {
    Ok(ServiceVersionRow {
        service: service.code,
        valid_from: party.updated_at,
        valid_to: None,
        relying_party: party.id.clone(),
        sector: party.sector.clone(),
        category: service.category.clone(),
        name_en: service.name_en.clone(),
        name_zh_hant: service.name_zh_hant.clone(),
        state: service.state()?.under(party.state()?).to_string(),
        since: service.since,
        industry: party.industry.clone(),
        party_en: party.name_en.clone(),
        party_zh_hant: party.name_zh_hant.clone(),
    })
}

/// Puts a party into another state, with the reason that was given.
pub(super) async fn change_state(
    tx: &mut Write,
    before: PartyRow,
    state: PartyState,
    reason: &str,
    operator: &OperatorId,
    now: Timestamp,
) -> Result<PartyRow, Failure> {
    let change = Change {
        path: "state".to_owned(),
        kind: ChangeKind::Changed,
        before: Some(before.state.clone()),
        after: Some(state.to_string()),
    };
    let row = PartyRow {
        state: state.to_string(),
        version: before.version + 1,
        suspended_reason: (state == PartyState::Suspended).then(|| reason.to_owned()),
        updated_at: moment(Some(&before), now).micros(),
        ..before
    };
    tx.put_party(&row).await?;
    record_party(tx, &row, operator, Some(reason.to_owned()), &[change]).await?;
    record_services(tx, &row).await?;
    Ok(row)
}
