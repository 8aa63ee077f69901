//! Recordings: what is written is read with the session's key only, and survives torn tails.

use crate::place::{entropy, place};
use countersign_ledger::{
    OpenError, Place, Recording, RecordingError, SegmentOptions, SegmentReader, Segments,
    SessionKey, commitment,
};
use std::fs;
use std::path::Path;
use std::sync::Arc;

fn open(directory: &Path) -> Segments {
    Segments::open(directory, SegmentOptions::default(), entropy()).unwrap()
}

fn session_key(byte: u8) -> Arc<SessionKey> {
    Arc::new(SessionKey::from_bytes(&[byte; 32]).unwrap())
}

fn recording(session: u8, call: u8, key: &Arc<SessionKey>, payload: &[u8]) -> Recording {
    Recording {
        session_id: [session; 16],
        call_id: [call; 16],
        time_ms: 1_700_000_000_000 + i64::from(call),
        kind: call % 2,
        key: Arc::clone(key),
        payload: payload.to_vec(),
    }
}

#[test]
fn recordings_of_one_session_share_a_frame() {
    let place = place();
    let mut segments = open(place.path());
    let (one, two) = (session_key(1), session_key(2));
    let payload = br#"{"customer":"c_81","amount":40}"#.repeat(20);
    let batch = [
        recording(1, 1, &one, &payload),
        recording(2, 2, &two, b"short"),
        recording(1, 3, &one, b""),
    ];
    let places = segments.append(&batch.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(places[0], Place { segment: 0, offset: 0, item: 0 });
    assert_eq!(places[2], Place { segment: 0, offset: 0, item: 1 });
    assert!(places[1].offset > 0);
    let reader = SegmentReader::open(place.path());
    for (recording, place) in batch.iter().zip(&places) {
        let read = reader.read(place.segment, place.offset, &recording.key).unwrap();
        let payload = &read[usize::from(place.item)];
        assert_eq!(payload.bytes, recording.payload);
        assert_eq!(payload.call_id, recording.call_id);
        assert_eq!((payload.time_ms, payload.kind), (recording.time_ms, recording.kind));
    }
    let written = fs::read(place.path().join("00000000.seg")).unwrap();
    assert!(written.len() < payload.len(), "repeated payloads are compressed");
    assert!(!written.windows(8).any(|bytes| bytes == b"customer"), "nothing is in clear");
    let index: Vec<_> = reader.frames().unwrap().map(Result::unwrap).collect();
    assert_eq!(index.len(), 2);
    assert_eq!(index[0].items.len(), 2);
    assert_eq!(index[0].items[0].bytes, u32::try_from(payload.len()).unwrap());
    assert_eq!(index[1].session_id, [2; 16]);
}

#[test]
fn another_key_opens_nothing() {
    let place = place();
    let mut segments = open(place.path());
    let at = segments.append(&[&recording(1, 1, &session_key(1), b"secret")]).unwrap()[0];
    let reader = SegmentReader::open(place.path());
    let other = reader.read(at.segment, at.offset, &session_key(2));
    assert!(matches!(other, Err(RecordingError::Sealed { segment: 0, offset: 0, .. })));
    for offset in [1, 10_000] {
        let nowhere = reader.read(0, offset, &session_key(1));
        assert!(matches!(nowhere, Err(RecordingError::Damaged { .. })), "{nowhere:?}");
    }
    assert!(matches!(reader.read(9, 0, &session_key(1)), Err(RecordingError::File { .. })));
}

#[test]
fn changed_bytes_are_found() {
    let place = place();
    let mut segments = open(place.path());
    let key = session_key(1);
    segments.append(&[&recording(1, 1, &key, b"a payload that is long enough to matter")]).unwrap();
    let path = place.path().join("00000000.seg");
    let whole = fs::read(&path).unwrap();
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&path, changed).unwrap();
        let read = SegmentReader::open(place.path()).read(0, 0, &key);
        assert!(matches!(read, Err(RecordingError::Damaged { .. })), "byte {at}");
    }
}

#[test]
fn a_torn_tail_is_cut_and_damage_before_it_is_kept() {
    let place = place();
    let key = session_key(1);
    let mut segments = open(place.path());
    let mut places = Vec::new();
    for call in 0..4 {
        places.extend(segments.append(&[&recording(1, call, &key, &[call; 100])]).unwrap());
    }
    drop(segments);
    let path = place.path().join("00000000.seg");
    let whole = fs::read(&path).unwrap();
    for cut in 1..60 {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let mut segments = open(place.path());
        let again = segments.append(&[&recording(1, 9, &key, b"again")]).unwrap();
        assert_eq!(again[0], places[3], "cut {cut}: the torn frame gives its place");
        assert_eq!(SegmentReader::open(place.path()).frames().unwrap().count(), 4);
    }
    let mut damaged = whole.clone();
    damaged[usize::try_from(places[1].offset).unwrap() + 70] ^= 1;
    fs::write(&path, damaged).unwrap();
    drop(open(place.path()));
    assert_eq!(fs::metadata(&path).unwrap().len(), u64::try_from(whole.len()).unwrap());
    let found: Vec<_> = SegmentReader::open(place.path()).frames().unwrap().collect();
    assert_eq!(found.iter().filter(|frame| frame.is_ok()).count(), 3);
    assert!(
        matches!(&found[1], Err(RecordingError::Damaged { offset, .. }) if *offset == places[1].offset)
    );
}

