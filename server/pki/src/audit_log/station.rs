//! The tree sizes at which a root is stated, from the export and from what the auditor kept.

use crate::merkle::Hash;
use crate::succession::{Opened, Trust};

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

/// All stations, the smallest first; at one size the kept one last. `begun` says whether a trusted key has signed one before,
/// and is told when one has: until then an auditor who came in later passes over what others have signed.
pub(super) fn stations(mut files: Vec<CheckpointFile>, kept: Option<&str>, trust: &Trust, begun: &mut bool) -> Vec<Station> {
    files.sort_by_key(|file| file.tree_size);
    let mut all: Vec<Station> = files.into_iter().filter_map(|file| exported(&file, trust, begun)).collect();
    all.extend(kept.map(|note| kept_by_auditor(note, trust)));
    all.sort_by_key(|station| (station.size, station.source));
    all
}

fn exported(file: &CheckpointFile, trust: &Trust, begun: &mut bool) -> Option<Station> {
    let size = file.tree_size;
    let root = match trust.open(&file.note) {
        Opened::Unsigned(_) if trust.joined_later() && !*begun => return None,
        Opened::Unsigned(fault) | Opened::Bad(fault) => Err(format!("checkpoint {size}: {fault}")),
        Opened::Good(stated) if stated.size != size => {
            Err(format!("checkpoint {size}: the file states a tree of {} leaves", stated.size))
        }
        Opened::Good(stated) => Ok(stated.root),
    };
    *begun |= root.is_ok();
    Some(Station { size, source: Source::Export, root })
}

fn kept_by_auditor(note: &str, trust: &Trust) -> Station {
    match trust.open_kept(note) {
        Opened::Good(stated) => Station { size: stated.size, source: Source::Kept, root: Ok(stated.root) },
        // Nothing it says can be relied on, its size included; but another key than the auditor's is itself the finding.
        Opened::Unsigned(fault) | Opened::Bad(fault) => {
            Station { size: 0, source: Source::Kept, root: Err(format!("the kept checkpoint: {fault}")) }
        }
    }
}
