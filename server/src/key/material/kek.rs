//! The key-encryption key. The next one is made by the node that is asked, and lies in the database wrapped under the one of
//! today; every node takes it into its key file and says so. When all of them have it, it takes over: private keys are wrapped
//! anew at that moment, data keys of accounts one batch after the other. When nothing lies under the old one any more, it is
//! retired, its wrapped copy destroyed, and every node lets go of it. A backup from before is readable only with the key file of
//! its time.

use domain::{KeyPurpose, RotationPlan, Timestamp};
use pki::provider::Aad;
use pki::{KeyEncryptionKey, PkiError};
use serde_json::json;

use super::{BEFORE_THE_FIRST, Generations, gate};
use crate::account::seal::data_key_aad;
use crate::app::App;
use crate::failure::Failure;
use crate::key::work::Gate;
use crate::keys::watch::AWAY;
use crate::keys::{next_kek_row, rewrapped, wrapped_kek};
use crate::store::{Housekeeping, KeyRow, KeyWorkRow, Leader, Read, StoreError, WrappedRow, Write};

/// Data keys are brought over.
const REWRAP: &str = "rewrap";
/// None is left under the old key.
const REWRAPPED: &str = "rewrapped";

/// The next key-encryption key.
pub(in crate::key) fn make(app: &App, now: Timestamp) -> Result<KeyRow, Failure> {
    let next = KeyEncryptionKey::generate(app.entropy.as_ref()).map_err(anyhow::Error::from)?;
    Ok(next_kek_row(app.keys.now().kek(), &next, app.keys.instance(), now)?)
}

/// Wraps the old one under the new one as well: until it is retired, a node that holds either of them holds both.
pub(in crate::key) async fn published(app: &App, tx: &mut Write, new: &[KeyRow]) -> Result<(), Failure> {
    // Nothing of this transaction may be taken in before it is committed: the new key comes out of its own row.
    let unlocked = app.keys.now();
    let old = unlocked.kek();
    for row in new {
        let new = app.keys.kek_in(row)?;
        tx.put_private_part(&old.id(), &wrapped_kek(&new, old, app.keys.instance())?, &new.id()).await?;
    }
    app.wake.key_rows.notify_one();
    Ok(())
}

/// How many of the nodes that are there have the new key in their files.
pub(in crate::key) async fn before_activation(app: &App, plan: &RotationPlan) -> anyhow::Result<Gate> {
    let mut read = app.store.read().await?;
    let Some(new) = Generations::of(&mut read, plan).await?.new else { return Ok(Gate::Open) };
    let nodes = read.nodes_since(app.clock.now().minus(AWAY)).await?;
    let hold = nodes.iter().filter(|node| node.holds(&new.kid)).count() as u64;
    let total = nodes.len() as u64;
    // Nobody has said anything yet: this node is about to.
    if total > 0 && hold == total {
        return Ok(Gate::Open);
    }
    Ok(Gate::Working { done: hold, total: total.max(1), what: "nodes that hold the new key".into() })
}

/// The instance has another key-encryption key from now on, and its private keys lie under it.
pub(in crate::key) async fn taken_over(app: &App, tx: &mut Write, new: &[KeyRow], old: &[KeyRow]) -> Result<(), Failure> {
    let ([new], [old]) = (new, old) else {
        return Err(anyhow::anyhow!("one key-encryption key takes over from one").into());
    };
    // Taken in since it was published; not looked at again, for nothing of this transaction may be taken in before its commit.
    let unlocked = app.keys.now();
    let kek = unlocked.kek_of(&new.kid)?;
    // Whoever registers from here on finds the new key active: nothing is put under the old one any more.
    tx.hold_accounts().await?;
    tx.put_instance_kek(&new.kid).await?;
    for row in tx.keys(None, None).await? {
        rewrap_private(app, tx, kek, &row).await?;
    }
    let total = tx.last_ordinal().await? + 1;
    tx.put_key_work(&KeyWorkRow {
        kid: old.kid.clone(),
        stage: REWRAP.to_owned(),
        position: BEFORE_THE_FIRST,
        met: 0,
        done: 0,
        total,
        unreadable: 0,
    })
    .await?;
    app.wake.key_work.notify_one();
    Ok(())
}

