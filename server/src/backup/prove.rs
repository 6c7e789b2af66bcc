//! `iamd restore --prove`: whether an instance is behind what the world has seen of it, and what is done when it is.

use std::path::Path;

use anyhow::ensure;
use pki::hex;
use serde_json::{Value, json};

use super::evidence::{Evidence, Here, Shown};
use super::merge::{Merged, merge, publish};
use super::unproven::{self, LOSS_ACCEPTED, PROVEN, Restored};
use crate::anchor::Anchor;
use crate::app::App;
use crate::certificate::clock::fault;
use crate::data_dir;
use crate::instance::open::{Ports, open};
use crate::key::vouch::vouch;
use crate::settings::{Settings, SettingsError};
use crate::store::Housekeeping;

/// What is said where nothing from outside is left.
const WITHOUT: &str = "where nothing was kept, somebody must answer for what may be lost: --accept-loss --reason TEXT";
/// Findings that an entry of the audit log holds; it says how many there were.
const NOTED: usize = 50;

/// What came out.
pub enum Outcome {
    /// It is not behind, and may be served.
    Proven {
        /// Entries of the audit log.
        entries: u64,
        /// Authorities whose lists were compared.
        lists: usize,
        /// Why nothing is signed yet.
        clock: Option<String>,
    },
    /// It is behind, each finding a line; it stays closed.
    Behind(Vec<String>),
    /// It is behind by these, somebody answers for it, and it may be served; and why nothing is signed yet.
    Accepted(Vec<String>, Merged, Option<String>),
}

/// Compares the instance in `dir` with what the world has seen, and opens it when it is not behind, or when its loss is accepted
/// for a reason.
///
/// # Errors
/// One line with the mend.
pub async fn prove(
    dir: &Path,
    settings: Settings,
    ports: Ports,
    evidence: Evidence<'_>,
    accept_loss: Option<&str>,
) -> anyhow::Result<Outcome> {
    if let Some(reason) = accept_loss {
        domain::check_reason(reason)
            .map_err(|fault| SettingsError { place: "--reason".to_owned(), message: fault.to_string() })?;
    }
    let _held = data_dir::hold(dir)?;
    let app = open(dir, settings, ports).await?;
    let outcome = judge(&app, &evidence, accept_loss).await;
    app.store.engine().close().await;
    outcome
}

async fn judge(app: &App, evidence: &Evidence<'_>, accept_loss: Option<&str>) -> anyhow::Result<Outcome> {
    let mut read = app.store.read().await?;
    let shown = Shown::read(&mut read, app, evidence).await?;
    let here = Here::read(&mut read, shown.checkpoints.iter().map(|shown| shown.checkpoint.size)).await?;
    drop(read);
    let findings = shown.findings(&here)?;
    match accept_loss {
        Some(reason) => accept(app, &here, &shown, findings, reason).await,
        None if !findings.is_empty() => Ok(Outcome::Behind(findings)),
        None => {
            require_enough(app, evidence, &here, &shown).await?;
            commit(app, PROVEN, facts(app, &here, &shown, Value::Null)?).await?;
            let clock = clock(app).await?;
            open_up(app).await?;
            Ok(Outcome::Proven { entries: here.log.entries, lists: shown.lists.len(), clock })
        }
    }
}

/// Refuses evidence that says nothing: there is none from outside, it is older than the backup, or a list is missing.
async fn require_enough(app: &App, evidence: &Evidence<'_>, here: &Here, shown: &Shown) -> anyhow::Result<()> {
    ensure!(
        evidence.checkpoint.is_some(),
        "no checkpoint from outside was shown: give the newest that an auditor has, e.g. --checkpoint checkpoints/{}; {WITHOUT}",
        here.log.entries
    );
    if let Some(old) = shown.too_old()? {
        anyhow::bail!("{old}: it is older and shows nothing; give a newer one, or, {WITHOUT}");
    }
    let missing = shown.without_list(here, app.clock.now());
    if let Some(first) = missing.first() {
        let url = app.store.read().await?.instance().await?.map(|row| row.pki_url).unwrap_or_default();
        anyhow::bail!(
            "no revocation list from outside was shown for {}: give the newest that was published, e.g. --crl {first}.crl (from a mirror, a relying party, or another node: {url}/crl/{first}.crl); {WITHOUT}",
            missing.join(", ")
        );
    }
    Ok(())
}

/// The entry first; then lists with numbers that nobody has seen, and the folder is opened last: whatever breaks off in between
/// is done again.
async fn accept(app: &App, here: &Here, shown: &Shown, findings: Vec<String>, reason: &str) -> anyhow::Result<Outcome> {
    let mut tx = app.store.write().await?;
    let mut merged = merge(&mut tx, here, shown, app.clock.now()).await?;
    let noted: Vec<&String> = findings.iter().take(NOTED).collect();
    let more = json!({
        "reason": reason, "findings": noted, "of": findings.len(),
        "merged": { "revoked": merged.revoked, "on_hold": merged.on_hold, "unknown": merged.unknown },
    });
    let step = Housekeeping::Step { action: LOSS_ACCEPTED, subject: app.instance.clone(), facts: facts(app, here, shown, more)? };
    tx.commit_housekeeping(step).await?;
    merged.numbers = publish(app, here, shown).await?;
    let clock = clock(app).await?;
    open_up(app).await?;
    Ok(Outcome::Accepted(findings, merged, clock))
}

fn facts(app: &App, here: &Here, shown: &Shown, more: Value) -> anyhow::Result<Value> {
    let backup = Restored::read(&app.data_dir)?.map(|restored| json!({ "sha256": restored.backup, "made_at": restored.made_at }));
    let newest = shown.checkpoints.iter().max_by_key(|shown| shown.checkpoint.size);
    let seen = newest.map(
        |shown| json!({ "tree_size": shown.checkpoint.size, "root": hex(&shown.checkpoint.root), "verified": shown.verified }),
    );
    Ok(json!({
        "backup": backup,
        "entries": here.log.entries,
        "lists": here.lists,
        "seen": { "checkpoint": seen, "lists": shown.high_water()?.lists },
        "more": more,
    }))
}

async fn commit(app: &App, action: &'static str, facts: Value) -> anyhow::Result<()> {
    let step = Housekeeping::Step { action, subject: app.instance.clone(), facts };
    Ok(app.store.write().await?.commit_housekeeping(step).await?)
}

/// The log of a backup ends when it was made: like a node that was switched off, it needs somebody's word for the clock. Gives why
/// nothing is signed yet, where nobody has given it.
async fn clock(app: &App) -> anyhow::Result<Option<String>> {
    vouch(app).await?;
    let now = app.clock.now();
    Ok(fault(app, &mut app.store.read().await?, now).await?.map(|fault| fault.told(now)))
}

/// The anchor is that of the database from now on, and the mark comes off last.
async fn open_up(app: &App) -> anyhow::Result<()> {
    Anchor::of(&mut app.store.read().await?, app.clock.now()).await?.write(&app.data_dir)?;
    unproven::take_off(&app.data_dir)
}
