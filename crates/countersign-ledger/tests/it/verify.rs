//! Verification: whatever is changed in a copy is found and named.

use crate::place::{content, files, filled, key, open, place};
use countersign_ledger::{Fault, VerifyOptions, verify};
use proptest::prelude::*;
use std::fs;
use std::path::Path;

fn fault(directory: &Path) -> Fault {
    verify(directory, &VerifyOptions::default()).unwrap_err()
}

/// The entries of a bundle.
fn bundle(path: &Path) -> Vec<Vec<u8>> {
    let bytes = fs::read(path).unwrap();
    let mut rest = bytes.as_slice();
    let mut entries = Vec::new();
    while let [high, low, after @ ..] = rest {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        entries.push(after[..length].to_vec());
        rest = &after[length..];
    }
    entries
}

fn write_bundle(path: &Path, entries: &[Vec<u8>]) {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&u16::try_from(entry.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn any_changed_bit_of_any_file_is_found() {
    let place = filled(620);
    let files = files(place.path());
    let total: u64 = files.iter().map(|path| fs::metadata(path).unwrap().len()).sum();
    assert!(files.len() > 10, "{files:?}");
    let config = ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() };
    proptest!(config, |(at in 0..total, file: prop::sample::Index, by_file: bool, bit in 0_u32..8)| {
        // Half of the cases by bytes, half by files, so that small files have their share.
        let mut at = at;
        let mut chosen = file.get(&files);
        if by_file {
            at %= fs::metadata(chosen).unwrap().len();
        } else {
            for path in &files {
                let length = fs::metadata(path).unwrap().len();
                chosen = path;
                if at < length {
                    break;
                }
                at -= length;
            }
        }
        let whole = fs::read(chosen).unwrap();
        let mut changed = whole.clone();
        changed[usize::try_from(at).unwrap()] ^= 1 << bit;
        fs::write(chosen, &changed).unwrap();
        let found = verify(place.path(), &VerifyOptions::default());
        fs::write(chosen, &whole).unwrap();
        prop_assert!(found.is_err(), "{} byte {at} bit {bit}", chosen.display());
    });
    verify(place.path(), &VerifyOptions::default()).unwrap();
}

#[test]
fn any_cut_or_missing_file_is_found() {
    let place = filled(300);
    let in_journal = |path: &Path| path.starts_with(place.path().join("journal"));
    for path in files(place.path()) {
        // Outgrown partial tiles may be deleted, and so may a journal that is published.
        let is_outgrown = path.to_str().unwrap().contains(".p/")
            && !path.ends_with("44")
            && !path.ends_with("1.p/44")
            && !path.ends_with("000.p/1");
        let whole = fs::read(&path).unwrap();
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(
                verify(place.path(), &VerifyOptions::default()).is_err(),
                "{} cut at {length}",
                path.display()
            );
        }
        fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
        assert_eq!(
            verify(place.path(), &VerifyOptions::default()).is_err(),
            !in_journal(&path),
            "{} grown",
            path.display()
        );
        fs::remove_file(&path).unwrap();
        let may_go = is_outgrown || in_journal(&path);
        assert_eq!(
            verify(place.path(), &VerifyOptions::default()).is_err(),
            !may_go,
            "{} gone",
            path.display()
        );
        fs::write(&path, &whole).unwrap();
    }
    verify(place.path(), &VerifyOptions::default()).unwrap();
}