async fn rewrap_private(app: &App, tx: &mut Write, kek: &KeyEncryptionKey, row: &KeyRow) -> Result<bool, Failure> {
    // The key-encryption keys themselves lie under each other.
    let lies_elsewhere = row.kek_id.as_ref().is_some_and(|under| *under != kek.id()) && row.private_sealed.is_some();
    if !lies_elsewhere || row.purpose == KeyPurpose::Data.as_str() {
        return Ok(false);
    }
    let unlocked = app.keys.now();
    tx.put_private_part(&row.kid, &rewrapped(&unlocked, app.keys.instance(), row, kek)?, &kek.id()).await?;
    Ok(true)
}

/// A batch of data keys; gives whether there may be more.
pub(super) async fn advance(app: &App, generations: &Generations, batch: i64) -> anyhow::Result<bool> {
    let (Some(new), Some(old)) = (&generations.new, &generations.old) else { return Ok(false) };
    let mut tx = app.store.write().await?;
    if !tx.leads(Leader::KeyWork).await? {
        return Ok(false);
    }
    let Some(work) = tx.key_work(&old.kid).await? else {
        tx.rollback().await?;
        return Ok(false);
    };
    if work.stage != REWRAP {
        return late_keys(tx, work, &old.kid).await;
    }
    let last = tx.last_ordinal().await?;
    if work.position >= last {
        return end_of_pass(app, tx, work, new).await;
    }
    let to = last.min(work.position.saturating_add(batch));
    let rows = tx.data_keys_under(&old.kid, work.position, to).await?;
    let met = rows.len();
    let (keys, unreadable) = rewrap(app, rows, &old.kid, &new.kid).await?;
    tx.put_data_keys(&new.kid, &keys).await?;
    let brought = i64::try_from(keys.len())?;
    let work = KeyWorkRow {
        position: to,
        met: work.met + brought,
        done: work.done + brought,
        total: work.total.max(work.done + brought),
        unreadable: work.unreadable + i64::try_from(unreadable)?,
        ..work
    };
    tx.put_key_work(&work).await?;
    tx.commit_housekeeping(Housekeeping::Progress).await?;
    metrics::counter!("iam_key_rows_total", "purpose" => "data").increment(met as u64);
    Ok(true)
}

/// A private key that a node had made just before the new key took over, and stored long after: it is brought over as well, and
/// so is whatever else came late.
async fn late_keys(mut tx: Write, work: KeyWorkRow, old: &str) -> anyhow::Result<bool> {
    if private_keys_under(&mut tx, old).await? == 0 && tx.data_keys_behind(old, work.position).await? == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    tx.put_key_work(&KeyWorkRow { stage: REWRAP.to_owned(), position: BEFORE_THE_FIRST, met: 0, unreadable: 0, ..work }).await?;
    tx.commit_housekeeping(Housekeeping::Progress).await?;
    Ok(true)
}

/// Private keys that lie under a key-encryption key, themselves none.
async fn private_keys_under(read: &mut Read, kek_id: &str) -> Result<usize, StoreError> {
    let lies = |row: &&KeyRow| {
        row.kek_id.as_deref() == Some(kek_id) && row.private_sealed.is_some() && row.purpose != KeyPurpose::Data.as_str()
    };
    Ok(read.keys(None, None).await?.iter().filter(lies).count())
}

/// A pass that brought nothing over has seen every account, and none of them lies under the old key any more but those whose key
/// does not open. One that did goes through them once more: a row may have been written meanwhile by a node that was late.
async fn end_of_pass(app: &App, mut tx: Write, work: KeyWorkRow, new: &KeyRow) -> anyhow::Result<bool> {
    let unlocked = app.keys.as_of(&mut tx).await?;
    let kek = unlocked.kek_of(&new.kid)?;
    let mut late = 0;
    for row in tx.keys(None, None).await? {
        late += i64::from(rewrap_private(app, &mut tx, kek, &row).await.map_err(told)?);
    }
    if work.met + late > 0 {
        tx.put_key_work(&KeyWorkRow { position: BEFORE_THE_FIRST, met: 0, unreadable: 0, ..work }).await?;
        tx.commit_housekeeping(Housekeeping::Progress).await?;
        return Ok(true);
    }
    let facts = json!({ "under": new.kid, "data_keys": work.done, "unreadable": work.unreadable });
    let subject = work.kid.clone();
    tx.put_key_work(&KeyWorkRow { stage: REWRAPPED.to_owned(), total: work.done, ..work }).await?;
    tx.commit_housekeeping(Housekeeping::Step { action: "key.rewrap", subject, facts }).await?;
    app.wake.sealer.notify_one();
    app.wake.keys.notify_one();
    Ok(false)
}

