//! Closing a month.

use api::stats::{FreezeMonth, FrozenMonth, ListFrozen};
use domain::{Day, Month, Refusal, figures};
use pki::checkpoint::NoteSigner;
use serde_json::json;

use super::contents::{Contents, told};
use crate::app::{App, Caller};
use crate::audit::whole::checkpoint_keys;
use crate::failure::Failure;
use crate::store::{FrozenMonthRow, Read, StoreError};

/// Closes a month: from now on it has a published state, which later records never move. Asked again, it answers with that state and
/// changes nothing.
pub(crate) async fn freeze(app: &App, caller: &Caller, op: FreezeMonth) -> Result<FrozenMonth, Failure> {
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    if let Some(row) = read.frozen_month(op.month).await? {
        drop(read);
        return again(app, caller, &op, &row).await;
    }
    let known_at = known_at(&op, now)?;
    if read.events_wait_from(known_at).await? {
        let refusal =
            Refusal::new("stats.still-counting", format!("events recorded by the end of {known_at} wait to be counted"))
                .hint("they are within seconds; the same again");
        return Err(Failure::Conflict(refusal));
    }
    // What is known at the end of a final day never changes: nobody has to wait while it is added up and signed.
    let contents = Contents::counted(app, &mut read, op.month, known_at).await?;
    let keys = checkpoint_keys(&mut read).await?;
    drop(read);
    let signers = keys.signing().map(|row| app.keys.checkpoint_signer(row)).collect::<anyhow::Result<Vec<NoteSigner>>>()?;
    if signers.is_empty() {
        return Err(anyhow::anyhow!("there is no active checkpoint key").into());
    }
    let row = contents.row(&signers, &app.keys.log_origin(), now, caller.operator.as_str())?;
    let mut tx = app.store.write().await?;
    // A key that is revoked at this moment signs nothing more.
    tx.hold_generations().await?;
    if !checkpoint_keys(&mut tx).await?.signing().map(|row| &row.kid).eq(keys.signing().map(|row| &row.kid)) {
        tx.rollback().await?;
        let refusal = Refusal::new("stats.keys-changed", "the keys of the audit log changed while the month was added up")
            .hint("nothing was changed; the same again");
        return Err(Failure::Conflict(refusal));
    }
    match tx.insert_frozen_month(&row).await {
        Ok(()) => {}
        // Somebody was faster: the same cells, and the same digest where they asked for the same day.
        Err(StoreError::Unique) => {
            tx.rollback().await?;
            let found = app.store.read().await?.frozen_month(op.month).await?;
            let found = found.ok_or_else(|| anyhow::anyhow!("a frozen month was there and is not"))?;
            return again(app, caller, &op, &found).await;
        }
        Err(error) => return Err(error.into()),
    }
    let facts = json!({ "month": op.month, "known_at": known_at, "digest": row.digest, "edition": row.edition,
        "uses": row.uses, "users": row.users, "registered": row.registered });
    let reply = told(&row, false)?;
    tx.commit(caller.record(&op).subject(op.month).facts(facts), reply).await
}

/// The months that are closed, in order.
pub(crate) async fn frozen(app: &App, _: &Caller, _: ListFrozen) -> Result<Vec<FrozenMonth>, Failure> {
    let rows = app.store.read().await?.frozen_months().await?;
    Ok(rows.iter().map(|row| told(row, false)).collect::<Result<_, _>>()?)
}

/// What was frozen before.
async fn again(app: &App, caller: &Caller, op: &FreezeMonth, row: &FrozenMonthRow) -> Result<FrozenMonth, Failure> {
    let known_at = Day::from_number(row.known_day);
    if op.known_at.is_some_and(|asked| asked != known_at) {
        let refusal =
            Refusal::new("stats.frozen-otherwise", format!("{} was frozen as known at {known_at}, and stays so", op.month))
                .hint(format!("see what came later: iamctl stats restate {}", op.month));
        return Err(Failure::Conflict(refusal));
    }
    let reply = told(row, true)?;
    let facts = json!({ "month": op.month, "already": true, "digest": row.digest });
    let tx = app.store.write().await?;
    tx.commit(caller.record(op).subject(op.month).facts(facts), reply).await
}

/// The day as known at which the month is closed: the one that was asked for, or the last final one.
fn known_at(op: &FreezeMonth, now: domain::Timestamp) -> Result<Day, Failure> {
    super::question::months(Some(op.month), None, now.hk_day())?;
    let ends = op.month.last_day();
    if now.hk_day() <= ends {
        let message = format!("{} has not ended: its last day is {ends}, Hong Kong time", op.month);
        return Err(Failure::invalid_field("stats.month-not-ended", "month", message));
    }
    let last_final = last_final(now);
    let known_at = op.known_at.unwrap_or(last_final);
    if known_at < ends {
        let message = format!("at the end of {known_at} {} had not ended", op.month);
        return Err(Failure::invalid_field("stats.known-before-month-end", "known_at", message));
    }
    if known_at > last_final {
        let message = format!("more may yet be recorded under {known_at}: a day is final an hour after its end in Hong Kong");
        return Err(Failure::invalid_field("stats.day-not-final", "known_at", message));
    }
    Ok(known_at)
}

/// The last day that is final.
fn last_final(now: domain::Timestamp) -> Day {
    let yesterday = now.hk_day().plus_days(-1);
    if figures::is_final(yesterday, now) { yesterday } else { yesterday.plus_days(-1) }
}

/// A closed month that must be there.
///
/// # Errors
/// `stats.not-frozen`.
pub(crate) async fn must_be_frozen(read: &mut Read, month: Month) -> Result<FrozenMonthRow, Failure> {
    read.frozen_month(month).await?.ok_or_else(|| {
        let refusal = Refusal::new("stats.not-frozen", format!("{month} is not frozen"));
        Failure::Refused(refusal.hint(format!("iamctl stats freeze {month}")))
    })
}