#[test]
fn faults_name_the_entry_and_the_file() {
    let place = filled(600);
    let path = place.path().join("tile/entries/001");
    let whole = bundle(&path);
    let check = |entries: &[Vec<u8>], expect: &str| {
        write_bundle(&path, entries);
        assert_eq!(fault(place.path()).to_string().replace(path.to_str().unwrap(), "FILE"), expect);
        write_bundle(&path, &whole);
    };
    let mut changed = whole.clone();
    changed[10] = b"forged".to_vec();
    check(&changed, "entry 266 in FILE was changed");
    changed = whole.clone();
    changed.swap(3, 200);
    check(&changed, "entry 456 stands at the place of entry 259 in FILE");
    changed = whole.clone();
    changed.remove(7);
    check(&changed, "entry 263 is missing in FILE");
    check(&whole[..200], "entry 456 is missing in FILE");
    changed = whole.clone();
    changed.insert(20, b"forged".to_vec());
    check(&changed, "entry 276 in FILE was changed");
    changed = whole.clone();
    changed.push(b"forged".to_vec());
    check(&changed, "FILE has more than its entries, from entry 512 on");
    fs::remove_file(&path).unwrap();
    assert!(matches!(fault(place.path()), Fault::Missing { path: missing } if missing == path));
    write_bundle(&path, &whole);
    fs::write(place.path().join("tile/0/note.txt"), b"x").unwrap();
    assert!(matches!(fault(place.path()), Fault::Unexpected { .. }));
}

#[test]
fn a_log_that_was_made_anew_is_found_by_its_root_and_by_an_earlier_checkpoint() {
    let place = filled(400);
    let kept = fs::read_to_string(place.path().join("checkpoint")).unwrap();
    let options = VerifyOptions { vkey: None, earlier: Some(kept.clone()) };
    assert!(verify(place.path(), &options).is_ok());

    // Somebody who has the key writes another history of the same length.
    let other = crate::place::place();
    let mut log = open(other.path());
    for index in 0..500 {
        let entry = if index == 77 { b"forged".to_vec() } else { content(index) };
        log.append(&[&entry]).unwrap();
    }
    log.publish().unwrap();
    assert!(verify(other.path(), &VerifyOptions::default()).is_ok());
    assert!(matches!(verify(other.path(), &options), Err(Fault::Rewritten { earlier: 400 })));

    // A log that is rolled back.
    let shorter = filled(399);
    let found = verify(shorter.path(), &options);
    assert!(matches!(found, Err(Fault::RolledBack { size: 399, earlier: 400 })));

    // Without the key the tiles of the other history do not fit the checkpoint.
    fs::write(other.path().join("checkpoint"), kept).unwrap();
    assert!(verify(other.path(), &VerifyOptions::default()).is_err());
}

#[test]
fn the_key_is_the_expected_one() {
    let place = filled(5);
    let expected = key().verifier_key(crate::place::ORIGIN).to_string();
    let other = key().verifier_key("other").to_string();
    let check = |vkey: &str| {
        verify(place.path(), &VerifyOptions { vkey: Some(vkey.to_owned()), earlier: None })
    };
    assert_eq!(check(&expected).unwrap().vkey, expected);
    assert!(matches!(check(&other), Err(Fault::OtherKey { .. })));
    let earlier = VerifyOptions { vkey: None, earlier: Some("nonsense".to_owned()) };
    assert!(matches!(verify(place.path(), &earlier), Err(Fault::EarlierCheckpoint(_))));
}

#[test]
fn a_torn_tail_is_reported_and_is_no_fault() {
    let place = place();
    let mut log = open(place.path());
    log.append(&[b"published"]).unwrap();
    log.publish().unwrap();
    log.append(&[b"one"]).unwrap();
    log.append(&[b"two"]).unwrap();
    drop(log);
    let path = place.path().join("journal/00000000000000000000.jnl");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let verified = verify(place.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((verified.size, verified.tail_entries), (1, 1));
    assert_eq!(verified.tail_torn_bytes, 48);
    // A changed entry before another one can't be a torn write.
    let mut changed = whole.clone();
    let at = whole.windows(3).position(|bytes| bytes == b"one").unwrap();
    changed[at] = b'x';
    fs::write(&path, changed).unwrap();
    assert!(matches!(fault(place.path()), Fault::JournalDamaged { index: 1, .. }));
}

#[test]
fn a_log_is_verified_while_it_grows() {
    let place = place();
    let mut log = open(place.path());
    for index in 0..1_000 {
        log.append(&[&content(index)]).unwrap();
        if index % 130 == 7 {
            log.publish().unwrap();
            let verified = verify(place.path(), &VerifyOptions::default()).unwrap();
            assert_eq!(verified.size, index + 1);
        }
    }
}
