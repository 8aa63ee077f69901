//! Recordings whose sync failed: no checkpoint covers their entries until they were written again.

use super::*;
use crate::journal::Committed;
use crate::keys::SessionKey;
use crate::log::{Log, LogOptions};
use crate::recording::{Place, Recording, SegmentOptions, SegmentReader, Segments};
use tempfile::TempDir;

struct Bench {
    directory: TempDir,
    log: Log,
    segments: Segments,
    key: Arc<SessionKey>,
    places: Vec<Place>,
}

impl Bench {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let mut log = Log::open(directory.path(), "test", key, LogOptions::default()).unwrap();
        let entropy = Box::new(|bytes: &mut [u8]| bytes.fill(7));
        let recordings = directory.path().join("recordings");
        let segments = Segments::open(&recordings, SegmentOptions::default(), entropy).unwrap();
        log.publisher.restore(&recordings, 0).unwrap();
        let key = Arc::new(SessionKey::from_bytes(&[2; 32]).unwrap());
        Self { directory, log, segments, key, places: Vec::new() }
    }

    /// A group of one entry with a recording, as the writer commits it.
    fn group(&mut self) {
        let call = u8::try_from(self.places.len()).unwrap();
        let recording = Recording {
            session_id: [1; 16],
            call_id: [call; 16],
            time_ms: 0,
            kind: 0,
            key: Arc::clone(&self.key),
            payload: vec![call; 100],
        };
        self.places.extend(self.segments.write(&[&recording]).unwrap());
        self.log.journal.begin();
        self.log.journal.push(&[call]).unwrap();
        self.log.journal.commit(self.segments.written()).unwrap();
    }

    /// What a disk does that loses the pages of a segment, and says so at the next sync only.
    fn lose(&self, from: usize) {
        let path = self.directory.path().join("recordings/00000000.seg");
        let mut bytes = fs::read(&path).unwrap();
        bytes[from..].fill(0);
        fs::write(&path, bytes).unwrap();
    }

    fn publish(&mut self, segments: Vec<SegmentFile>) -> Result<(), FileError> {
        let size = self.log.journal.next();
        self.log.publisher.publish(&mut Added { size, segments, fresh: Fresh::default() })
    }

    /// The recordings that can be read.
    fn readable(&self) -> Vec<u8> {
        let reader = SegmentReader::open(&self.directory.path().join("recordings"));
        let read = |place: &Place| reader.read(place.segment, place.offset, &self.key).ok();
        self.places.iter().filter_map(read).map(|found| found[0].bytes[0]).collect()
    }
}

#[test]
fn after_a_failed_sync_frames_are_written_again_before_a_checkpoint_covers_them() {
    let mut bench = Bench::new();
    bench.group();
    bench.group();
    bench.publish(vec![SegmentFile::broken()]).unwrap_err();
    assert_eq!(bench.log.checkpoint().size, 0);
    bench.lose(0);
    assert_eq!(bench.readable(), []);
    bench.unsynced_is_forgotten();
    bench.publish(Vec::new()).unwrap();
    assert_eq!(bench.log.checkpoint().size, 2);
    assert_eq!(bench.readable(), [0, 1]);
}

#[test]
fn a_group_that_was_being_written_at_a_failed_sync_is_written_again_too() {
    let mut bench = Bench::new();
    bench.group();
    bench.publish(vec![SegmentFile::broken()]).unwrap_err();
    bench.unsynced_is_forgotten();
    bench.publish(Vec::new()).unwrap();
    // Its frames were in the segment already when the sync failed, and its record was not durable yet.
    bench.group();
    bench.lose(usize::try_from(bench.places[1].offset).unwrap());
    assert_eq!(bench.readable(), [0]);
    bench.publish(Vec::new()).unwrap();
    assert_eq!(bench.readable(), [0, 1]);
    // What comes after the failure is synced as ever.
    assert_eq!(bench.log.publisher.frames, FramesAre::Sound);
    bench.group();
    bench.publish(vec![bench.segments.file()]).unwrap();
    assert_eq!((bench.log.checkpoint().size, bench.readable()), (3, vec![0, 1, 2]));
}

#[test]
fn it_stays_doubtful_while_syncs_fail() {
    let mut bench = Bench::new();
    bench.group();
    for _ in 0..3 {
        bench.publish(vec![SegmentFile::broken()]).unwrap_err();
        bench.group();
    }
    assert_eq!(bench.log.publisher.frames, FramesAre::Doubtful { last_group: 3 });
    assert_eq!(bench.log.checkpoint().size, 0);
}

impl Bench {
    /// The disk works again.
    fn unsynced_is_forgotten(&mut self) {
        self.log.publisher.unsynced.clear();
    }
}

#[test]
fn entries_come_from_memory_as_far_as_it_reaches() {
    for forgotten in [0, 1, 300, 999, 1_000] {
        let directory = tempfile::tempdir().unwrap();
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        let mut log = Log::open(directory.path(), "test", key, LogOptions::default()).unwrap();
        let mut tree = crate::Tree::default();
        let mut added = Added::entries(0);
        for index in 0..1_000_u64 {
            let entry = index.to_be_bytes();
            log.journal.begin();
            log.journal.push(&entry).unwrap();
            let group = log.journal.commit(None).unwrap();
            if index >= forgotten {
                added.add(&group, None);
            }
            tree.push(crate::leaf_hash(&entry));
            if index == 500 {
                let whole = std::mem::replace(&mut added, Added::entries(501));
                log.publisher.publish(&mut Added { size: 501, ..whole }).unwrap();
            }
        }
        added.size = 1_000;
        log.publisher.publish(&mut added).unwrap();
        assert_eq!((log.checkpoint().size, log.checkpoint().root), (1_000, tree.root()));
        let verified = crate::verify(directory.path(), &crate::VerifyOptions::default()).unwrap();
        assert_eq!(verified.size, 1_000, "{forgotten} forgotten");
    }
}

#[test]
fn memory_is_bounded() {
    let mut added = Added::default();
    let entry = vec![0_u8; 65_537];
    for first in 0..1_000 {
        added.add(&Committed { first, entries: &entry, leaves: &[[0; 32]] }, None);
        assert!(added.fresh.bytes() <= FRESH_BYTES_MAX);
        let kept = u64::try_from(added.fresh.entries().count()).unwrap();
        assert_eq!(added.fresh.first().unwrap() + kept, added.size, "the newest are kept");
    }
}

#[test]
fn tiles_that_a_power_loss_tore_beyond_the_checkpoint_are_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let open = || {
        let key = SigningKey::from_seed(&[3; 32]).unwrap();
        Log::open(directory.path(), "test", key, LogOptions::default()).unwrap()
    };
    let mut log = open();
    for index in 0..5_000_u64 {
        log.journal.begin();
        log.journal.push(&index.to_be_bytes()).unwrap();
        log.journal.commit(None).unwrap();
        if index == 299 {
            log.publisher.publish(&mut Added::entries(300)).unwrap();
        }
    }
    drop(log);
    // Under the names of full tiles, beside the partial ones of the checkpoint.
    for torn in ["tile/0/001", "tile/0/007", "tile/entries/001", "tile/entries/007"] {
        fs::write(directory.path().join(torn), b"torn").unwrap();
    }
    assert_eq!(open().checkpoint().size, 5_000);
    let verified = crate::verify(directory.path(), &crate::VerifyOptions::default()).unwrap();
    assert_eq!((verified.size, verified.tail_entries), (5_000, 0));
}
