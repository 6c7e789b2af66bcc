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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 9162 section 2.1.1, word for word.
    fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => openssl::sha::sha256(b""),
            [leaf] => *leaf,
            _ => {
                let k = largest_power_below(leaves.len());
                node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
            }
        }
    }

    /// RFC 9162 section 2.1.3.1, word for word.
    fn naive_inclusion(m: usize, leaves: &[Hash]) -> Vec<Hash> {
        if leaves.len() == 1 {
            return Vec::new();
        }
        let k = largest_power_below(leaves.len());
        let (mut proof, sibling) = if m < k {
            (naive_inclusion(m, &leaves[..k]), naive_root(&leaves[k..]))
        } else {
            (naive_inclusion(m - k, &leaves[k..]), naive_root(&leaves[..k]))
        };
        proof.push(sibling);
        proof
    }

    /// RFC 9162 section 2.1.4.1, word for word.
    fn naive_consistency(m: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if m == leaves.len() {
            return if whole { Vec::new() } else { vec![naive_root(leaves)] };
        }
        let k = largest_power_below(leaves.len());
        let (mut proof, sibling) = if m <= k {
            (naive_consistency(m, &leaves[..k], whole), naive_root(&leaves[k..]))
        } else {
            (naive_consistency(m - k, &leaves[k..], false), naive_root(&leaves[..k]))
        };
        proof.push(sibling);
        proof
    }

    fn largest_power_below(n: usize) -> usize {
        (0..).map(|exponent| 1 << exponent).take_while(|power| *power < n).last().unwrap()
    }

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(format!("entry {n}").as_bytes())).collect()
    }

    /// The roots of the reference tree of the Certificate Transparency project's tests.
    #[test]
    fn the_published_roots_come_out() {
        let inputs: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            &[0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57],
            &[0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f],
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut range = CompactRange::new();
        assert_eq!(crate::text::hex(&range.root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        for (input, root) in inputs.iter().zip(roots) {
            range.append(leaf_hash(input));
            assert_eq!(crate::text::hex(&range.root()), root, "{} leaves", range.size());
        }
    }

    #[test]
    fn the_stored_frontier_goes_on_where_it_stopped() {
        let all = leaves(300);
        let mut range = CompactRange::new();
        for (size, leaf) in all.iter().enumerate() {
            let bytes = range.to_bytes();
            assert_eq!(bytes.len(), 8 + 32 * size.count_ones() as usize);
            range = CompactRange::from_bytes(&bytes).unwrap();
            range.append(*leaf);
        }
        assert_eq!(range.root(), naive_root(&all));
    }

    #[test]
    fn a_frontier_of_the_wrong_length_is_refused() {
        let mut range = CompactRange::new();
        leaves(3).into_iter().for_each(|leaf| range.append(leaf));
        let good = range.to_bytes();
        assert!(CompactRange::from_bytes(&good).is_ok());
        let longer = [&good[..], &[0; 32]].concat();
        for bad in [&[][..], &good[..7], &good[..8], &good[..40], &good[..good.len() - 1], &longer] {
            assert!(CompactRange::from_bytes(bad).is_err());
        }
    }

    #[test]
    fn proofs_that_cannot_be_are_none() {
        let all = leaves(3);
        assert_eq!(inclusion_proof(3, &all), None);
        assert_eq!(inclusion_proof(0, &[]), None);
        assert_eq!(consistency_proof(0, &all), None);
        assert_eq!(consistency_proof(4, &all), None);
        assert_eq!(consistency_proof(3, &all), Some(Vec::new()));
    }

    #[test]
    fn the_edges_of_the_verifiers_hold() {
        let all = leaves(2);
        let root = root_of(&all);
        assert!(verify_inclusion(&all[0], 0, 1, &[], &all[0]));
        assert!(!verify_inclusion(&all[0], 0, 0, &[], &empty_root()));
        assert!(!verify_inclusion(&all[0], 2, 2, &[all[1]], &root));
        assert!(!verify_inclusion(&all[0], 0, 2, &[], &root));
        assert!(!verify_inclusion(&all[0], 0, 2, &[all[1], all[1]], &root));
        assert!(verify_consistency(0, 0, &empty_root(), &empty_root(), &[]));
        assert!(!verify_consistency(0, 0, &root, &root, &[]));
        assert!(!verify_consistency(0, 2, &empty_root(), &root, &[]));
        assert!(!verify_consistency(2, 1, &root, &all[0], &[]));
        assert!(verify_consistency(2, 2, &root, &root, &[]));
        assert!(!verify_consistency(2, 2, &root, &all[0], &[]));
        assert!(!verify_consistency(2, 2, &root, &root, &[all[0]]));
        assert!(!verify_consistency(1, 2, &all[0], &root, &[]));
    }

    #[test]
    fn sizes_near_the_end_of_the_number_range_do_not_overflow() {
        let path = inclusion_path(u64::MAX - 1, u64::MAX).unwrap();
        assert_eq!(path.len(), 63);
        assert!(consistency_path(u64::MAX - 1, u64::MAX).unwrap().len() <= 65);
        assert!(!verify_inclusion(&[0; 32], u64::MAX - 1, u64::MAX, &[[0; 32]; 64], &[0; 32]));
        assert!(!verify_consistency(u64::MAX - 1, u64::MAX, &[0; 32], &[0; 32], &[[0; 32]; 64]));
    }

    proptest! {
        #[test]
        fn every_leaf_is_proved_and_nothing_else(count in 1usize..70, at: proptest::sample::Index, other: proptest::sample::Index, bit in 0usize..256) {
            let all = leaves(count);
            let (index, size) = (at.index(count), count as u64);
            let root = naive_root(&all);
            prop_assert_eq!(root_of(&all), root);
            let proof = inclusion_proof(index as u64, &all).unwrap();
            prop_assert_eq!(&proof, &naive_inclusion(index, &all));
            prop_assert!(verify_inclusion(&all[index], index as u64, size, &proof, &root));
            let other = other.index(count);
            prop_assert_eq!(verify_inclusion(&all[other], index as u64, size, &proof, &root), other == index);
            prop_assert_eq!(verify_inclusion(&all[index], other as u64, size, &proof, &root), other == index);
            for spoiled in 0..proof.len() {
                let mut bad = proof.clone();
                bad[spoiled][bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!verify_inclusion(&all[index], index as u64, size, &bad, &root));
                prop_assert!(!verify_inclusion(&all[index], index as u64, size, &proof[..spoiled], &root));
            }
        }

        #[test]
        fn every_past_is_proved_and_nothing_else(count in 1usize..70, past: proptest::sample::Index, bit in 0usize..256) {
            let all = leaves(count);
            let old = past.index(count) + 1;
            let (old_root, root) = (naive_root(&all[..old]), naive_root(&all));
            let proof = consistency_proof(old as u64, &all).unwrap();
            prop_assert_eq!(&proof, &naive_consistency(old, &all, true));
            prop_assert!(verify_consistency(old as u64, count as u64, &old_root, &root, &proof));
            let mut bad_root = old_root;
            bad_root[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!verify_consistency(old as u64, count as u64, &bad_root, &root, &proof));
            for spoiled in 0..proof.len() {
                let mut bad = proof.clone();
                bad[spoiled][bit / 8] ^= 1 << (bit % 8);
                prop_assert!(!verify_consistency(old as u64, count as u64, &old_root, &root, &bad));
                prop_assert!(!verify_consistency(old as u64, count as u64, &old_root, &root, &proof[..spoiled]));
            }
        }

        #[test]
        fn noise_is_no_proof(index: u64, size: u64, proof in proptest::collection::vec(any::<Hash>(), 0..70), root: Hash) {
            prop_assert!(!verify_inclusion(&[1; 32], index, size, &proof, &root));
            prop_assert!(!verify_consistency(index, size, &[1; 32], &root, &proof));
        }
    }
}
