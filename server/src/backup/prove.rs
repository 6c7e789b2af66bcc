//! `iamd restore --prove`: whether an instance is behind what the world has seen of it, and what is done when it is.

use std::path::Path;

use anyhow::{Context, ensure};
use api::Role;
use domain::{OperatorId, Timestamp};
use pki::hex;
use serde_json::{Value, json};

use super::evidence::{Evidence, Here, Shown};
use super::merge::{Merged, merge, publish};
use super::unproven::{self, LOSS_ACCEPTED, PROVEN, Restored};
use crate::anchor::Anchor;
use crate::app::App;
use crate::certificate::clock::fault;
use crate::data_dir;
use crate::failure::Failure;
use crate::instance::open::{Ports, open};
use crate::key::vouch::vouch;
use crate::operator::add::{CODE_LIFE, enrolment_code};
use crate::operator::last::last_administrators;
use crate::settings::{Settings, SettingsError};
use crate::store::{Housekeeping, OperatorRow, Write};

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
    /// Somebody answers for what is lost, and it may be served.
    Accepted {
        /// What is lost, a line each.
        findings: Vec<String>,
        /// What was learned from the lists.
        merged: Merged,
        /// Who was invited again.
        invited: Option<Invited>,
        /// Why nothing is signed yet.
        clock: Option<String>,
    },
}

/// A loss that somebody answers for.
pub struct Loss<'a> {
    /// Why it is accepted.
    pub reason: &'a str,
    /// Who is invited again when no administrator is left who can come in.
    pub administrator: Option<&'a OperatorId>,
}

/// An administrator who was invited again.
pub struct Invited {
    /// Who.
    pub operator: OperatorId,
    /// The enrolment code.
    pub code: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
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
    loss: Option<Loss<'_>>,
) -> anyhow::Result<Outcome> {
    if let Some(loss) = &loss {
        domain::check_reason(loss.reason)
            .map_err(|fault| SettingsError { place: "--reason".to_owned(), message: fault.to_string() })?;
    }
    let _held = data_dir::hold(dir)?;
    let app = open(dir, settings, ports).await?;
    let outcome = judge(&app, &evidence, loss).await;
    app.store.engine().close().await;
    outcome
}

async fn judge(app: &App, evidence: &Evidence<'_>, loss: Option<Loss<'_>>) -> anyhow::Result<Outcome> {
    let mut read = app.store.read().await?;
    let shown = Shown::read(&mut read, app, evidence).await?;
    let here = Here::read(&mut read, shown.checkpoints.iter().map(|shown| shown.checkpoint.size)).await?;
    drop(read);
    let findings = shown.findings(&here)?;
    match loss {
        Some(loss) => accept(app, &here, &shown, findings, loss).await,
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
async fn accept(app: &App, here: &Here, shown: &Shown, findings: Vec<String>, loss: Loss<'_>) -> anyhow::Result<Outcome> {
    let mut tx = app.store.write().await?;
    let mut merged = merge(&mut tx, here, shown, app.clock.now()).await?;
    let invited = somebody_comes_in(app, &mut tx, loss.administrator).await?;
    let noted: Vec<&String> = findings.iter().take(NOTED).collect();
    let more = json!({
        "reason": loss.reason, "findings": noted, "of": findings.len(),
        "merged": { "revoked": merged.revoked, "on_hold": merged.on_hold, "unknown": merged.unknown },
    });
    let step = Housekeeping::Step { action: LOSS_ACCEPTED, subject: app.instance.clone(), facts: facts(app, here, shown, more)? };
    tx.commit_housekeeping(step).await?;
    merged.numbers = publish(app, here, shown).await?;
    let clock = clock(app).await?;
    open_up(app).await?;
    Ok(Outcome::Accepted { findings, merged, invited, clock })
}

/// An instance that no administrator can enter can never be entered again: where the lists have taken the last one's certificate,
/// one of them is invited once more.
async fn somebody_comes_in(app: &App, tx: &mut Write, wanted: Option<&OperatorId>) -> anyhow::Result<Option<Invited>> {
    let now = app.clock.now();
    tx.hold_administrators().await?;
    let shut_out = last_administrators(tx, |_| false, now).await.map_err(Failure::into_error)?;
    let names = shut_out.iter().map(OperatorId::as_str).collect::<Vec<_>>().join(", ");
    let operator = match wanted {
        None if shut_out.is_empty() => return Ok(None),
        None => anyhow::bail!(
            "no administrator could come in afterwards: the certificates of {names} are revoked or have ended; say who is invited again: --administrator ID. Nothing was changed"
        ),
        Some(wanted) if shut_out.is_empty() => {
            anyhow::bail!(
                "an administrator can come in without {wanted} being invited again; leave --administrator out. Nothing was changed"
            )
        }
        Some(wanted) => shut_out.iter().find(|one| *one == wanted),
    };
    let operator =
        operator.with_context(|| format!("that is no active administrator here; there are: {names}. Nothing was changed"))?;
    let row = tx.operator_locked(operator).await?.context("the administrator is gone")?;
    let code = enrolment_code(app.entropy.as_ref());
    let expires_at = now.plus(CODE_LIFE);
    let mac = Some(app.keys.enrolment_mac(&code)?.to_vec());
    tx.put_operator(&OperatorRow { enrolment_mac: mac, enrolment_expires_at: Some(expires_at.micros()), ..row }).await?;
    let facts = json!({ "roles": [Role::Administrator], "was": "active", "by": LOSS_ACCEPTED });
    tx.also("operator.add", operator.as_str(), &facts).await?;
    Ok(Some(Invited { operator: operator.clone(), code, expires_at }))
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
