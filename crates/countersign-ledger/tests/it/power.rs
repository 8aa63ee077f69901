//! A power loss: of what was written since the last sync anything may be missing or garbage. Here a copy
//! of a log in use loses what its files may lose, and is opened.

use crate::place::{ORIGIN, content, key, open, place, segments, start};
use countersign_ledger::{
    LedgerError, Log, LogOptions, Place, Recording, SegmentOptions, SegmentReader, Segments,
    SessionKey, VerifyOptions, Writer, WriterOptions, entries, verify,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

const CALLS: u64 = 12;
/// Published and synced; what comes after is only in the journal for certain.
const PUBLISHED: u64 = 4;

fn session() -> Arc<SessionKey> {
    Arc::new(SessionKey::from_bytes(&[9; 32]).unwrap())
}

fn recording(call: u64) -> Recording {
    let payload = content(call).repeat(10);
    let call_id = u128::from(call).to_be_bytes();
    Recording { session_id: [1; 16], call_id, time_ms: 1, kind: 0, key: session(), payload }
}

/// Copies of a log in use as its disk may be after a power loss, the places of its recordings, and the
/// lengths of its segments that were synced.
struct Loss {
    copy: TempDir,
    places: Vec<Place>,
    segments: Vec<PathBuf>,
}

/// A log of which a part is published, copied while its writer runs.
async fn lost(segment_bytes_max: u64) -> Loss {
    let place = place();
    let options = WriterOptions { checkpoint_interval_ms: 3_600_000, ..Default::default() };
    let mut places = Vec::new();
    let (writer, closer) = start_with(place.path(), options, segment_bytes_max);
    for call in 0..PUBLISHED {
        places.push(append(&writer, call).await);
    }
    closer.close().unwrap();
    let (writer, closer) = start_with(place.path(), options, segment_bytes_max);
    for call in PUBLISHED..CALLS {
        places.push(append(&writer, call).await);
    }
    let copy = TempDir::new().unwrap();
    copy_all(place.path(), copy.path());
    closer.close().unwrap();
    let mut segments: Vec<PathBuf> = fs::read_dir(copy.path().join("recordings"))
        .unwrap()
        .map(|item| item.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "seg"))
        .collect();
    segments.sort();
    Loss { copy, places, segments }
}

fn start_with(
    directory: &Path,
    options: WriterOptions,
    segment_bytes_max: u64,
) -> (Writer, countersign_ledger::Closer) {
    let recordings = directory.join("recordings");
    let segment_options = SegmentOptions { segment_bytes_max };
    let segments = Segments::open(&recordings, segment_options, crate::place::entropy()).unwrap();
    Writer::start(open(directory), segments, options).unwrap()
}

async fn append(writer: &Writer, call: u64) -> Place {
    writer.append_with(content(call), recording(call)).await.unwrap().place.unwrap()
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let path = item.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &there);
        } else {
            fs::copy(&path, &there).unwrap();
        }
    }
}

/// Opens what the power loss left, and expects the first `count` calls, and that it goes on.
async fn check(directory: &Path, places: &[Place], count: usize, what: &str) {
    let (writer, closer) = start(directory, WriterOptions::default());
    assert_eq!(writer.try_head().checkpoint_size, u64::try_from(count).unwrap(), "{what}");
    let next = append(&writer, u64::try_from(count).unwrap()).await;
    closer.close().unwrap();
    let reader = SegmentReader::open(&directory.join("recordings"));
    for (call, place) in (0..).zip(places.iter().take(count).chain([&next])) {
        let read = reader.read(place.segment, place.offset, &session()).unwrap();
        assert_eq!(read[usize::from(place.item)].bytes, recording(call).payload, "{what}");
    }
    let damaged = reader.frames().unwrap().filter(Result::is_err).count();
    assert_eq!(damaged, 0, "{what}");
    let verified = verify(directory, &VerifyOptions::default()).unwrap();
    assert_eq!((verified.size, verified.tail_entries), (u64::try_from(count).unwrap() + 1, 0));
}

