//! Reading recordings: the index of what is there without any key, and the payloads with the
//! session's key. A damaged frame is reported, and what stands after it is still read.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{Frame, MAGIC};
use super::segments::{SEGMENT_EXTENSION, segment_name};
use super::{PAYLOAD_BYTES_MAX, RecordingError};
use crate::files::{self, FileError, at, length_of, read_at_most};
use crate::keys::SessionKey;

/// Recordings that are open for reading, also while another writes them.
#[derive(Debug, Clone)]
pub struct SegmentReader {
    directory: PathBuf,
}

/// What is known of one frame without a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrameIndex {
    /// The number of the segment.
    pub segment: u64,
    /// The offset of the frame in bytes.
    pub offset: u64,
    /// The session of all its payloads.
    pub session_id: [u8; 16],
    /// Its payloads in order.
    pub items: Vec<ItemIndex>,
}

/// What is known of one payload without a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ItemIndex {
    /// The call.
    pub call_id: [u8; 16],
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// What it is, as the caller said.
    pub kind: u8,
    /// The length of the payload in bytes.
    pub bytes: u32,
}

/// A payload as it was recorded.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload {
    /// The call.
    pub call_id: [u8; 16],
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// What it is, as the caller said.
    pub kind: u8,
    /// The payload.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Payload {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Payload")
            .field("time_ms", &self.time_ms)
            .field("kind", &self.kind)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl SegmentReader {
    /// Reads the recordings of this directory. Nothing is locked and nothing is changed.
    #[must_use]
    pub fn open(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf() }
    }

    /// All frames, oldest first: what an index is rebuilt from. A torn frame at the end of a segment
    /// is passed over; a damaged one before sound ones is an error, after which it goes on.
    ///
    /// # Errors
    /// [`RecordingError::File`] when the directory can't be read.
    pub fn frames(&self) -> Result<Frames, RecordingError> {
        let mut segments = files::numbered(&self.directory, SEGMENT_EXTENSION).map_err(failed)?;
        segments.reverse();
        Ok(Frames { directory: self.directory.clone(), segments, current: None })
    }

    /// The numbers of the segments that are here, oldest first. Opens none of them.
    ///
    /// # Errors
    /// [`RecordingError::File`] when the directory can't be read.
    pub fn segments(&self) -> Result<Vec<u64>, RecordingError> {
        files::numbered(&self.directory, SEGMENT_EXTENSION).map_err(failed)
    }

    /// The frames of one segment from an offset in bytes on, and how many bytes were read for them.
    /// An offset inside of a frame counts as damage, after which it goes on.
    ///
    /// # Errors
    /// [`RecordingError::File`] when there is no such segment, or it can't be read.
    pub fn frames_in(&self, segment: u64, offset: u64) -> Result<(Frames, u64), RecordingError> {
        let path = self.directory.join(segment_name(segment));
        let bytes = read_from(&path, offset, SEGMENT_BYTES_MAX).map_err(failed)?;
        let read = length_of(&bytes);
        let current = Some(Scan { segment, begins: offset, bytes, offset: 0 });
        Ok((Frames { directory: self.directory.clone(), segments: Vec::new(), current }, read))
    }

    /// The segments whose recordings can be of a span of time, in milliseconds since the Unix epoch.
    /// Reads the beginnings of a few segments only, by halving, and takes them unchecked: they narrow
    /// the search and prove nothing. Recordings are written about in the order of their times, so the
    /// span should be wider than what is looked for.
    ///
    /// # Errors
    /// [`RecordingError::File`] when the directory can't be read.
    pub fn segments_between(&self, from_ms: i64, to_ms: i64) -> Result<Vec<u64>, RecordingError> {
        let mut segments = self.segments()?;
        let after = self.first_after(&segments, to_ms);
        let rest = segments.get(after..).unwrap_or_default();
        // What nothing is known of is not left out.
        let unknown = rest.iter().take_while(|number| self.began_ms(**number).is_none()).count();
        segments.truncate(after + unknown);
        // The one that has begun before the span may reach into it.
        let within = self.first_after(&segments, from_ms.saturating_sub(1)).saturating_sub(1);
        Ok(segments.split_off(within))
    }

    /// The place of the first segment that begins after a time.
    fn first_after(&self, segments: &[u64], time_ms: i64) -> usize {
        let (mut low, mut high) = (0, segments.len());
        while low < high {
            let middle = low + (high - low) / 2;
            // Of one that is empty or damaged nothing is known: the next that says something counts.
            let rest = segments.get(middle..high).unwrap_or_default();
            let known =
                (middle..).zip(rest).find_map(|(at, number)| Some((at, self.began_ms(*number)?)));
            match known {
                Some((at, began)) if began <= time_ms => low = at + 1,
                Some(_) | None => high = middle,
            }
        }
        low
    }

    /// The time of a segment's first recording.
    fn began_ms(&self, segment: u64) -> Option<i64> {
        let mut beginning = [0; BEGINNING_BYTES];
        let file = File::open(self.directory.join(segment_name(segment))).ok()?;
        file.read_exact_at(&mut beginning, 0).ok()?;
        super::frame::began_ms(&beginning)
    }

    /// The payloads of one frame.
    ///
    /// # Errors
    /// [`RecordingError::Damaged`] when there is no sound frame, [`RecordingError::Sealed`] when the
    /// key is another.
    pub fn read(
        &self,
        segment: u64,
        offset: u64,
        key: &SessionKey,
    ) -> Result<Vec<Payload>, RecordingError> {
        let damaged = || RecordingError::Damaged { segment, offset };
        let path = self.directory.join(segment_name(segment));
        let bytes = read_frame(&path, offset).map_err(failed)?.ok_or_else(damaged)?;
        let frame = Frame::parse(&bytes).ok_or_else(damaged)?;
        let opened =
            frame.open(key).map_err(|source| RecordingError::Sealed { segment, offset, source })?;
        let payloads = opened.ok_or_else(damaged)?;
        let items = frame.items.iter().zip(payloads);
        Ok(items
            .map(|(item, bytes)| Payload {
                call_id: item.call_id,
                time_ms: item.time_ms,
                kind: item.kind,
                bytes,
            })
            .collect())
    }
}

