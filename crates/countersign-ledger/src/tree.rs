//! The RFC 6962 Merkle tree that grows by one leaf at a time and holds only the roots of its
//! complete subtrees. It never reads or writes a file, and never keeps a leaf.

use crate::hash::{Hash, node_hash, sha256};

/// A tree that only grows. Its memory is one hash per set bit of its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// The roots of the complete subtrees, the largest first.
    subtrees: Vec<Hash>,
}

impl Tree {
    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf, given as its [`leaf_hash`](crate::leaf_hash).
    pub fn push(&mut self, leaf: Hash) {
        let mut hash = leaf;
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        self.subtrees.push(hash);
        self.size = self.size.saturating_add(1);
    }

    /// The Merkle tree hash of all leaves, RFC 6962 section 2.1.
    #[must_use]
    pub fn root(&self) -> Hash {
        root_of_subtrees(&self.subtrees)
    }
}

/// The root over complete subtrees, the largest (leftmost) first.
pub(crate) fn root_of_subtrees(subtrees: &[Hash]) -> Hash {
    subtrees
        .iter()
        .rev()
        .copied()
        .reduce(|right, left| node_hash(&left, &right))
        .unwrap_or_else(empty_root)
}

/// The root of the tree without leaves: SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Hash {
    sha256(&[])
}

/// Folds a run of hashes, whose number is a power of two, into the root above them.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    let mut level = hashes.to_vec();
    while level.len() > 1 {
        level = level
            .chunks(2)
            .filter_map(|pair| match pair {
                [left, right] => Some(node_hash(left, right)),
                [alone] => Some(*alone),
                _ => None,
            })
            .collect();
    }
    level.first().copied().unwrap_or_else(empty_root)
}

/// Splits a run of hashes into the complete subtrees that it is made of, the largest first, and
/// appends their roots.
pub(crate) fn push_subtrees(hashes: &[Hash], subtrees: &mut Vec<Hash>) {
    let mut rest = hashes;
    while let Some(power) = rest.len().checked_ilog2() {
        let Some((whole, after)) = rest.split_at_checked(1 << power) else { return };
        subtrees.push(fold(whole));
        rest = after;
    }
}

#[cfg(test)]
pub(crate) mod tests;
