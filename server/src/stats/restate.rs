//! A closed month as it was closed, beside what is known now. Nothing is overwritten.

use std::collections::BTreeSet;

use api::stats::{RestateMonth, RestateReason, RestateRow, Restatement, UsageBy, UsageReport, View};
use domain::{Day, Month};

use super::contents::{Contents, is_signed, told};
use super::freeze::must_be_frozen;
use super::ledger::InForce;
use super::question;
use super::services::Services;
use super::tally;
use super::usage::{break_down, view_of};
use super::words::{Word, say};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::Read;

/// What differs, and why.
pub(crate) async fn restate(app: &App, caller: &Caller, op: RestateMonth) -> Result<Restatement, Failure> {
    let view = view_of(caller, op.view)?;
    question::known_at(op.known_at, app.clock.now().hk_day())?;
    let mut read = app.store.read().await?;
    let row = must_be_frozen(&mut read, op.month).await?;
    let frozen = told(&row, false)?;
    let services = Services::load(&mut read).await?;
    let extents = [read.usage_extent().await?, read.account_extent().await?];
    let tails = [read.usage_tail().await?, read.account_tail().await?];
    let defined = read.last_definition_day().await?;
    let last_recorded = tally::last_recorded(extents, tails, &services).max(defined);
    let known_at = op.known_at.or(last_recorded).unwrap_or(frozen.known_at);
    let known_at = known_at.max(frozen.known_at);
    let then = Contents::counted(app, &mut read, op.month, frozen.known_at).await?;
    let now = Contents::counted(app, &mut read, op.month, known_at).await?;
    let mut rows = Vec::new();
    for (id, frozen, now) in [
        ("usage.month", frozen.uses, now.uses),
        ("users.month", frozen.users, now.users),
        ("accounts.registered", frozen.registered, now.registered),
    ] {
        if frozen != now {
            rows.push(RestateRow {
                id: id.to_owned(),
                name: say(&format!("restate-{}", id.replace('.', "-")), &[])?,
                frozen,
                now,
            });
        }
    }
    let codes: BTreeSet<i32> = then.by_service.keys().chain(now.by_service.keys()).copied().collect();
    let known = services.known_by(known_at);
    let mut told = Vec::new();
    for known_at in [frozen.known_at, known_at] {
        told.push(told_services(app, &mut read, op.month, known_at, view).await?);
    }
    let mut suppressed = 0;
    for code in codes {
        let count = |contents: &Contents| contents.by_service.get(&code).copied().unwrap_or(0);
        let (frozen, now) = (count(&then), count(&now));
        if frozen != now {
            let version = known.on(code, op.month.last_day())?;
            // Its name would tell that it is the one that differs, and the total of the month by how much.
            let tells = |value, told: &BTreeSet<String>| value == 0 || told.contains(&version.service.to_string());
            if !(tells(frozen, &told[0]) && tells(now, &told[1])) {
                suppressed += 1;
                continue;
            }
            rows.push(RestateRow { id: version.service.to_string(), name: version.name.clone(), frozen, now });
        }
    }
    let reasons = reasons(&mut read, &op, frozen.known_at, known_at, &rows).await?;
    let intact = then.digest == frozen.digest && is_signed(app, &mut read, &row).await?;
    let differs = !rows.is_empty() || suppressed > 0 || !reasons.is_empty();
    Ok(Restatement { intact, differs, frozen, known_at, rows, suppressed, reasons })
}

/// Services whose number of a month a report of what is known at a day tells.
async fn told_services(app: &App, read: &mut Read, month: Month, known_at: Day, view: View) -> Result<BTreeSet<String>, Failure> {
    let op = UsageReport { by: UsageBy::Service, from: Some(month), to: Some(month), known_at: Some(known_at), view: Some(view) };
    let rows = break_down(read, &op, view, app.settings.disclosure_threshold).await?;
    Ok(rows.into_iter().filter(|row| row.uses.is_some()).map(|row| row.id).collect())
}

/// Why: events that came after the month was closed, events that were corrected, definitions and services that changed.
async fn reasons(
    read: &mut Read,
    op: &RestateMonth,
    frozen_at: Day,
    known_at: Day,
    rows: &[RestateRow],
) -> Result<Vec<RestateReason>, Failure> {
    let mut reasons = Vec::new();
    let mut because = |kind: &str, count: u64, completed: u64| -> anyhow::Result<()> {
        if count > 0 {
            let day = |day: Day| Word::Said(domain::Bilingual { en: day.english(), zh_hant: day.chinese() });
            let words =
                [("count", count.into()), ("completed", completed.into()), ("from", day(frozen_at)), ("to", day(known_at))];
            reasons.push(RestateReason { kind: kind.to_owned(), count, text: say(&format!("restate-{kind}"), &words)? });
        }
        Ok(())
    };
    // Those that took an earlier one off stand in the late ones with their sign.
    let late = read.events_after(op.month, frozen_at, known_at).await?;
    let off = read.corrections_after(op.month, frozen_at, known_at).await?;
    let came = |net: i64, off: i64| u64::try_from(net + off).unwrap_or(0);
    because("late-events", came(late.events, off.events), came(late.completed, off.completed))?;
    because("corrected-events", tally::whole(off.events)?, tally::whole(off.completed)?)?;
    let (before, after) = (InForce::load(read, frozen_at).await?, InForce::load(read, known_at).await?);
    // One that is new has no earlier version that a frozen figure could keep.
    let changed =
        after.entries.iter().filter(|(id, entry)| before.get(id).is_some_and(|known| known != &entry.definition)).count();
    because("definition-changed", u64::try_from(changed).unwrap_or(u64::MAX), 0)?;
    let services = Services::load(read).await?;
    let moved = services.recorded_between(frozen_at, known_at, op.month.last_day());
    because("service-changed", u64::try_from(moved).unwrap_or(u64::MAX), 0)?;
    debug_assert!(rows.is_empty() || !reasons.is_empty(), "a difference has a reason");
    Ok(reasons)
}
