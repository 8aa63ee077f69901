//! What the tests share: a temporary directory with a log, and ways to look into it.

use countersign_ledger::{
    Closer, Entropy, Log, LogOptions, SegmentOptions, Segments, SigningKey, Writer, WriterOptions,
};
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

pub(crate) const ORIGIN: &str = "gateway.example/log";

pub(crate) fn place() -> TempDir {
    tempfile::tempdir().unwrap()
}

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[42; 32]).unwrap()
}

pub(crate) fn open(directory: &Path) -> Log {
    Log::open(directory, ORIGIN, key(), LogOptions::default()).unwrap()
}

/// Different bytes each time, which is all that a test needs of randomness.
pub(crate) fn entropy() -> Entropy {
    let mut next = 0_u64;
    Box::new(move |bytes| {
        for byte in bytes {
            next = next
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = next.to_be_bytes()[0];
        }
    })
}

pub(crate) fn segments(directory: &Path) -> Segments {
    Segments::open(&directory.join("recordings"), SegmentOptions::default(), entropy()).unwrap()
}

pub(crate) fn start(directory: &Path, options: WriterOptions) -> (Writer, Closer) {
    Writer::start(open(directory), segments(directory), options).unwrap()
}

/// The content of the entry of this number in logs that the tests fill.
pub(crate) fn content(index: u64) -> Vec<u8> {
    format!("entry {index} {}", "x".repeat(usize::try_from(index % 40).unwrap())).into_bytes()
}

/// A closed log with this many entries, published in steps, so that outgrown partial tiles remain.
pub(crate) fn filled(entries: u64) -> TempDir {
    let place = place();
    let mut log = open(place.path());
    let contents: Vec<Vec<u8>> = (0..entries).map(content).collect();
    for step in contents.chunks(97) {
        let group: Vec<&[u8]> = step.iter().map(Vec::as_slice).collect();
        log.append(&group).unwrap();
        log.publish().unwrap();
    }
    place
}

/// All files below a directory that are not empty.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![directory.to_path_buf()];
    while let Some(folder) = waiting.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if fs::metadata(&path).unwrap().len() > 0 {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
