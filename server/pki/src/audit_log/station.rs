//! The tree sizes at which a root is stated, from the export and from what the auditor kept.

use crate::checkpoint::{self, VerifierKey};
use crate::merkle::Hash;

/// A checkpoint file of an export: its name, which is the tree size, and its text.
#[derive(Clone, Debug)]
pub struct CheckpointFile {
    /// `checkpoints/<tree_size>`.
    pub tree_size: u64,
    /// The signed note.
    pub note: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Export,
    Kept,
}

/// What is stated at one size, or why that statement counts for nothing.
#[derive(Debug)]
pub(super) struct Station {
    pub(super) size: u64,
    pub(super) source: Source,
    pub(super) root: Result<Hash, String>,
}

/// All stations, the smallest first; at one size the kept one last.
pub(super) fn stations(files: Vec<CheckpointFile>, kept: Option<&str>, vkey: &VerifierKey) -> Vec<Station> {
    let mut all: Vec<Station> = files.into_iter().map(|file| exported(&file, vkey)).collect();
    all.extend(kept.map(|note| kept_by_auditor(note, vkey)));
    all.sort_by_key(|station| (station.size, station.source));
    all
}

fn exported(file: &CheckpointFile, vkey: &VerifierKey) -> Station {
    let size = file.tree_size;
    let root = match checkpoint::open(&file.note, vkey) {
        Err(fault) => Err(format!("checkpoint {size}: {fault}")),
        Ok(stated) if stated.size != size => Err(format!("checkpoint {size}: the file states a tree of {} leaves", stated.size)),
        Ok(stated) => Ok(stated.root),
    };
    Station { size, source: Source::Export, root }
}

fn kept_by_auditor(note: &str, vkey: &VerifierKey) -> Station {
    match checkpoint::open(note, vkey) {
        Ok(stated) => Station { size: stated.size, source: Source::Kept, root: Ok(stated.root) },
        // Nothing it says can be relied on, its size included; but another key than the auditor's is itself the finding.
        Err(fault) => Station { size: 0, source: Source::Kept, root: Err(format!("the kept checkpoint: {fault}")) },
    }
}
