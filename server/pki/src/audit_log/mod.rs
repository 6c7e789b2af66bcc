//! The offline verifier of an exported audit log; `server/AUDIT-FORMAT.md` is its specification.
//!
//! Invariant: it trusts nothing in the export but what the verifier key signed.
//! Invariant: its memory does not grow with the log: one entry, the tree's frontier, and one sealing batch of hashes.

mod batch;
mod lines;
mod station;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::merkle::{CompactRange, Hash, empty_root, leaf_hash};
use crate::succession::Trust;

pub use lines::{LONGEST_ENTRY, leaves};
pub use station::CheckpointFile;

use batch::Batch;
use station::{Source, Station, stations};

/// What an auditor reads; the reply of `audit verify`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Entries read.
    pub entries: u64,
    /// Checkpoints of the export that were compared and agree.
    pub checkpoints: u64,
    /// Leaves that a verified checkpoint covers.
    pub tree_size: u64,
    /// The root over them, in standard base64 as in a checkpoint.
    pub root: String,
    /// Whether nothing at all is wrong.
    pub ok: bool,
    /// Where the log is first known to be wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_bad: Option<FirstBad>,
}

impl Verdict {
    /// Of a log of which nothing could be verified, and why.
    #[must_use]
    pub fn of_nothing(reason: String) -> Self {
        let first_bad = Some(FirstBad { from: 0, to: 0, reason });
        Self { entries: 0, checkpoints: 0, tree_size: 0, root: BASE64_STANDARD.encode(empty_root()), ok: false, first_bad }
    }
}

/// The first place that is known to be wrong: one leaf where that can be shown, else all between two checkpoints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FirstBad {
    /// The first leaf, 0-based.
    pub from: u64,
    /// The last leaf, 0-based and included.
    pub to: u64,
    /// What is wrong with them, a fragment.
    pub reason: String,
}

/// Verifies a log. `entries` are the lines of `entries.jsonl` without their line feeds, see [`leaves`]; `kept` is a
/// checkpoint that the auditor kept from before, which shows a rollback or a rewritten past; `trust` is the key that the auditor
/// has, with the announcements of the export followed. Errors only when an entry cannot be read.
pub fn verify<B: AsRef<[u8]>, E>(
    entries: impl IntoIterator<Item = Result<B, E>>,
    checkpoints: Vec<CheckpointFile>,
    kept: Option<&str>,
    trust: &Trust,
) -> Result<Verdict, E> {
    let mut verification = Verification::new(checkpoints, kept, trust.clone());
    for entry in entries {
        verification.entry(entry?.as_ref());
    }
    Ok(verification.verdict())
}

/// A verification under way, for a log that is read piece by piece while it grows.
pub struct Verification {
    trust: Trust,
    /// Whether a trusted key has signed a checkpoint so far.
    begun: bool,
    /// Still ahead, the nearest last.
    ahead: Vec<Station>,
    tree: CompactRange,
    /// Entries and frontier as at the last station that agreed.
    batch: Batch,
    entries: u64,
    checkpoints: u64,
    covered: u64,
    root: Hash,
    first_bad: Option<FirstBad>,
}

impl Verification {
    /// Begins, with the checkpoints that are known so far; see [`verify`].
    #[must_use]
    pub fn new(checkpoints: Vec<CheckpointFile>, kept: Option<&str>, trust: Trust) -> Self {
        let mut begun = false;
        let mut ahead = stations(checkpoints, kept, &trust, &mut begun);
        ahead.reverse();
        let mut walk = Self {
            trust,
            begun,
            ahead,
            tree: CompactRange::new(),
            batch: Batch::after(&CompactRange::new()),
            entries: 0,
            checkpoints: 0,
            covered: 0,
            root: empty_root(),
            first_bad: None,
        };
        walk.arrive();
        walk
    }

    /// Follows the announcements: all that are known by now, in their order. What was signed under one that came meanwhile is
    /// taken in after it.
    pub fn announcements<S: AsRef<str>>(&mut self, all: &[S]) {
        self.trust.follow(all);
    }

    /// Takes in checkpoints that were signed meanwhile. One over fewer entries than were read comes too late to be compared.
    pub fn checkpoints(&mut self, more: Vec<CheckpointFile>) {
        let size = self.tree.size();
        let more = stations(more, None, &self.trust, &mut self.begun);
        self.ahead.extend(more.into_iter().filter(|station| station.size >= size));
        self.ahead.sort_by_key(|station| std::cmp::Reverse((station.size, station.source)));
        self.arrive();
    }

