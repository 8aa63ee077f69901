//! The tree against the definition of RFC 6962 section 2.1, written down naively.

use super::*;
use crate::hash::leaf_hash;

/// MTH as the RFC defines it.
pub(crate) fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while k * 2 < leaves.len() {
                k *= 2;
            }
            node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
        }
    }
}

pub(crate) fn leaves(count: u64) -> Vec<Hash> {
    (0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect()
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn known_hashes() {
    // The vectors that RFC 6962 implementations share: eight entries of growing length.
    let entries: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let mut tree = Tree::default();
    let check = |tree: &Tree, expect: &str| assert_eq!(hex(&tree.root()), expect);
    check(&tree, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    tree.push(leaf_hash(entries[0]));
    check(&tree, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    tree.push(leaf_hash(entries[1]));
    check(&tree, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125");
    for entry in &entries[2..] {
        tree.push(leaf_hash(entry));
    }
    check(&tree, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
}

#[test]
fn every_size_is_as_defined() {
    let leaves = leaves(300);
    let mut tree = Tree::default();
    for size in 0..=leaves.len() {
        assert_eq!(tree.root(), naive_root(&leaves[..size]), "size {size}");
        let mut subtrees = Vec::new();
        push_subtrees(&leaves[..size], &mut subtrees);
        assert_eq!(root_of_subtrees(&subtrees), tree.root(), "subtrees of {size}");
        if let Some(leaf) = leaves.get(size) {
            tree.push(*leaf);
        }
    }
    assert_eq!(tree.size(), 300);
}
