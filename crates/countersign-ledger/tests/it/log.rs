//! Opening, publishing and reading a log, and refusing one that is not ours or not whole.

use crate::place::{ORIGIN, content, entropy, filled, key, open, place};
use countersign_ledger::{
    LedgerError, Log, LogOptions, OpenError, SigningKey, Tree, VerifyOptions, consistency_proof,
    entries, entries_from, inclusion_proof, leaf_hash, verify, verify_consistency, verify_proof,
};
use std::fs;

#[test]
fn a_new_log_is_signed_and_empty() {
    let place = place();
    let log = open(place.path());
    assert_eq!(log.size(), 0);
    assert_eq!(
        fs::read_to_string(place.path().join("log.vkey")).unwrap(),
        format!("{}\n", log.verifier_key())
    );
    let verified = verify(place.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((verified.size, verified.tail_entries), (0, 0));
    assert_eq!(verified.origin, ORIGIN);
}

#[test]
fn a_second_writer_is_refused_with_the_directory() {
    let place = place();
    let first = open(place.path());
    let error = Log::open(place.path(), ORIGIN, key(), LogOptions::default()).unwrap_err();
    assert!(matches!(&error, OpenError::Locked { directory } if directory == place.path()));
    assert!(error.to_string().contains(place.path().to_str().unwrap()), "{error}");
    drop(first);
    open(place.path());
}

#[test]
fn another_log_is_refused() {
    let place = filled(3);
    let other_key = SigningKey::generate(&mut entropy()).unwrap();
    let check = |origin: &str, key: SigningKey| {
        Log::open(place.path(), origin, key, LogOptions::default()).unwrap_err()
    };
    assert!(matches!(check("other", key()), OpenError::OtherLog { .. }));
    assert!(matches!(check(ORIGIN, other_key), OpenError::OtherLog { .. }));
    assert!(matches!(check("", key()), OpenError::BadOrigin));
    assert!(matches!(check("two words", key()), OpenError::BadOrigin));
}

#[test]
fn every_size_opens_where_it_ended() {
    let place = place();
    let mut tree = Tree::default();
    for index in 0..600 {
        let is_reopened = index % 50 == 0 || (250..260).contains(&index) || index > 590;
        if is_reopened || index == 0 {
            let log = open(place.path());
            assert_eq!(log.size(), index);
            assert_eq!(log.checkpoint().root, tree.root(), "root at {index}");
            drop(log);
        }
        let mut log = open(place.path());
        assert_eq!(log.append(&[&content(index)]).unwrap(), index);
        if index % 3 == 0 {
            log.publish().unwrap();
        }
        tree.push(leaf_hash(&content(index)));
    }
    let verified = verify(place.path(), &VerifyOptions::default()).unwrap();
    assert_eq!(verified.size + verified.tail_entries, 600);
}

#[test]
fn entries_are_read_from_tiles_and_journal() {
    let place = place();
    let mut log = open(place.path());
    for index in 0..700 {
        log.append(&[&content(index)]).unwrap();
        if index == 600 {
            log.publish().unwrap();
        }
    }
    for from in [0, 1, 255, 256, 600, 601, 650, 699, 700, 1_000] {
        let read: Vec<_> = entries_from(place.path(), from).unwrap().map(Result::unwrap).collect();
        let expect: Vec<_> = (from..700).map(|index| (index, content(index))).collect();
        assert_eq!(read, expect, "from {from}");
    }
    assert_eq!(entries(place.path()).unwrap().count(), 700);
    let verified = verify(place.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((verified.size, verified.tail_entries, verified.tail_torn_bytes), (601, 99, 0));
}

#[test]
fn reading_goes_on_while_entries_are_published_and_trimmed() {
    let place = place();
    let options = LogOptions { journal_file_bytes_max: 1 };
    let mut log = Log::open(place.path(), ORIGIN, key(), options).unwrap();
    for index in 0..10 {
        log.append(&[&content(index)]).unwrap();
    }
    let mut reading = entries(place.path()).unwrap();
    assert_eq!(reading.next().unwrap().unwrap().0, 0);
    log.publish().unwrap();
    for index in 10..20 {
        log.append(&[&content(index)]).unwrap();
    }
    let rest: Vec<u64> = reading.map(|entry| entry.unwrap().0).collect();
    assert_eq!(rest, (1..20).collect::<Vec<_>>());
}

#[test]
fn entries_have_a_longest_length() {
    let place = place();
    let mut log = open(place.path());
    let error = log.append(&[b"ok", &vec![0; 65_536]]).unwrap_err();
    assert!(matches!(error, LedgerError::EntryTooLarge { bytes: 65_536 }));
    assert_eq!(log.size(), 0, "a group is added whole or not at all");
    assert_eq!(log.append(&[&vec![7; 65_535], b""]).unwrap(), 0);
    log.publish().unwrap();
    let read: Vec<_> = entries(place.path()).unwrap().map(Result::unwrap).collect();
    assert_eq!(read[0].1.len(), 65_535);
    assert_eq!(read[1].1, b"");
}

#[test]
fn proofs_verify_without_the_log() {
    let place = filled(600);
    let vkey = fs::read_to_string(place.path().join("log.vkey")).unwrap();
    for index in [0, 1, 255, 256, 511, 512, 599] {
        let text = inclusion_proof(place.path(), index).unwrap();
        assert!(text.starts_with(&format!("c2sp.org/tlog-proof@v1\nindex {index}\n")));
        let proven = verify_proof(&text, &content(index), &vkey).unwrap();
        assert_eq!((proven.index, proven.checkpoint.size), (index, 600));
        assert!(verify_proof(&text, &content(index + 1), &vkey).is_err());
        let with_extra = text.replacen("\nindex", "\nextra AAAA\nindex", 1);
        assert!(verify_proof(&with_extra, &content(index), &vkey).is_ok());
        for place in (0..text.len()).step_by(13).filter(|place| text.is_char_boundary(*place)) {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(verify_proof(&changed, &content(index), &vkey).is_err(), "byte {place}");
            }
        }
    }
    assert!(inclusion_proof(place.path(), 600).is_err());
}

#[test]
fn consistency_is_proved_from_tiles() {
    let place = filled(600);
    let mut tree = Tree::default();
    for size in 0..=600 {
        let (checkpoint, proof) = consistency_proof(place.path(), size).unwrap();
        let later = (checkpoint.size, &checkpoint.root);
        assert_eq!(verify_consistency((size, &tree.root()), later, &proof), Ok(()), "{size}");
        tree.push(leaf_hash(&content(size)));
    }
    assert!(consistency_proof(place.path(), 601).is_err());
}

#[test]
fn a_log_that_lost_its_files_is_not_opened() {
    let check = |name: &str| {
        let place = filled(300);
        let path = place.path().join(name);
        fs::remove_file(&path).unwrap();
        let error = Log::open(place.path(), ORIGIN, key(), LogOptions::default());
        assert!(error.is_err(), "{name}");
    };
    check("tile/0/001.p/44");
    check("tile/1/000.p/1");
    check("tile/entries/001.p/44");
    check("checkpoint");
    check("journal/00000000000000000000.jnl");
    let place = filled(300);
    fs::remove_file(place.path().join("checkpoint")).unwrap();
    fs::remove_dir_all(place.path().join("journal")).unwrap();
    let log = Log::open(place.path(), ORIGIN, key(), LogOptions::default());
    assert!(log.is_err(), "a log whose tiles are there does not begin anew");
}

#[test]
fn a_damaged_journal_whose_entries_are_all_published_is_left_behind() {
    let place = filled(300);
    let path = place.path().join("journal/00000000000000000000.jnl");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let mut log = open(place.path());
    assert_eq!(log.append(&[&content(300)]).unwrap(), 300);
    log.publish().unwrap();
    drop(log);
    assert_eq!(verify(place.path(), &VerifyOptions::default()).unwrap().size, 301);
    assert!(!path.exists());
}

#[test]
fn what_a_crash_left_is_finished() {
    let place = filled(100);
    let mut log = open(place.path());
    let rest: Vec<Vec<u8>> = (100..300).map(content).collect();
    log.append(&rest.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
    drop(log);
    // Files that were being written, and a tile that was finished before its checkpoint.
    fs::write(place.path().join("aside/publisher"), b"half").unwrap();
    fs::write(place.path().join("tile/0/000"), b"half a tile").unwrap();
    let verified = verify(place.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((verified.size, verified.tail_entries, verified.unpublished_files), (100, 200, 1));
    let log = open(place.path());
    assert_eq!(log.checkpoint().size, 300, "opening publishes what is durable");
    let verified = verify(place.path(), &VerifyOptions::default()).unwrap();
    assert_eq!((verified.size, verified.tail_entries, verified.unpublished_files), (300, 0, 0));
}
