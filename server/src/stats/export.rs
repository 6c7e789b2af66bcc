//! Raw events, for others to count.

use api::stats::{ExportEvents, RawEvent, RawEvents, RawOf};
use domain::{AccountEventKind, Channel, Day, Function, Month, Outcome, Tier, UsageChannel};

use super::services::Services;
use super::{question, tally};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{RawAccountRow, RawUseRow, Read, StoreError};

/// Events of a page.
const PAGE: i64 = 20_000;

/// A page of raw events, in the order in which they were counted. Those that wait to be counted are not among them: as known at a
/// final day there are none.
pub(crate) async fn export(app: &App, _: &Caller, op: ExportEvents) -> Result<RawEvents, Failure> {
    let today = app.clock.now().hk_day();
    question::months(op.from, op.to, today)?;
    question::known_at(op.known_at, today)?;
    let mut read = app.store.read().await?;
    let known_at = known_at(&mut read, &op).await?;
    let from = op.from.map_or(Day::MIN, Month::first_day);
    let to = op.to.map_or(Day::MAX, Month::last_day);
    let after = op.after.unwrap_or(0);
    let (events, last) = match op.of {
        RawOf::Uses => {
            let services = Services::load(&mut read).await?;
            let rows = read.raw_uses(from, to, known_at, after, PAGE).await?;
            let last = rows.last().map(|row| row.id);
            (rows.into_iter().map(|row| used(&row, &services)).collect::<Result<Vec<_>, _>>()?, last)
        }
        RawOf::Accounts => {
            let rows = read.raw_account_events(from, to, known_at, after, PAGE).await?;
            let last = rows.last().map(|row| row.id);
            (rows.into_iter().map(|row| happened(&row)).collect::<Result<Vec<_>, _>>()?, last)
        }
    };
    let whole_page = i64::try_from(events.len()).is_ok_and(|rows| rows == PAGE);
    Ok(RawEvents { known_at, events, next: last.filter(|_| whole_page) })
}

/// The day that was asked for, or the last on which anything was recorded.
async fn known_at(read: &mut Read, op: &ExportEvents) -> Result<Day, Failure> {
    if let Some(known_at) = op.known_at {
        return Ok(known_at);
    }
    let extents = [read.usage_extent().await?, read.account_extent().await?];
    let services = Services::load(read).await?;
    Ok(tally::last_recorded(extents, [None, None], &services).unwrap_or(Day::MIN))
}

fn broken(what: &str) -> StoreError {
    StoreError::Broken(anyhow::anyhow!("a raw event has a bad {what}"))
}

fn used(row: &RawUseRow, services: &Services) -> Result<RawEvent, StoreError> {
    let event_day = Day::from_number(row.event_day);
    Ok(RawEvent {
        event_day,
        recorded_day: Day::from_number(row.recorded_day),
        service: Some(services.on(row.service, event_day)?.service.clone()),
        what: Function::from_code(row.function).ok_or_else(|| broken("function"))?.to_string(),
        tier: Tier::from_code(row.tier).ok_or_else(|| broken("tier"))?,
        channel: UsageChannel::from_code(row.channel).ok_or_else(|| broken("channel"))?.to_string(),
        outcome: Some(Outcome::from_code(row.outcome).ok_or_else(|| broken("outcome"))?),
        count: row.count,
    })
}

fn happened(row: &RawAccountRow) -> Result<RawEvent, StoreError> {
    Ok(RawEvent {
        event_day: Day::from_number(row.event_day),
        recorded_day: Day::from_number(row.recorded_day),
        service: None,
        what: AccountEventKind::from_code(row.kind).ok_or_else(|| broken("kind"))?.to_string(),
        tier: Tier::from_code(row.tier).ok_or_else(|| broken("tier"))?,
        channel: Channel::from_code(row.channel).ok_or_else(|| broken("channel"))?.to_string(),
        outcome: None,
        count: 1,
    })
}
