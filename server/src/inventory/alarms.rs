//! Alarms for what runs out: once at each threshold, by one node, in the audit log and to the party whose credential it is.
//!
//! A thing that has one in its place is no longer sounded for. No alarm sounds by a clock that is not believed: were it right, the
//! alarm sounds a day later, and were it wrong, nobody was called out for nothing.

use std::time::Duration;

use domain::{ItemKind, RequestId, THRESHOLDS, Timestamp, alarm, crossed};
use serde_json::json;

use super::{Item, gather};
use crate::app::App;
use crate::key::clock::{doubt, watch};
use crate::store::{AlarmRow, Housekeeping, Leader, Read};

/// Kind of the messages by which a relying party is told.
const NOTICE: &str = "credential.expiring";
const A_DAY: Duration = Duration::from_hours(24);

/// Sounds every alarm that is due, and says in the metrics how much runs out; gives how many sounded. Each is a transaction of its
/// own with its own audit entry.
///
/// # Errors
/// When the database cannot be reached.
pub async fn sound_due(app: &App) -> anyhow::Result<usize> {
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let items = gather(app, &mut read, now).await.map_err(|failure| anyhow::anyhow!("{failure:?}"))?.items;
    measure(&mut read, &items, now).await?;
    let sounded = read.alarms_sounded(now).await?;
    let due: Vec<(&Item, Timestamp, u16)> = items.iter().filter_map(|item| due(item, &sounded, now)).collect();
    let soon = items.iter().any(|item| item.counts && item.ends_at.and_then(|end| crossed(end, now)).is_some());
    let doubt = if due.is_empty() { None } else { doubt(&mut read, now).await? };
    drop(read);
    if let Some(doubt) = doubt {
        tracing::warn!("{}", doubt.told());
        watch(app, &[], true).await?;
        return Ok(0);
    }
    let mut count = 0;
    for (item, ends_at, days) in due {
        count += usize::from(sound(app, item, ends_at, days, now).await?);
    }
    if soon {
        // So that an idle platform still shows how time goes by.
        watch(app, &[], true).await?;
    }
    Ok(count)
}

/// The alarm that is due for a thing.
fn due<'a>(item: &'a Item, sounded: &[AlarmRow], now: Timestamp) -> Option<(&'a Item, Timestamp, u16)> {
    let ends_at = item.ends_at.filter(|_| item.counts)?;
    let before: Vec<u16> =
        sounded.iter().filter(|row| is_about(row, item, ends_at)).filter_map(|row| row.days.try_into().ok()).collect();
    Some((item, ends_at, alarm(ends_at, now, &before)?))
}

fn is_about(row: &AlarmRow, item: &Item, ends_at: Timestamp) -> bool {
    row.ends_at == ends_at.micros() && row.subject == item.id && row.kind == item.kind.as_str()
}

/// Sounds one; false when another node was faster.
async fn sound(app: &App, item: &Item, ends_at: Timestamp, days: u16, now: Timestamp) -> anyhow::Result<bool> {
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::Alarms).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    // As things are now: what another node has sounded since is on record.
    if due(item, &tx.alarms_sounded(now).await?, now).is_none() {
        tx.rollback().await?;
        return Ok(false);
    }
    let row =
        AlarmRow { kind: item.kind.to_string(), subject: item.id.clone(), ends_at: ends_at.micros(), days: i16::try_from(days)? };
    tx.insert_alarm(&row, now).await?;
    let facts = json!({
        "kind": item.kind, "what": item.what, "holder": item.holder, "ends_at": ends_at, "days": days, "how": item.how,
    });
    if let Some(party) = &item.party {
        let payload = json!({ "kind": item.kind, "id": item.id, "what": item.what, "ends_at": ends_at, "days": days, "at": now });
        let id = RequestId::new(now, app.entropy.as_ref()).uuid();
        tx.enqueue(id, NOTICE, party.as_str(), &item.id, &payload.to_string(), now).await?;
    }
    let step = Housekeeping::Step { action: "expiry.alarm", subject: item.id.clone(), facts };
    tx.commit_housekeeping(step).await?;
    tracing::warn!(kind = %item.kind, subject = item.id, holder = item.holder, days, %ends_at, "something runs out");
    metrics::counter!("iam_expiry_alarms_total", "kind" => item.kind.as_str(), "days" => days.to_string()).increment(1);
    app.wake.sealer.notify_one();
    app.wake.outbox.notify_one();
    Ok(true)
}

/// How much ends within each threshold, by kind, and how much has ended (0) and has nothing in its place.
async fn measure(read: &mut Read, items: &[Item], now: Timestamp) -> anyhow::Result<()> {
    for kind in [ItemKind::Certificate, ItemKind::PartyKey, ItemKind::PartyCertificate, ItemKind::Lists] {
        let ends = || items.iter().filter(|item| item.kind == kind && item.counts).filter_map(|item| item.ends_at);
        for days in THRESHOLDS {
            let count = ends().filter(|end| crossed(*end, now).is_some_and(|crossed| crossed <= days)).count();
            gauge(kind.as_str(), days, count);
        }
        gauge(kind.as_str(), 0, ends().filter(|end| *end < now).count());
    }
    let within = THRESHOLDS.map(|days| now.plus(A_DAY * u32::from(days)));
    let citizens = read.citizens_ending_soon(now, within).await?;
    let counts = [citizens.within_60, citizens.within_30, citizens.within_14, citizens.within_7, citizens.within_1];
    for (days, count) in THRESHOLDS.into_iter().zip(counts) {
        gauge("citizen-certificate", days, usize::try_from(count)?);
    }
    Ok(())
}

fn gauge(kind: &'static str, days: u16, count: usize) {
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    metrics::gauge!("iam_expiring", "kind" => kind, "within_days" => days.to_string()).set(f64::from(count));
}
