//! Names of tiles as the specification spells them, and the edge against the whole tree.

use super::*;
use crate::tree::tests::{leaves, naive_root};
use proptest::prelude::*;

#[test]
fn names_of_tiles() {
    let check = |kind: Kind, number: u64, width: u64, expect: &str| {
        let name = TileName { kind, number, width };
        assert_eq!(name.path().to_str(), Some(expect));
        assert_eq!(TileName::parse(expect), Some(name));
    };
    check(Kind::Hashes(0), 0, 256, "tile/0/000");
    check(Kind::Hashes(0), 999, 256, "tile/0/999");
    check(Kind::Hashes(0), 1000, 256, "tile/0/x001/000");
    check(Kind::Hashes(1), 1_234_067, 256, "tile/1/x001/x234/067");
    check(Kind::Hashes(2), 1_234_067, 5, "tile/2/x001/x234/067.p/5");
    check(Kind::Entries, 3, 255, "tile/entries/003.p/255");
    check(Kind::Entries, 1_000_000, 256, "tile/entries/x001/x000/000");
}

#[test]
fn paths_that_are_no_tiles() {
    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/0/x000/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p",
        "tile/x/000",
        "tile/0/001/002",
        "tile/0/x001",
        "tile/entries/1",
        "tile/0/000.tmp",
        "checkpoint",
        "tile/0/999999999999999999999",
        "tile/0/+01",
        "tile/-1/000",
    ] {
        assert_eq!(TileName::parse(path), None, "{path}");
    }
}

#[test]
fn the_example_of_the_specification() {
    let width =
        |kind: Kind, number: u64| TileName::in_tree(kind, number, 70_000).map(|it| it.width);
    assert_eq!(width(Kind::Hashes(0), 272), Some(256));
    assert_eq!(width(Kind::Hashes(0), 273), Some(112));
    assert_eq!(width(Kind::Hashes(0), 274), None);
    assert_eq!(width(Kind::Hashes(1), 0), Some(256));
    assert_eq!(width(Kind::Hashes(1), 1), Some(17));
    assert_eq!(width(Kind::Hashes(2), 0), Some(1));
    assert_eq!(width(Kind::Hashes(3), 0), None);
    assert_eq!(width(Kind::Hashes(63), 0), None);
}

#[test]
fn the_edge_has_the_root_of_the_tree() {
    let leaves = leaves(70_000);
    let mut edge = Edge::default();
    let mut filled = 0;
    for (size, leaf) in (1_u64..).zip(&leaves) {
        for (name, hashes) in edge.push(*leaf) {
            filled += 1;
            assert_eq!(TileName::in_tree(name.kind, name.number, size), Some(name));
            assert_eq!(hashes.len(), 256);
        }
        if size.is_multiple_of(4_999) || size < 5 || size.abs_diff(65_536) < 2 {
            let count = usize::try_from(size).unwrap();
            assert_eq!(edge.root(), naive_root(&leaves[..count]), "size {size}");
        }
    }
    assert_eq!(filled, 273 + 1);
    let partial: Vec<_> =
        edge.partial_tiles().map(|(name, hashes)| (name.width, hashes.len())).collect();
    assert_eq!(partial, [(112, 112), (17, 17), (1, 1)]);
}

#[test]
fn entries_of_bundles() {
    let mut bytes = Vec::new();
    assert!(push_entry(&mut bytes, b"").is_some());
    assert!(push_entry(&mut bytes, &[7; ENTRY_BYTES_MAX]).is_some());
    assert!(push_entry(&mut bytes, &[7; ENTRY_BYTES_MAX + 1]).is_none());
    let mut rest = bytes.as_slice();
    assert_eq!(take_entry(&mut rest), Some([].as_slice()));
    assert_eq!(take_entry(&mut rest).map(<[u8]>::len), Some(ENTRY_BYTES_MAX));
    assert_eq!(take_entry(&mut rest), None);
    let mut short = [0, 2, 1].as_slice();
    assert_eq!(take_entry(&mut short), None);
}

proptest! {
    #[test]
    fn every_name_reads_back(level in 0_u8..64, number: u64, width in 1_u64..=256) {
        for kind in [Kind::Hashes(level), Kind::Entries] {
            let name = TileName { kind, number, width };
            prop_assert_eq!(TileName::parse(name.path().to_str().unwrap()), Some(name));
        }
    }

    #[test]
    fn no_path_panics(path in "tile/([0-9a-z]{0,3}/){0,3}[0-9x.p/]{0,12}") {
        if let Some(name) = TileName::parse(&path) {
            prop_assert_eq!(name.path(), PathBuf::from(&path));
        }
    }
}