    /// Takes in the next entry.
    pub fn entry(&mut self, leaf: &[u8]) {
        self.entries += 1;
        // Once something is wrong nothing behind it can be told; the rest is only counted.
        if self.first_bad.is_none() {
            let hash = leaf_hash(leaf);
            self.tree.append(hash);
            self.batch.add(leaf, hash);
            self.arrive();
        }
    }

    /// Takes in that no further entry can be read, and why: what no checkpoint covers so far is bad.
    pub fn broken(&mut self, reason: String) {
        if self.first_bad.is_none() {
            self.bad(self.covered, self.entries + 1, reason);
        }
    }

    /// Compares with every station of the present size.
    fn arrive(&mut self) {
        while self.first_bad.is_none()
            && let Some(station) = self.ahead.pop_if(|station| station.size == self.tree.size())
        {
            self.compare(station);
        }
    }

    fn compare(&mut self, station: Station) {
        let root = self.tree.root();
        match station.root {
            Err(reason) => self.bad(self.covered, station.size, reason),
            Ok(expected) if expected == root => {
                self.checkpoints += u64::from(station.source == Source::Export);
                self.covered = station.size;
                self.root = root;
                self.batch = Batch::after(&self.tree);
            }
            // Who re-signs a rewritten log can make every checkpoint of the export agree: the change may lie anywhere.
            Ok(_) if station.source == Source::Kept => self.bad(
                0,
                station.size,
                format!("the log was rewritten: its first {} entries do not give the root of the kept checkpoint", station.size),
            ),
            Ok(_) if self.covered == station.size => self.bad(
                self.covered,
                station.size,
                format!("two checkpoints over {} leaves are signed with different roots: the log was forked", station.size),
            ),
            Ok(expected) => {
                let known = self.batch.explain(&expected);
                let reason = format!("the entries do not give the root of checkpoint {}", station.size);
                match known {
                    Some((leaf, why)) => self.bad(leaf, leaf + 1, format!("{reason}: {why}")),
                    None => self.bad(
                        self.covered,
                        station.size,
                        format!("{reason}: one of them was altered, removed, inserted or moved"),
                    ),
                }
            }
        }
    }

    /// Notes leaves `from` up to, not including, `end` as wrong; at least one leaf is named.
    fn bad(&mut self, from: u64, end: u64, reason: String) {
        let to = end.saturating_sub(1);
        self.first_bad = Some(FirstBad { from: from.min(to), to, reason });
    }

    /// Ends; nothing more is there.
    #[must_use]
    pub fn verdict(mut self) -> Verdict {
        if self.first_bad.is_none() {
            if let Some(station) = self.ahead.pop() {
                self.ended_before(station);
            } else if self.entries > self.covered {
                let last = match self.covered {
                    0 => "there is no checkpoint".to_owned(),
                    covered => format!("the last checkpoint has {covered} leaves"),
                };
                self.bad(
                    self.covered,
                    self.entries,
                    format!("{last} and {} entries follow it that no signature covers", self.entries - self.covered),
                );
            }
        }
        Verdict {
            entries: self.entries,
            checkpoints: self.checkpoints,
            tree_size: self.covered,
            root: BASE64_STANDARD.encode(self.root),
            ok: self.first_bad.is_none(),
            first_bad: self.first_bad,
        }
    }

    fn ended_before(&mut self, station: Station) {
        let missing = station.size - self.entries;
        let (covered, entries, size) = (self.covered, self.entries, station.size);
        let entries_are_missing = if missing == 1 { "1 entry is missing" } else { &format!("{missing} entries are missing") };
        let reason = match (&station.root, station.source) {
            (Err(reason), _) => reason.clone(),
            (Ok(_), Source::Kept) => {
                format!("the log was rolled back: the kept checkpoint has {size} leaves, the log ends after {entries} entries")
            }
            (Ok(_), Source::Export) => {
                format!("the log ends after {entries} entries, checkpoint {size} is signed over {size}: {entries_are_missing}")
            }
        };
        self.bad(covered, size, reason);
    }
}

#[cfg(test)]
mod tests;