fn told(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Internal(error) => error,
        other => anyhow::anyhow!("{}", other.into_problem(None).message),
    }
}

/// Unwraps and wraps a batch off the thread that others work on; gives the wrapped keys by their ordinals, and how many did not
/// open.
async fn rewrap(app: &App, rows: Vec<WrappedRow>, from: &str, to: &str) -> anyhow::Result<(Vec<(i64, Vec<u8>)>, usize)> {
    let unlocked = app.keys.now();
    let (old, new) = (unlocked.kek_of(from)?.clone(), unlocked.kek_of(to)?.clone());
    let keys = std::sync::Arc::clone(&app.keys);
    tokio::task::spawn_blocking(move || {
        let mut wrapped = Vec::with_capacity(rows.len());
        let mut unreadable = 0;
        for row in rows {
            let aad: Aad = data_key_aad(&keys, &row.id);
            match old.unwrap_data_key(&row.data_key, &aad) {
                Ok(key) => wrapped.push((row.ordinal, new.wrap_data_key(&key, &aad)?)),
                Err(PkiError::NotOpened | PkiError::Malformed { .. }) => {
                    tracing::error!(ordinal = row.ordinal, "the data key of an account does not open and stays as it is");
                    unreadable += 1;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok((wrapped, unreadable))
    })
    .await?
}

/// Whether anything lies under the old key still.
pub(in crate::key) async fn before_retirement(app: &App, plan: &RotationPlan) -> anyhow::Result<Gate> {
    let mut read = app.store.read().await?;
    let Some(old) = Generations::of(&mut read, plan).await?.old else { return Ok(Gate::Open) };
    let work = read.key_work(&old.kid).await?;
    if private_keys_under(&mut read, &old.kid).await? > 0 {
        return Ok(Gate::Working { done: 0, total: 1, what: "private keys rewrapped".into() });
    }
    Ok(gate(plan, work.as_ref(), REWRAPPED, "data keys rewrapped"))
}

/// Destroys what holds the old one: nobody takes it out of the database any more. That nothing lies under it is counted in the
/// same transaction: private keys, and data keys of accounts that came after the last pass. Those before were all looked at in
/// it, and no row goes back.
pub(in crate::key) async fn retired(app: &App, tx: &mut Write, old: &KeyRow) -> Result<(), Failure> {
    tx.hold_accounts().await?;
    let Some(work) = tx.key_work(&old.kid).await?.filter(|work| work.stage == REWRAPPED) else {
        return Err(anyhow::anyhow!("it is not known that nothing lies under {}", old.kid).into());
    };
    let late = tx.data_keys_behind(&old.kid, work.position).await?;
    if late > 0 || private_keys_under(tx, &old.kid).await? > 0 {
        return Err(anyhow::anyhow!("a key was stored under {} at the last moment; it is brought over first", old.kid).into());
    }
    for row in tx.keys(Some(KeyPurpose::Data), None).await? {
        if row.private_sealed.is_some() {
            tx.forget_private_part(&row.kid).await?;
        }
    }
    tx.forget_key_work(&old.kid).await?;
    app.wake.key_rows.notify_one();
    Ok(())
}

/// Destroys what holds a key that never took over, and the copy of the active one that lay under it.
pub(in crate::key) async fn called_off(app: &App, tx: &mut Write, unsigned: &[KeyRow]) -> Result<(), Failure> {
    if !unsigned.is_empty() {
        for row in tx.keys(Some(KeyPurpose::Data), None).await? {
            if row.private_sealed.is_some() {
                tx.forget_private_part(&row.kid).await?;
            }
        }
    }
    app.wake.key_rows.notify_one();
    Ok(())
}