#[tokio::test]
async fn recordings_that_only_the_journal_has_are_restored() {
    let loss = lost(1 << 20).await;
    let segment = loss.segments[0].clone();
    let whole = fs::read(&segment).unwrap();
    let synced = usize::try_from(loss.places[usize::try_from(PUBLISHED).unwrap()].offset).unwrap();
    let rest = whole.len() - synced;
    let lost: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", whole.clone()),
        ("all that was not synced", whole[..synced].to_vec()),
        ("a part", whole[..synced + rest / 2].to_vec()),
        ("zeros", [&whole[..synced], &vec![0; rest]].concat()),
        ("garbage, and more of it", [&whole[..synced], &vec![0xa5; rest + 5_000]].concat()),
        ("a hole", [&whole[..synced], &vec![0; rest / 2], &whole[synced + rest / 2..]].concat()),
    ];
    let before = TempDir::new().unwrap();
    copy_all(loss.copy.path(), before.path());
    for (what, bytes) in lost {
        let place = TempDir::new().unwrap();
        copy_all(before.path(), place.path());
        let segment = place.path().join("recordings").join(segment.file_name().unwrap());
        fs::write(segment, bytes).unwrap();
        check(place.path(), &loss.places, loss.places.len(), what).await;
    }
}

#[tokio::test]
async fn whole_segments_are_restored() {
    let loss = lost(200).await;
    let first = loss.places[usize::try_from(PUBLISHED).unwrap()].segment;
    let lost = &loss.segments[usize::try_from(first).unwrap() + 1..];
    assert!(lost.len() > 1, "the test shows nothing");
    for segment in lost {
        fs::remove_file(segment).unwrap();
    }
    check(loss.copy.path(), &loss.places, loss.places.len(), "segments").await;
}

#[tokio::test]
async fn a_torn_journal_loses_only_what_nobody_was_told_of() {
    let loss = lost(1 << 20).await;
    let journal = loss.copy.path().join("journal").join(format!("{:020}.jnl", 0));
    let whole = fs::read(&journal).unwrap();
    for cut in [1, 50, 200] {
        let place = TempDir::new().unwrap();
        copy_all(loss.copy.path(), place.path());
        let journal = place.path().join("journal").join(journal.file_name().unwrap());
        fs::write(journal, &whole[..whole.len() - cut]).unwrap();
        // The segment is longer than what the journal tells of.
        check(place.path(), &loss.places, loss.places.len() - 1, "torn").await;
    }
}

#[tokio::test]
async fn no_checkpoint_covers_recordings_before_they_are_restored() {
    let loss = lost(1 << 20).await;
    fs::write(&loss.segments[0], b"").unwrap();
    let options = LogOptions::default;
    let mut log = Log::open(loss.copy.path(), ORIGIN, key(), options()).unwrap();
    assert_eq!((log.size(), log.checkpoint().size), (CALLS, PUBLISHED));
    log.append(&[b"added without a writer"]).unwrap();
    assert_eq!(log.publish().unwrap().size, PUBLISHED);
    drop(log);
    let (_writer, closer) = start(loss.copy.path(), WriterOptions::default());
    assert_eq!(closer.close().unwrap().checkpoint_size, CALLS + 1);
    let reader = SegmentReader::open(&loss.copy.path().join("recordings"));
    for place in &loss.places[usize::try_from(PUBLISHED).unwrap()..] {
        reader.read(place.segment, place.offset, &session()).unwrap();
    }
}

#[tokio::test]
async fn recordings_of_a_refused_group_leave_nothing_behind() {
    let place = place();
    let options = LogOptions { journal_file_bytes_max: 1 };
    let log = Log::open(place.path(), ORIGIN, key(), options).unwrap();
    let (writer, closer) =
        Writer::start(log, segments(place.path()), WriterOptions::default()).unwrap();
    append(&writer, 0).await;
    let (here, away) = (place.path().join("journal"), place.path().join("away"));
    fs::rename(&here, &away).unwrap();
    for _ in 0..3 {
        let refused = writer.append_with(b"lost".to_vec(), recording(77)).await;
        assert!(matches!(refused, Err(LedgerError::NotWritable { .. })), "{refused:?}");
    }
    fs::rename(&away, &here).unwrap();
    append(&writer, 1).await;
    closer.close().unwrap();
    let frames = SegmentReader::open(&place.path().join("recordings")).frames().unwrap();
    let calls: Vec<_> = frames.map(|frame| frame.unwrap().items[0].call_id[15]).collect();
    assert_eq!(calls, [0, 1]);
    assert_eq!(entries(place.path()).unwrap().count(), 2);
    let files = fs::read_dir(place.path().join("recordings")).unwrap();
    let segments = files.filter(|it| it.as_ref().unwrap().path().extension().is_some()).count();
    assert_eq!(segments, 2, "failed groups leave no segments");
}
