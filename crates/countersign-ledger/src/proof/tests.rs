//! Proofs for all sizes up to 300, from the definition, and with anything changed.

use std::convert::Infallible;

use super::*;
use crate::tree::tests::{leaves, naive_root};
use proptest::prelude::*;

fn make_inclusion(leaves: &[Hash], index: u64) -> Vec<Hash> {
    let size = u64::try_from(leaves.len()).unwrap();
    let Ok(proof) =
        inclusion::<Infallible>(index, size, &mut |level, n| Ok(node(leaves, level, n)));
    proof
}

fn make_consistency(leaves: &[Hash], earlier: u64) -> Vec<Hash> {
    let size = u64::try_from(leaves.len()).unwrap();
    let Ok(proof) =
        consistency::<Infallible>(earlier, size, &mut |level, n| Ok(node(leaves, level, n)));
    proof
}

fn node(leaves: &[Hash], level: u32, n: u64) -> Hash {
    let start = usize::try_from(n << level).unwrap();
    naive_root(&leaves[start..start + (1 << level)])
}

/// PATH of RFC 6962 section 2.1.1.
fn naive_path(leaves: &[Hash], index: usize) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let k = leaves.len().next_power_of_two() / 2;
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if index < k {
        (naive_path(left, index), naive_root(right))
    } else {
        (naive_path(right, index - k), naive_root(left))
    };
    path.push(sibling);
    path
}

#[test]
fn all_inclusions_up_to_300() {
    let leaves = leaves(300);
    for size in (1..=300).filter(|size| size % 7 == 0 || *size < 70 || *size > 250) {
        let tree = &leaves[..size];
        let root = naive_root(tree);
        let size = u64::try_from(size).unwrap();
        for index in 0..size {
            let at = usize::try_from(index).unwrap();
            let proof = make_inclusion(tree, index);
            if size < 70 {
                assert_eq!(proof, naive_path(tree, at));
            }
            assert_eq!(verify_inclusion(index, size, &tree[at], &proof, &root), Ok(()));
            let other = index ^ 1;
            if other < size {
                assert!(verify_inclusion(other, size, &tree[at], &proof, &root).is_err());
            }
        }
        assert_eq!(
            verify_inclusion(size, size, &tree[0], &[], &root),
            Err(ProofMismatch::OutOfRange)
        );
    }
}

#[test]
fn all_consistencies_up_to_80_and_some_to_300() {
    let leaves = leaves(300);
    let roots: Vec<Hash> = (0..=300).map(|size| naive_root(&leaves[..size])).collect();
    for later in (0..=80).chain([127, 128, 129, 255, 256, 257, 300]) {
        for earlier in 0..=later {
            let proof = make_consistency(&leaves[..later], u64::try_from(earlier).unwrap());
            let (old, new) = (u64::try_from(earlier).unwrap(), u64::try_from(later).unwrap());
            let check = |a: &Hash, b: &Hash| verify_consistency((old, a), (new, b), &proof);
            assert_eq!(check(&roots[earlier], &roots[later]), Ok(()), "{earlier} {later}");
            if earlier > 0 {
                assert!(check(&roots[earlier - 1], &roots[later]).is_err(), "{earlier} {later}");
            }
            if earlier > 0 && earlier < later {
                assert!(check(&roots[earlier], &roots[later - 1]).is_err(), "{earlier} {later}");
                assert!(
                    verify_consistency(
                        (old, &roots[earlier]),
                        (new, &roots[later]),
                        &proof[..proof.len() - 1]
                    )
                    .is_err()
                );
            }
        }
    }
    assert_eq!(
        verify_consistency((2, &roots[2]), (1, &roots[1]), &[]),
        Err(ProofMismatch::OutOfRange)
    );
}

proptest! {
    #[test]
    fn a_changed_proof_proves_nothing(
        size in 2_u64..300, index: prop::sample::Index, hash: prop::sample::Index,
        bit in 0_usize..256, cut: bool,
    ) {
        let leaves = leaves(size);
        let index = index.index(leaves.len());
        let root = naive_root(&leaves);
        let number = u64::try_from(index).unwrap();
        let mut proof = make_inclusion(&leaves, number);
        if cut {
            proof.remove(hash.index(proof.len()));
        } else {
            let place = hash.index(proof.len());
            proof[place][bit / 8] ^= 1 << (bit % 8);
        }
        prop_assert!(verify_inclusion(number, size, &leaves[index], &proof, &root).is_err());
    }

    #[test]
    fn random_proofs_never_verify(
        index: u64, size: u64, proof in prop::collection::vec(any::<Hash>(), 0..70),
    ) {
        let leaf = [1; 32];
        prop_assert!(verify_inclusion(index, size, &leaf, &proof, &[2; 32]).is_err());
        prop_assert!(verify_consistency((index, &leaf), (size, &[2; 32]), &proof).is_err());
    }
}
