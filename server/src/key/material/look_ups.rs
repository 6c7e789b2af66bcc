//! The key of the look-up columns, by which a person is found and by which a card number has one account. From publication on
//! every new account is stored with the values of both generations, and those that are there get their second ones batch by
//! batch. When all have them the new key takes over; then they are put in the place of the old ones, batch by batch, and
//! look-ups go by both until that is done. Whoever registers holds the register of accounts, and so does each of these turns:
//! no card number is ever looked for by one generation only while it stands there by the other.

use domain::{KeyAlgorithm, KeyPurpose, KeyState, RotationPlan, Timestamp};
use pki::Secret;
use serde_json::json;

use super::{BEFORE_THE_FIRST, Generations, gate};
use crate::account::seal::{NextIndexes, open_person};
use crate::app::App;
use crate::failure::Failure;
use crate::key::work::Gate;
use crate::keys::{IndexKeys, PEOPLE, Slot, index_generation, new_secret_row};
use crate::store::{Housekeeping, KeyRow, KeyWorkRow, Leader, PersonRow, Write};

/// Second columns are filled.
const FILL: &str = "fill";
/// Every account has them.
const FILLED: &str = "filled";
/// They are put in the place of the first ones.
const SHIFT: &str = "shift";
/// Every account is looked up by them.
const SHIFTED: &str = "shifted";
/// They are emptied: the rotation was called off.
const CLEAR: &str = "clear";

/// The next key.
pub(in crate::key) fn make(app: &App, kid: &str, now: Timestamp) -> Result<KeyRow, Failure> {
    let mut secret = Secret::default();
    app.entropy.fill(&mut secret[..]);
    let slot = Slot { purpose: KeyPurpose::BlindIndex, name: PEOPLE, algorithm: KeyAlgorithm::Hs256 };
    Ok(new_secret_row(app.keys.now().kek(), app.keys.instance(), slot, kid, &secret, now)?)
}

/// Whoever registers from here on fills both pairs of columns; those who have registered are brought after.
pub(in crate::key) async fn published(app: &App, tx: &mut Write, new: &[KeyRow]) -> Result<(), Failure> {
    tx.hold_accounts().await?;
    for row in new {
        begin(tx, &row.kid, FILL).await?;
    }
    app.wake.key_work.notify_one();
    Ok(())
}

async fn begin(tx: &mut Write, kid: &str, stage: &str) -> Result<(), Failure> {
    let total = tx.last_ordinal().await? + 1;
    let (kid, stage) = (kid.to_owned(), stage.to_owned());
    let work = KeyWorkRow { kid, stage, position: BEFORE_THE_FIRST, met: 0, done: 0, total, unreadable: 0 };
    Ok(tx.put_key_work(&work).await?)
}

/// Whether every account has its second columns.
pub(in crate::key) async fn before_activation(app: &App, plan: &RotationPlan) -> anyhow::Result<Gate> {
    let mut read = app.store.read().await?;
    let Some(new) = Generations::of(&mut read, plan).await?.new else { return Ok(Gate::Open) };
    let work = read.key_work(&new.kid).await?;
    Ok(gate(plan, work.as_ref(), FILLED, "look-up values computed"))
}

/// Look-ups go by the new key from now on, and by the old one where the shift has not been.
pub(in crate::key) async fn taken_over(app: &App, tx: &mut Write, new: &[KeyRow], old: &[KeyRow]) -> Result<(), Failure> {
    let ([new], [old]) = (new, old) else {
        return Err(anyhow::anyhow!("one key of the look-up columns takes over from one").into());
    };
    tx.hold_accounts().await?;
    let Some(work) = tx.key_work(&new.kid).await?.filter(|work| work.stage == FILLED) else {
        return Err(anyhow::anyhow!("it is not known that every account has the look-up values of {}", new.kid).into());
    };
    if tx.without_next_index(index_generation(&new.kid)?, work.position).await? > 0 {
        return Err(anyhow::anyhow!("an account has no look-up values of {}: nothing goes by them yet", new.kid).into());
    }
    tx.forget_key_work(&new.kid).await?;
    begin(tx, &old.kid, SHIFT).await?;
    app.wake.key_work.notify_one();
    Ok(())
}

/// Whether every account is looked up by the new key alone.
pub(in crate::key) async fn before_retirement(app: &App, plan: &RotationPlan) -> anyhow::Result<Gate> {
    let mut read = app.store.read().await?;
    let Some(old) = Generations::of(&mut read, plan).await?.old else { return Ok(Gate::Open) };
    let work = read.key_work(&old.kid).await?;
    Ok(gate(plan, work.as_ref(), SHIFTED, "look-up values put in place"))
}

/// Destroys the old key. That nothing goes by it is counted in the same transaction for accounts that came after the shift;
/// those before were all looked at in it, and no row goes back.
pub(in crate::key) async fn retired(tx: &mut Write, old: &KeyRow) -> Result<(), Failure> {
    tx.hold_accounts().await?;
    let Some(work) = tx.key_work(&old.kid).await?.filter(|work| work.stage == SHIFTED) else {
        return Err(anyhow::anyhow!("it is not known that nobody is looked up by {}", old.kid).into());
    };
    if tx.indexed_by(index_generation(&old.kid)?, work.position).await? > 0 {
        return Err(anyhow::anyhow!("an account is looked up by {} still", old.kid).into());
    }
    tx.forget_private_part(&old.kid).await?;
    Ok(tx.forget_key_work(&old.kid).await?)
}

