//! What every node does about the instance's keys by itself: it follows the key rows, keeps its key file, and says which
//! key-encryption keys that file holds. A rotation waits for the nodes that are there.

use std::sync::PoisonError;
use std::time::Duration;

use anyhow::Context;
use domain::Timestamp;

use crate::app::App;
use crate::data_dir::{self, KEY_FILE};
use crate::store::{Housekeeping, NodeRow, Read};

/// How often a node says that it is there, at least.
const BEAT: Duration = Duration::from_secs(30);
/// A node that has said nothing for so long is away: nothing waits for it.
pub const AWAY: Duration = Duration::from_mins(15);
/// How long it is until a node looks again whether something still lies under a key that was retired: the whole of the accounts
/// is read for it.
const KEPT: Duration = Duration::from_hours(6);
/// A node of which nothing was heard for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_hours(24);

/// Who this node is, while it runs.
#[derive(Debug)]
pub struct Presence {
    id: String,
    host: String,
    said: std::sync::Mutex<Option<(Timestamp, String)>>,
    kept: std::sync::Mutex<Option<Timestamp>>,
}

impl Presence {
    /// Of a node that starts.
    #[must_use]
    pub fn new(id: String) -> Self {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Self { id, host, said: std::sync::Mutex::default(), kept: std::sync::Mutex::default() }
    }
}

/// One round.
///
/// # Errors
/// When the database cannot be reached, the keys in it do not open, or the key file cannot be written.
pub async fn watch(app: &App) -> anyhow::Result<()> {
    let mut read = app.store.read().await?;
    let unlocked = app.keys.as_of(&mut read).await?;
    if !unlocked.left().is_empty() {
        leave_behind(app, &mut read, unlocked.left()).await?;
    }
    drop(read);
    keep_file(app).await?;
    say(app).await
}

/// Lets go of key-encryption keys that were retired, unless something lies under one all the same.
async fn leave_behind(app: &App, read: &mut Read, left: &[String]) -> anyhow::Result<()> {
    let now = app.clock.now();
    let kept = *app.presence.kept.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.is_some_and(|at| at <= now && now < at.plus(KEPT)) {
        return Ok(());
    }
    let mut gone = Vec::new();
    for id in left {
        if read.lies_under(id).await? {
            tracing::error!(key = id, "a key-encryption key is retired, and something lies under it: it is kept");
        } else {
            gone.push(id.clone());
        }
    }
    let all = gone.len() == left.len();
    *app.presence.kept.lock().unwrap_or_else(PoisonError::into_inner) = (!all).then_some(now);
    if !gone.is_empty() {
        app.keys.let_go(&gone);
    }
    Ok(())
}

/// Brings the key file to what is held, all of it or none.
async fn keep_file(app: &App) -> anyhow::Result<()> {
    let ring = app.keys.now().ring().clone();
    let ids = ring.ids();
    if *app.keys.in_file.lock().unwrap_or_else(PoisonError::into_inner) == ids {
        return Ok(());
    }
    let path = app.data_dir.join(KEY_FILE);
    let text = ring.to_file_text();
    tokio::task::spawn_blocking(move || data_dir::replace_private(&path, text.as_bytes()))
        .await?
        .context("the key file cannot be brought up to date")?;
    tracing::info!(keys = ids.join(" "), "the key file holds other key-encryption keys now");
    *app.keys.in_file.lock().unwrap_or_else(PoisonError::into_inner) = ids;
    Ok(())
}

/// Says that the node is there and what its key file holds, where it has not said so of late.
async fn say(app: &App) -> anyhow::Result<()> {
    let now = app.clock.now();
    let held = app.keys.in_file.lock().unwrap_or_else(PoisonError::into_inner).join(" ");
    let said = app.presence.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if said.is_some_and(|(at, ids)| ids == held && at <= now && now < at.plus(BEAT)) {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    let Presence { id, host, .. } = &app.presence;
    tx.put_node(&NodeRow { id: id.clone(), host: host.clone(), seen_at: now.micros(), kek_ids: held.clone() }).await?;
    tx.forget_nodes_before(now.minus(FORGOTTEN)).await?;
    tx.commit_housekeeping(Housekeeping::Beat).await?;
    *app.presence.said.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, held));
    Ok(())
}

/// Says that the node goes: nothing waits for it any more.
///
/// # Errors
/// When the database cannot be reached; then it counts as there for a while.
pub async fn leave(app: &App) -> anyhow::Result<()> {
    let mut tx = app.store.write().await?;
    tx.forget_node(&app.presence.id).await?;
    Ok(tx.commit_housekeeping(Housekeeping::Beat).await?)
}