/// The frames of all segments, one after the other. Holds one segment in memory.
#[derive(Debug)]
pub struct Frames {
    directory: PathBuf,
    segments: Vec<u64>,
    current: Option<Scan>,
}

#[derive(Debug)]
struct Scan {
    segment: u64,
    /// Where the bytes begin in the segment.
    begins: u64,
    bytes: Vec<u8>,
    offset: usize,
}

impl Iterator for Frames {
    type Item = Result<FrameIndex, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(scan) = &mut self.current
                && let Some(found) = scan.next()
            {
                return Some(found);
            }
            let segment = self.segments.pop()?;
            self.current = None;
            let path = self.directory.join(segment_name(segment));
            match read_at_most(&path, SEGMENT_BYTES_MAX) {
                Ok(bytes) => self.current = Some(Scan { segment, begins: 0, bytes, offset: 0 }),
                Err(error) => return Some(Err(failed(error))),
            }
        }
    }
}

impl Scan {
    fn next(&mut self) -> Option<Result<FrameIndex, RecordingError>> {
        let rest = self.bytes.get(self.offset..)?;
        let at = self.begins + u64::try_from(self.offset).unwrap_or(u64::MAX);
        if let Some(frame) = Frame::parse(rest) {
            self.offset += frame.length;
            let items = frame.items.iter().map(|item| ItemIndex {
                call_id: item.call_id,
                time_ms: item.time_ms,
                kind: item.kind,
                bytes: item.bytes,
            });
            return Some(Ok(FrameIndex {
                segment: self.segment,
                offset: at,
                session_id: frame.header.session_id,
                items: items.collect(),
            }));
        }
        // A torn frame has nothing sound after it.
        let skipped = next_frame(rest)?;
        self.offset += skipped;
        Some(Err(RecordingError::Damaged { segment: self.segment, offset: at }))
    }
}

/// How far a segment is sound: up to its torn end, if it has one. Damage before sound frames is kept.
pub(super) fn sound_length(directory: &Path, segment: u64) -> Result<u64, FileError> {
    let path = directory.join(segment_name(segment));
    let bytes = read_at_most(&path, SEGMENT_BYTES_MAX)?;
    let mut scan = Scan { segment, begins: 0, bytes, offset: 0 };
    while scan.next().is_some() {}
    Ok(length_of(scan.bytes.get(..scan.offset).unwrap_or_default()))
}

/// Where the next sound frame begins, beyond the first byte.
fn next_frame(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len()).find(|start| {
        bytes
            .get(*start..)
            .is_some_and(|rest| rest.starts_with(&MAGIC) && Frame::parse(rest).is_some())
    })
}

/// Reads a frame's bytes, without those of the segment that follow when it is known how many.
fn read_frame(path: &Path, offset: u64) -> Result<Option<Vec<u8>>, FileError> {
    let file = File::open(path).map_err(at(path))?;
    let length = file.metadata().map_err(at(path))?.len();
    let Some(rest) = length.checked_sub(offset) else { return Ok(None) };
    for wanted in [FRAME_GUESS_BYTES, FRAME_BYTES_MAX] {
        let wanted = usize::try_from(rest).unwrap_or(wanted).min(wanted);
        let mut bytes = vec![0; wanted];
        file.read_exact_at(&mut bytes, offset).map_err(at(path))?;
        if wanted < FRAME_GUESS_BYTES || wanted == FRAME_BYTES_MAX || Frame::parse(&bytes).is_some()
        {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

/// Reads a segment from an offset on.
fn read_from(path: &Path, offset: u64, bytes_max: usize) -> Result<Vec<u8>, FileError> {
    let file = File::open(path).map_err(at(path))?;
    let length = file.metadata().map_err(at(path))?.len().saturating_sub(offset);
    let length = usize::try_from(length).ok().filter(|length| *length <= bytes_max);
    let Some(length) = length else {
        let source = io::Error::new(io::ErrorKind::InvalidData, "the file is too large");
        return Err(at(path)(source));
    };
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset).map_err(at(path))?;
    Ok(bytes)
}

fn failed(FileError { path, source }: FileError) -> RecordingError {
    RecordingError::File { path, source }
}

/// What is read of a segment to know its first recording's time: header and first item of a frame.
const BEGINNING_BYTES: usize = 68;
/// Most frames are shorter.
const FRAME_GUESS_BYTES: usize = 64 * 1024;
/// A payload of the largest size, what compression may add, and the header of a full frame.
const FRAME_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 1024 * 1024;
/// A segment is closed at the first frame beyond its limit; this is far above any limit in use.
const SEGMENT_BYTES_MAX: usize = 1024 * 1024 * 1024;
