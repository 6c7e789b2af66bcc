//! A closed month as it was closed, beside what is known now. Nothing is overwritten.

use std::collections::BTreeSet;

use api::stats::{RestateMonth, RestateReason, RestateRow, Restatement};
use domain::Day;

use super::contents::{Contents, digests, is_signed, told};
use super::freeze::must_be_frozen;
use super::ledger::InForce;
use super::question;
use super::services::Services;
use super::tally;
use super::words::{Word, say};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::Read;

/// What differs, and why.
pub(crate) async fn restate(app: &App, _: &Caller, op: RestateMonth) -> Result<Restatement, Failure> {
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
    for code in codes {
        let count = |contents: &Contents| contents.by_service.get(&code).copied().unwrap_or(0);
        let (frozen, now) = (count(&then), count(&now));
        if frozen != now {
            let version = known.on(code, op.month.last_day())?;
            rows.push(RestateRow { id: version.service.to_string(), name: version.name.clone(), frozen, now });
        }
    }
    let reasons = reasons(&mut read, &op, frozen.known_at, known_at, &rows).await?;
    let intact = then.digest == frozen.digest && is_signed(app, &mut read, &row).await?;
    Ok(Restatement { intact, differs: !rows.is_empty() || !reasons.is_empty(), frozen, known_at, rows, reasons })
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
    let mut because = |kind: &str, count: u64| -> anyhow::Result<()> {
        if count > 0 {
            let day = |day: Day| Word::Said(domain::Bilingual { en: day.english(), zh_hant: day.chinese() });
            let words = [("count", count.into()), ("from", day(frozen_at)), ("to", day(known_at))];
            reasons.push(RestateReason { kind: kind.to_owned(), count, text: say(&format!("restate-{kind}"), &words)? });
        }
        Ok(())
    };
    let corrections = tally::whole(read.corrections_after(op.month, frozen_at, known_at).await?)?;
    // Those that took an earlier one off stand in it with their sign.
    let late = read.events_after(op.month, frozen_at, known_at).await?;
    because(
        "late-events",
        u64::try_from(late).map_or_else(|_| corrections.saturating_sub(late.unsigned_abs()), |late| late + corrections),
    )?;
    because("corrected-events", corrections)?;
    let (before, after) = (digests(&InForce::load(read, frozen_at).await?), digests(&InForce::load(read, known_at).await?));
    let changed = after.iter().filter(|definition| !before.contains(definition)).count();
    because("definition-changed", u64::try_from(changed).unwrap_or(u64::MAX))?;
    let services = Services::load(read).await?;
    let moved = services.recorded_between(frozen_at, known_at, op.month.last_day());
    because("service-changed", u64::try_from(moved).unwrap_or(u64::MAX))?;
    debug_assert!(rows.is_empty() || !reasons.is_empty(), "a difference has a reason");
    Ok(reasons)
}
