//! Attacks what reads the files of a ledger that came from elsewhere: the recordings and the journal.
//! None may panic or read without end.

#![no_main]

use countersign_ledger::{
    Log, LogOptions, SegmentReader, SessionKey, SigningKey, VerifyOptions, verify,
};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use std::{fs, path::PathBuf};

/// A log with one entry, made once.
static LOG: LazyLock<PathBuf> = LazyLock::new(|| {
    let directory = std::env::temp_dir().join(format!("ledger-fuzz-{}", std::process::id()));
    let key = SigningKey::from_seed(&[7; 32]).expect("a seed is a key");
    let mut log = Log::open(&directory, "log.example", key, LogOptions::default()).expect("a log");
    log.append(&[b"entry"]).expect("an entry");
    log.publish().expect("a checkpoint");
    directory
});

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, bytes) = input;
    let path = LOG.join(match choice % 4 {
        0 => "00000000.seg",
        1 => "journal/00000000000000000001.jnl",
        2 => "checkpoint",
        _ => "tile/entries/000.p/1",
    });
    let before = fs::read(&path).ok();
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::write(&path, bytes).expect("a file");
    if choice % 4 == 0 {
        let reader = SegmentReader::open(&LOG);
        let key = SessionKey::from_bytes(&[7; 32]).expect("a key");
        for frame in reader.frames().expect("a directory").flatten() {
            assert!(
                reader.read(frame.segment, frame.offset, &key).is_err(),
                "nobody has sealed this"
            );
        }
    } else {
        drop(verify(&LOG, &VerifyOptions::default()));
    }
    match before {
        Some(before) => fs::write(&path, before).expect("a file"),
        None => fs::remove_file(&path).expect("a file"),
    }
});
