//! Inclusion and consistency proofs of RFC 6962 section 2.1: making them from the hashes of complete
//! subtrees, and verifying them. Where the hashes come from is the caller's matter.

use crate::hash::{Hash, node_hash};
use crate::tree::root_of_subtrees;

/// Hashes in a proof at most: the height of a tree of 2^64 leaves.
pub const PROOF_HASHES_MAX: usize = 64;

/// Why a proof does not prove what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofMismatch {
    /// The index is not inside of the tree, or the earlier tree is larger than the later one.
    #[error("the proof is about an entry or a tree that is outside of the signed tree")]
    OutOfRange,
    /// The number of hashes does not fit the sizes.
    #[error("the proof has a wrong number of hashes")]
    WrongLength,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the signed root")]
    WrongRoot,
}

/// The hashes that prove the leaf `index` in the tree of `size` leaves, the leaf's sibling first
/// (RFC 6962 section 2.1.1). `node(level, n)` gives the root of the `n`-th complete subtree of
/// 2^level leaves. An index outside of the tree has no proof: the answer is empty.
pub fn inclusion<E>(
    index: u64,
    size: u64,
    node: &mut dyn FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let mut path = Vec::new();
    if index >= size {
        return Ok(path);
    }
    let (mut start, mut end) = (0, size);
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            path.push(range(middle, end, node)?);
            end = middle;
        } else {
            path.push(range(start, middle, node)?);
            start = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The hashes that prove that the tree of `later` leaves begins with the tree of `earlier` leaves
/// (RFC 6962 section 2.1.2). Empty when the sizes are equal or `earlier` is 0.
pub fn consistency<E>(
    earlier: u64,
    later: u64,
    node: &mut dyn FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Vec<Hash>, E> {
    let mut proof = Vec::new();
    if earlier == 0 || earlier >= later {
        return Ok(proof);
    }
    let (mut start, mut end) = (0, later);
    loop {
        if end == earlier {
            // The earlier tree is a subtree here; the verifier knows its hash when it is whole.
            if start != 0 {
                proof.push(range(start, end, node)?);
            }
            break;
        }
        let middle = start + split(end - start);
        if earlier <= middle {
            proof.push(range(middle, end, node)?);
            end = middle;
        } else {
            proof.push(range(start, middle, node)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// Checks an inclusion proof, RFC 9162 section 2.1.3.2.
///
/// # Errors
/// What does not fit, see [`ProofMismatch`].
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Hash,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofMismatch> {
    if index >= size {
        return Err(ProofMismatch::OutOfRange);
    }
    let mut walk = Walk { at: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in proof {
        match walk.step()? {
            Side::Left => hash = node_hash(sibling, &hash),
            Side::Right => hash = node_hash(&hash, sibling),
        }
    }
    walk.ended()?;
    same(&hash, root)
}

/// Checks a consistency proof, RFC 9162 section 2.1.4.2.
///
/// # Errors
/// What does not fit, see [`ProofMismatch`].
pub fn verify_consistency(
    earlier: (u64, &Hash),
    later: (u64, &Hash),
    proof: &[Hash],
) -> Result<(), ProofMismatch> {
    let ((earlier_size, earlier_root), (later_size, later_root)) = (earlier, later);
    if earlier_size > later_size {
        return Err(ProofMismatch::OutOfRange);
    }
    if earlier_size == later_size || earlier_size == 0 {
        if !proof.is_empty() {
            return Err(ProofMismatch::WrongLength);
        }
        let expected = if earlier_size == 0 { crate::tree::empty_root() } else { *later_root };
        return same(earlier_root, &expected);
    }
    let mut walk = Walk { at: earlier_size - 1, last: later_size - 1 };
    let skipped = walk.at.trailing_ones();
    walk.at >>= skipped;
    walk.last >>= skipped;
    let (first, rest) = if earlier_size.is_power_of_two() {
        (earlier_root, proof)
    } else {
        proof.split_first().ok_or(ProofMismatch::WrongLength)?
    };
    let (mut old, mut new) = (*first, *first);
    for sibling in rest {
        match walk.step()? {
            Side::Left => {
                old = node_hash(sibling, &old);
                new = node_hash(sibling, &new);
            }
            Side::Right => new = node_hash(&new, sibling),
        }
    }
    walk.ended()?;
    same(&old, earlier_root)?;
    same(&new, later_root)
}

/// The way from a leaf up to the root: where we are, and the last node of the same level.
struct Walk {
    at: u64,
    last: u64,
}

/// On which side the next hash of the proof stands.
enum Side {
    Left,
    Right,
}

impl Walk {
    fn step(&mut self) -> Result<Side, ProofMismatch> {
        if self.last == 0 {
            return Err(ProofMismatch::WrongLength);
        }
        let side = if self.at & 1 == 1 || self.at == self.last {
            // The last node of a level may have no sibling for some levels: it rises alone.
            let alone = if self.at & 1 == 1 { 0 } else { self.at.trailing_zeros().min(63) };
            self.at >>= alone;
            self.last >>= alone;
            Side::Left
        } else {
            Side::Right
        };
        self.at >>= 1;
        self.last >>= 1;
        Ok(side)
    }

    fn ended(&self) -> Result<(), ProofMismatch> {
        if self.last == 0 { Ok(()) } else { Err(ProofMismatch::WrongLength) }
    }
}

/// The hash over the leaves `start..end`, where `start` is a multiple of a power of two that is not
/// smaller than the length, as every range of a proof is.
fn range<E>(
    start: u64,
    end: u64,
    node: &mut dyn FnMut(u32, u64) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut subtrees = Vec::new();
    let mut at = start;
    while let Some(level) = end.saturating_sub(at).checked_ilog2() {
        subtrees.push(node(level, at >> level)?);
        at += 1 << level;
    }
    Ok(root_of_subtrees(&subtrees))
}

/// The largest power of two that is smaller than `length`, which is at least 2.
fn split(length: u64) -> u64 {
    1 << length.saturating_sub(1).checked_ilog2().unwrap_or(0)
}

fn same(found: &Hash, expected: &Hash) -> Result<(), ProofMismatch> {
    if found == expected { Ok(()) } else { Err(ProofMismatch::WrongRoot) }
}

#[cfg(test)]
mod tests;
