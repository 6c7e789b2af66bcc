//! `iamd restore --prove`: whether a restored instance is behind what the world has seen of it.
//!
//! The evidence comes from outside: a checkpoint that an auditor has kept. The node's own anchor is evidence as well.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use domain::{HighWater, KeyPurpose};
use pki::checkpoint::{Checkpoint, SignedNote, VerifierKey};
use pki::hex;
use pki::merkle::{CompactRange, Hash, leaf_hash};
use serde_json::{Value, json};

use super::unproven::{self, LOSS_ACCEPTED, PROVEN, Restored};
use crate::anchor::Anchor;
use crate::app::App;
use crate::data_dir;
use crate::instance::open::{Ports, open};
use crate::keys::CHECKPOINTS;
use crate::settings::{Settings, SettingsError};
use crate::store::{Housekeeping, Read};

/// Leaves read at once.
const PAGE: i64 = 5_000;
/// A signed note is a few hundred bytes.
const LONGEST_NOTE: u64 = 64 * 1024;

/// What the operator shows.
pub struct Evidence<'a> {
    /// The newest checkpoint that anybody outside has.
    pub checkpoint: Option<&'a Path>,
    /// The reason for going on although something is lost.
    pub accept_loss: Option<&'a str>,
}

/// What came out.
pub enum Outcome {
    /// It is not behind, and may be served.
    Proven {
        /// Entries of the audit log.
        entries: u64,
    },
    /// It is behind, each finding a line; it stays closed.
    Behind(Vec<String>),
    /// It is behind by these, somebody answers for it, and it may be served.
    Accepted(Vec<String>),
}

/// Compares the instance in `dir` with what the world has seen, and opens it when it is not behind, or when its loss is accepted.
///
/// # Errors
/// One line with the mend; nothing was changed then.
pub async fn prove(dir: &Path, settings: Settings, ports: Ports, evidence: Evidence<'_>) -> anyhow::Result<Outcome> {
    if let Some(reason) = evidence.accept_loss {
        domain::check_reason(reason)
            .map_err(|fault| SettingsError { place: "--reason".to_owned(), message: fault.to_string() })?;
    }
    let _held = data_dir::hold(dir)?;
    let app = open(dir, settings, ports).await?;
    let restored = Restored::read(dir)?;
    let outcome = judge(&app, restored.as_ref(), &evidence).await;
    app.store.engine().close().await;
    outcome
}

async fn judge(app: &App, restored: Option<&Restored>, evidence: &Evidence<'_>) -> anyhow::Result<Outcome> {
    let mut read = app.store.read().await?;
    let mut shown = shown(&mut read, app, evidence).await?;
    let log = Log::read(&mut read, shown.iter().map(|note| note.checkpoint.size)).await?;
    drop(read);
    let findings = findings(&log, &shown);
    shown.sort_by_key(|note| note.checkpoint.size);
    let newest = shown.pop();
    if findings.is_empty() {
        ensure!(
            evidence.checkpoint.is_some() || evidence.accept_loss.is_some(),
            "nothing from outside was shown: give the newest checkpoint that an auditor has, e.g. --checkpoint checkpoints/{}; {}",
            log.entries,
            WITHOUT
        );
    }
    let facts = |more: Value| {
        let backup = restored.map(|restored| json!({ "sha256": restored.backup, "made_at": restored.made_at }));
        let seen = newest.as_ref().map(|note| json!({ "tree_size": note.checkpoint.size, "root": hex(&note.checkpoint.root) }));
        json!({ "entries": log.entries, "backup": backup, "seen": seen, "more": more })
    };
    match (findings.is_empty() && evidence.checkpoint.is_some(), evidence.accept_loss) {
        (true, _) => {
            commit(app, PROVEN, facts(Value::Null)).await?;
            Ok(Outcome::Proven { entries: log.entries })
        }
        (false, None) => Ok(Outcome::Behind(findings)),
        (false, Some(reason)) => {
            commit(app, LOSS_ACCEPTED, facts(json!({ "reason": reason, "findings": findings }))).await?;
            Ok(Outcome::Accepted(findings))
        }
    }
}

/// What is said where nothing from outside is left.
const WITHOUT: &str = "where nothing was kept, somebody must answer for what may be lost: --accept-loss --reason TEXT";

/// A checkpoint that somebody has seen.
struct Shown {
    checkpoint: Checkpoint,
    /// Where it comes from, in words.
    whence: String,
    /// Whether a key of this database signed it.
    verified: bool,
}

