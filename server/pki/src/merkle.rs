//! The Merkle tree of RFC 9162 section 2.1 over SHA-256: frontier, root, inclusion and consistency proofs.

use std::ops::Range;

use crate::error::PkiError;

/// A node of the tree.
pub type Hash = [u8; 32];

/// The hash of one leaf: SHA-256(0x00 || bytes).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut hasher = openssl::sha::Sha256::new();
    hasher.update(&[0]);
    hasher.update(leaf);
    hasher.finish()
}

/// The hash of an inner node: SHA-256(0x01 || left || right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = openssl::sha::Sha256::new();
    hasher.update(&[1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finish()
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    openssl::sha::sha256(b"")
}

/// The right edge of a tree: the roots of its complete subtrees, the largest first. All that is needed to append and to
/// tell the root, at most 64 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CompactRange {
    size: u64,
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// A tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// Leaves so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends the hash of the next leaf.
    pub fn append(&mut self, leaf: Hash) {
        let mut node = leaf;
        // Each trailing one bit of the size is a complete subtree that the new leaf completes to a larger one.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => empty_root(),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }

    /// The stored form: the size as 8 bytes big-endian, then the hashes, the largest subtree first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(8 + 32 * self.peaks.len());
        bytes.extend_from_slice(&self.size.to_be_bytes());
        self.peaks.iter().for_each(|peak| bytes.extend_from_slice(peak));
        bytes
    }

    /// Reads the stored form. Errors when the number of hashes is not the one its size calls for.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PkiError> {
        const WHAT: &str = "the tree's frontier";
        let Some((head, rest)) = bytes.split_first_chunk::<8>() else {
            return Err(PkiError::malformed(WHAT, "it is shorter than its size field"));
        };
        let size = u64::from_be_bytes(*head);
        let (peaks, tail) = rest.as_chunks::<32>();
        if !tail.is_empty() || peaks.len() != size.count_ones() as usize {
            return Err(PkiError::malformed(
                WHAT,
                format!("{size} leaves need {} hashes, not {} bytes", size.count_ones(), rest.len()),
            ));
        }
        Ok(Self { size, peaks: peaks.to_vec() })
    }
}

/// The root over a slice of leaf hashes.
pub fn root_of(leaves: &[Hash]) -> Hash {
    let mut range = CompactRange::new();
    leaves.iter().for_each(|leaf| range.append(*leaf));
    range.root()
}

/// The largest power of two smaller than `n`, for `n` of 2 or more.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// The subtrees, as ranges of leaves, whose roots form the proof that leaf `index` is in the tree of `size` leaves; in
/// the proof's order. None when there is no such leaf.
pub fn inclusion_path(index: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if index >= size {
        return None;
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(middle..end);
            end = middle;
        } else {
            path.push(start..middle);
            start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The subtrees whose roots form the proof that the tree of `old` leaves is the beginning of the tree of `new` leaves; in
/// the proof's order. None when `old` is zero or larger than `new`. Equal sizes have an empty proof.
pub fn consistency_path(old: u64, new: u64) -> Option<Vec<Range<u64>>> {
    if old == 0 || old > new {
        return None;
    }
    let mut path = Vec::new();
    let (mut start, mut end) = (0, new);
    while old < end {
        let middle = start + split(end - start);
        if old <= middle {
            path.push(middle..end);
            end = middle;
        } else {
            path.push(start..middle);
            start = middle;
        }
    }
    // The old tree's own root is known to the verifier; any other subtree it ends in is not.
    if start != 0 {
        path.push(start..end);
    }
    path.reverse();
    Some(path)
}

/// The proof that leaf `index` is among `leaves`. None when there is no such leaf.
pub fn inclusion_proof(index: u64, leaves: &[Hash]) -> Option<Vec<Hash>> {
    Some(roots(inclusion_path(index, leaves.len() as u64)?, leaves))
}

/// The proof that the first `old` of `leaves` were a tree before. None when `old` is zero or too large.
pub fn consistency_proof(old: u64, leaves: &[Hash]) -> Option<Vec<Hash>> {
    Some(roots(consistency_path(old, leaves.len() as u64)?, leaves))
}

fn roots(path: Vec<Range<u64>>, leaves: &[Hash]) -> Vec<Hash> {
    path.into_iter().map(|range| root_of(&leaves[range.start as usize..range.end as usize])).collect()
}

/// RFC 9162 section 2.1.3.2: whether `proof` shows `leaf` at `index` in the tree of `size` leaves with `root`.
pub fn verify_inclusion(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut at, mut last, mut node) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            node = node_hash(sibling, &node);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && node == *root
}

/// RFC 9162 section 2.1.4.2: whether `proof` shows that the tree of `old` leaves with `old_root` is the beginning of the
/// tree of `new` leaves with `new_root`.
pub fn verify_consistency(old: u64, new: u64, old_root: &Hash, new_root: &Hash, proof: &[Hash]) -> bool {
    if old == new {
        return proof.is_empty() && old_root == new_root && (old != 0 || *old_root == empty_root());
    }
    if old == 0 || old > new {
        return false;
    }
    let (mut at, mut last) = (old - 1, new - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let mut proof = proof.iter();
    // A power of two is a subtree of the new tree as it stands: its root starts the proof and is not repeated in it.
    let first = if old.is_power_of_two() { Some(old_root) } else { proof.next() };
    let Some(first) = first else { return false };
    let (mut before, mut after) = (*first, *first);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            before = node_hash(sibling, &before);
            after = node_hash(sibling, &after);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            after = node_hash(&after, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && before == *old_root && after == *new_root
}