#[test]
fn segments_rotate_and_have_one_writer() {
    let place = place();
    let key = session_key(1);
    let options = SegmentOptions { segment_bytes_max: 1_000 };
    let mut segments = Segments::open(place.path(), options, entropy()).unwrap();
    let second = Segments::open(place.path(), options, entropy());
    assert!(matches!(second, Err(OpenError::Locked { .. })));
    let mut places = Vec::new();
    for call in 0..40 {
        places.extend(segments.append(&[&recording(1, call, &key, &[call; 100])]).unwrap());
    }
    drop(segments);
    assert!(places.last().unwrap().segment > 2);
    let mut segments = Segments::open(place.path(), options, entropy()).unwrap();
    places.extend(segments.append(&[&recording(1, 40, &key, &[40; 100])]).unwrap());
    let reader = SegmentReader::open(place.path());
    for (call, at) in (0..).zip(&places) {
        let read = reader.read(at.segment, at.offset, &key).unwrap();
        assert_eq!(read[usize::from(at.item)].bytes, [call; 100]);
    }
    let frames = reader.frames().unwrap().map(Result::unwrap);
    let found: Vec<_> = frames.map(|frame| (frame.segment, frame.offset)).collect();
    assert_eq!(found, places.iter().map(|at| (at.segment, at.offset)).collect::<Vec<_>>());
}

#[test]
fn segments_are_found_by_time_and_read_one_by_one() {
    let place = place();
    let key = session_key(1);
    let options = SegmentOptions { segment_bytes_max: 300 };
    let mut segments = Segments::open(place.path(), options, entropy()).unwrap();
    let mut places = Vec::new();
    for call in 0..40 {
        places.extend(segments.append(&[&recording(1, call, &key, &[call; 100])]).unwrap());
    }
    let reader = SegmentReader::open(place.path());
    let all = reader.segments().unwrap();
    assert_eq!(all, (0..=places[39].segment).collect::<Vec<_>>());
    let at = |call: u8| 1_700_000_000_000 + i64::from(call);
    // Of these nothing is known: an empty one, and one whose beginning is damaged.
    let unknown = [places[12].segment, places[12].segment + 1];
    for break_some in [false, true] {
        if break_some {
            for (segment, bytes) in unknown.iter().zip([&b""[..], &[7; 500]]) {
                fs::write(place.path().join(format!("{segment:08}.seg")), bytes).unwrap();
            }
        }
        for from in 0..40_u8 {
            for to in from..40 {
                let found = reader.segments_between(at(from), at(to)).unwrap();
                let needed: Vec<u64> = places[usize::from(from)..=usize::from(to)]
                    .iter()
                    .map(|place| place.segment)
                    .filter(|segment| !break_some || !unknown.contains(segment))
                    .collect();
                assert!(needed.iter().all(|it| found.contains(it)), "{from} {to} {found:?}");
                let spare =
                    found.len() - needed.iter().collect::<std::collections::BTreeSet<_>>().len();
                assert!(spare <= if break_some { 4 } else { 1 }, "{from} {to} {found:?}");
            }
        }
    }
    assert_eq!(reader.segments_between(at(200), at(201)).unwrap(), all[all.len() - 1..]);
    assert_eq!(reader.segments_between(0, 1).unwrap(), Vec::<u64>::new());
    let second = places.iter().filter(|place| place.segment == 3).nth(1).unwrap();
    let (frames, read) = reader.frames_in(3, second.offset).unwrap();
    let frames: Vec<_> = frames.map(Result::unwrap).collect();
    assert_eq!((frames[0].segment, frames[0].offset), (3, second.offset));
    assert!(frames.iter().all(|frame| frame.segment == 3));
    let length = fs::metadata(place.path().join("00000003.seg")).unwrap().len();
    assert_eq!(read, length - second.offset);
    assert_eq!(reader.frames_in(3, length + 9).unwrap().0.count(), 0);
    assert!(matches!(reader.frames_in(99, 0), Err(RecordingError::File { .. })));
    // Inside of a frame there is none; those after it are found.
    let (inside, _) = reader.frames_in(3, second.offset - 1).unwrap();
    assert!(inside.filter(Result::is_ok).count() >= 1);
}

#[test]
fn large_and_many_payloads() {
    let place = place();
    let key = session_key(1);
    let mut segments = open(place.path());
    let large = recording(1, 1, &key, &vec![9; 16 * 1024 * 1024]);
    let many: Vec<Recording> =
        (0..2_500).map(|call: u32| recording(1, call.to_be_bytes()[3], &key, &[7; 900])).collect();
    let batch: Vec<&Recording> = std::iter::once(&large).chain(&many).collect();
    let places = segments.append(&batch).unwrap();
    let reader = SegmentReader::open(place.path());
    for (recording, at) in batch.iter().zip(&places).step_by(311) {
        let read = reader.read(at.segment, at.offset, &key).unwrap();
        assert_eq!(read[usize::from(at.item)].bytes, recording.payload);
    }
}

#[test]
fn commitments_bind_salt_and_payload() {
    let salt = [1; 16];
    assert_eq!(commitment(&salt, b"payload"), commitment(&salt, b"payload"));
    assert_ne!(commitment(&salt, b"payload"), commitment(&[2; 16], b"payload"));
    assert_ne!(commitment(&salt, b"payload"), commitment(&salt, b"payloae"));
    assert_ne!(commitment(&salt, b""), commitment(&salt, b"\0"));
}