async fn shown(read: &mut Read, app: &App, evidence: &Evidence<'_>) -> anyhow::Result<Vec<Shown>> {
    let mut keys = Vec::new();
    for row in read.keys(Some(KeyPurpose::Audit), None).await?.iter().filter(|row| row.name == CHECKPOINTS) {
        keys.push(app.keys.checkpoint_verifier(row)?);
    }
    let mut shown = Vec::new();
    if let Some(note) = Anchor::read(&app.data_dir)?.and_then(|anchor| anchor.checkpoint) {
        shown.push(seen(&note, &keys, "this folder's own anchor")?);
    }
    if let Some(path) = evidence.checkpoint {
        let place = path.display().to_string();
        let length = fs::metadata(path).with_context(|| format!("cannot read {place}"))?.len();
        ensure!(length <= LONGEST_NOTE, "{place} is no checkpoint: it is far too long");
        let note = fs::read_to_string(path).with_context(|| format!("cannot read {place}"))?;
        let note = seen(&note, &keys, &place).with_context(|| format!("{place} is no checkpoint"))?;
        let origin = keys.first().map(VerifierKey::name).unwrap_or_default();
        ensure!(
            note.checkpoint.origin == origin,
            "{place} is of another log ({}); this instance's is {origin}",
            domain::visible(&note.checkpoint.origin)
        );
        let own = shown.first().map_or(0, |anchor: &Shown| anchor.checkpoint.size);
        ensure!(
            note.checkpoint.size >= own,
            "{place} has {} entries, and the backup itself {own}: it is older and shows nothing; give a newer one, or, {WITHOUT}",
            note.checkpoint.size
        );
        shown.push(note);
    }
    Ok(shown)
}

fn seen(note: &str, keys: &[VerifierKey], whence: &str) -> anyhow::Result<Shown> {
    let note = SignedNote::parse(note)?;
    let verified = keys.iter().any(|key| note.verify(key).is_ok());
    Ok(Shown { checkpoint: Checkpoint::parse_body(&note.text)?, whence: whence.to_owned(), verified })
}

/// The audit log in the database, recomputed from its entries.
struct Log {
    /// Entries under its newest checkpoint.
    entries: u64,
    /// Roots over so many entries.
    roots: BTreeMap<u64, Hash>,
}

impl Log {
    async fn read(read: &mut Read, sizes: impl Iterator<Item = u64>) -> anyhow::Result<Self> {
        let newest = read.last_checkpoint().await?;
        let entries = newest.as_ref().map_or(Ok(0), |row| u64::try_from(row.tree_size))?;
        let mut wanted: Vec<u64> = sizes.chain([entries]).filter(|size| *size <= entries).collect();
        wanted.sort_unstable();
        let mut wanted = wanted.into_iter().peekable();
        let mut tree = CompactRange::new();
        let mut roots = BTreeMap::new();
        loop {
            while wanted.next_if(|size| *size == tree.size()).is_some() {
                roots.insert(tree.size(), tree.root());
            }
            if wanted.peek().is_none() {
                break;
            }
            let from = i64::try_from(tree.size())?;
            let page = read.sealed_leaves(from, PAGE).await?;
            ensure!(!page.is_empty(), "the audit log ends after {from} entries, and its own checkpoint covers {entries}");
            for row in page {
                ensure!(row.leaf_index == i64::try_from(tree.size())?, "the audit log has a gap at entry {}", tree.size());
                tree.append(leaf_hash(&row.leaf));
                while wanted.next_if(|size| *size == tree.size()).is_some() {
                    roots.insert(tree.size(), tree.root());
                }
            }
        }
        let whole = newest.is_none_or(|row| roots.get(&entries).is_some_and(|root| root[..] == row.root[..]));
        ensure!(
            whole,
            "the audit log does not give the root of its own newest checkpoint, over {entries} entries: it was altered, and no proof can be built on it"
        );
        Ok(Self { entries, roots })
    }
}

fn findings(log: &Log, shown: &[Shown]) -> Vec<String> {
    let here = HighWater { entries: log.entries, ..HighWater::default() };
    let mut findings = Vec::new();
    for Shown { checkpoint, whence, verified } in shown {
        let seen = HighWater { entries: checkpoint.size, ..HighWater::default() };
        if !verified {
            findings.push(format!(
                "the checkpoint of {whence}, over {} entries, is signed by a key that this database does not know: by a later one, or by a stranger's",
                checkpoint.size
            ));
        } else if let Some(behind) = here.behind(&seen) {
            findings.push(format!("{behind} ({whence}): {} are lost", checkpoint.size - log.entries));
        } else if log.roots.get(&checkpoint.size) != Some(&checkpoint.root) {
            findings.push(format!(
                "the first {} entries are not those of the checkpoint of {whence}: one of the two logs was rewritten",
                checkpoint.size
            ));
        }
    }
    findings
}

/// The entry first, then the anchor, the mark last: whatever breaks off in between is done again.
async fn commit(app: &App, action: &'static str, facts: Value) -> anyhow::Result<()> {
    let step = Housekeeping::Step { action, subject: app.instance.clone(), facts };
    app.store.write().await?.commit_housekeeping(step).await?;
    Anchor::of(&mut app.store.read().await?, app.clock.now()).await?.write(&app.data_dir)?;
    unproven::take_off(&app.data_dir)
}