/// Destroys a key that never took over; what was computed with it is cleared in the background.
pub(in crate::key) async fn called_off(app: &App, tx: &mut Write, unused: &[KeyRow]) -> Result<(), Failure> {
    tx.hold_accounts().await?;
    for row in unused {
        tx.forget_private_part(&row.kid).await?;
        begin(tx, &row.kid, CLEAR).await?;
    }
    app.wake.key_work.notify_one();
    Ok(())
}

/// A batch of what a rotation has to do; gives whether there may be more.
pub(super) async fn advance(app: &App, generations: &Generations, batch: i64) -> anyhow::Result<bool> {
    match (&generations.new, &generations.old) {
        (Some(new), Some(old)) => step(app, &old.kid, SHIFT, &new.kid, batch).await,
        (Some(new), None) if new.state == KeyState::Published.as_str() => step(app, &new.kid, FILL, &new.kid, batch).await,
        _ => Ok(false),
    }
}

/// A batch of what was left behind by rotations that were called off; gives whether there may be more.
pub(super) async fn clear(app: &App, batch: i64) -> anyhow::Result<bool> {
    let left = app.store.read().await?.key_work_in(CLEAR).await?;
    let mut more = false;
    for work in left {
        more |= step(app, &work.kid, CLEAR, &work.kid, batch).await?;
    }
    Ok(more)
}

/// One batch of one stage of the work on a key, with the values of the generation `of`.
async fn step(app: &App, kid: &str, stage: &str, of: &str, batch: i64) -> anyhow::Result<bool> {
    // Looked at by a read first: mostly there is nothing to do, and the one writer of SQLite has better things to do.
    let noted = app.store.read().await?.key_work(kid).await?;
    if noted.is_none_or(|work| work.stage != stage) {
        return Ok(false);
    }
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::KeyWork).await? {
        return Ok(false);
    }
    let Some(work) = tx.key_work(kid).await?.filter(|work| work.stage == stage) else {
        tx.rollback().await?;
        return Ok(false);
    };
    let last = tx.last_ordinal().await?;
    if work.position >= last {
        return end(app, tx, work, of).await;
    }
    let to = last.min(work.position.saturating_add(batch));
    let generation = index_generation(of)?;
    let (done, unreadable) = match stage {
        FILL => fill(app, &mut tx, generation, work.position, to).await?,
        SHIFT => (tx.shift_indexes(generation, work.position, to).await?, 0),
        _ => (tx.clear_next_indexes(generation, work.position, to).await?, 0),
    };
    let done = work.done + i64::try_from(done)?;
    let unreadable = work.unreadable + unreadable;
    tx.put_key_work(&KeyWorkRow { position: to, done, total: work.total.max(done), unreadable, ..work }).await?;
    tx.commit_housekeeping(Housekeeping::Progress).await?;
    metrics::counter!("iam_key_rows_total", "purpose" => "blind-index").increment(u64::try_from(to - work.position)?);
    Ok(true)
}

/// The pass has seen every account. Those that come after it have what they need from the beginning.
async fn end(app: &App, mut tx: Write, work: KeyWorkRow, of: &str) -> anyhow::Result<bool> {
    let over = match work.stage.as_str() {
        FILL => FILLED,
        SHIFT => SHIFTED,
        _ => {
            tx.forget_key_work(&work.kid).await?;
            tx.commit_housekeeping(Housekeeping::Progress).await?;
            return Ok(false);
        }
    };
    let facts = json!({ "stage": over, "by": of, "accounts": work.done, "unreadable": work.unreadable });
    let subject = work.kid.clone();
    tx.put_key_work(&KeyWorkRow { stage: over.to_owned(), total: work.done, ..work }).await?;
    tx.commit_housekeeping(Housekeeping::Step { action: "key.index", subject, facts }).await?;
    app.wake.sealer.notify_one();
    app.wake.keys.notify_one();
    Ok(false)
}

/// Gives accounts their second columns; gives how many, and how many do not open.
async fn fill(app: &App, tx: &mut Write, generation: i32, after: i64, to: i64) -> anyhow::Result<(u64, i64)> {
    let unlocked = app.keys.as_of(tx).await?;
    let Some(keys) = unlocked.indexes().get(generation).cloned() else {
        anyhow::bail!("generation {generation} of the look-up columns is not in use");
    };
    let rows = tx.people_without_next(generation, after, to).await?;
    // A row may lie under a key-encryption key that this node has not met; what is unlocked holds every one in use.
    let (made, unreadable) = compute(app, keys, rows).await?;
    tx.put_next_indexes(&made).await?;
    Ok((u64::try_from(made.len())?, unreadable))
}

/// Opens a batch of people off the thread that others work on.
async fn compute(app: &App, index: IndexKeys, rows: Vec<PersonRow>) -> anyhow::Result<(Vec<(i64, NextIndexes)>, i64)> {
    let keys = std::sync::Arc::clone(&app.keys);
    tokio::task::spawn_blocking(move || {
        let mut made = Vec::with_capacity(rows.len());
        let mut unreadable = 0;
        for row in rows {
            match open_person(&keys, &row.id, &row.kek_id, &row.data_key, &row.profile) {
                Ok(person) => made.push((row.ordinal, NextIndexes::of(&index, &person)?)),
                Err(error) => {
                    tracing::error!(ordinal = row.ordinal, %error, "the personal record of an account does not open");
                    unreadable += 1;
                }
            }
        }
        Ok((made, unreadable))
    })
    .await?
}
