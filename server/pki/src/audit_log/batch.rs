//! The leaves since the last checkpoint that agreed, kept to say more than "somewhere in between" when the next does not.

use std::borrow::Cow;

use serde::Deserialize;

use crate::merkle::{CompactRange, Hash};

/// Beyond this many leaves a batch is not kept, and only its borders are told.
const MOST_LEAVES: usize = 1 << 16;

/// What the sealer requires of a leaf.
#[derive(Deserialize)]
struct Shape<'a> {
    #[serde(rename = "v")]
    _version: u64,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, rename = "at")]
    _at: Cow<'a, str>,
    #[serde(borrow, rename = "action")]
    _action: Cow<'a, str>,
}

pub(super) struct Batch {
    before: CompactRange,
    leaves: Vec<(u128, Hash)>,
    too_many: bool,
    malformed: Option<(u64, String)>,
}

impl Batch {
    /// Begins behind the leaves of `tree`.
    pub(super) fn after(tree: &CompactRange) -> Self {
        Self { before: tree.clone(), leaves: Vec::new(), too_many: false, malformed: None }
    }

    pub(super) fn add(&mut self, leaf: &[u8], hash: Hash) {
        if self.too_many || self.malformed.is_some() {
            return;
        }
        if self.leaves.len() == MOST_LEAVES {
            self.too_many = true;
            self.leaves = Vec::new();
            return;
        }
        let index = self.before.size() + self.leaves.len() as u64;
        match id_of(leaf) {
            Ok(id) => self.leaves.push((id, hash)),
            Err(why) => self.malformed = Some((index, why)),
        }
    }

    /// The leaf that is shown to be wrong when the batch does not give `expected`, and why; None when it cannot be told.
    pub(super) fn explain(&self, expected: &Hash) -> Option<(u64, String)> {
        if let Some((index, why)) = &self.malformed {
            return Some((*index, format!("entry {index} {why}")));
        }
        // A batch is sealed in ascending order of id. If that order gives the signed root, these are the sealed entries and
        // only moved: that is proof, not a guess.
        let mut sorted = self.leaves.clone();
        sorted.sort_by_key(|(id, _)| *id);
        let mut tree = self.before.clone();
        sorted.iter().for_each(|(_, hash)| tree.append(*hash));
        if self.too_many || tree.root() != *expected {
            return None;
        }
        let moved = sorted.iter().zip(&self.leaves).position(|(sealed, found)| sealed != found)?;
        let index = self.before.size() + moved as u64;
        Some((index, format!("entry {index} was moved, the entries are the sealed ones in another order")))
    }
}

fn id_of(leaf: &[u8]) -> Result<u128, String> {
    let shape: Shape<'_> =
        serde_json::from_slice(leaf).map_err(|_| "is not an audit entry: a JSON object with v, id, at and action".to_owned())?;
    // Hyphens stand at fixed places in every id that was sealed; here only their order matters.
    let digits: String = shape.id.chars().filter(|c| *c != '-').collect();
    match u128::from_str_radix(&digits, 16) {
        Ok(id) if digits.len() == 32 => Ok(id),
        _ => Err("has an id that is not a UUID".to_owned()),
    }
}
