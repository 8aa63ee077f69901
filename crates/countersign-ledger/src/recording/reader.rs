//! Reading recordings: the index of what is there without any key, and the payloads with the
//! session's key. A damaged frame is reported, and what stands after it is still read.

use std::fs::File;
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
                Ok(bytes) => self.current = Some(Scan { segment, bytes, offset: 0 }),
                Err(error) => return Some(Err(failed(error))),
            }
        }
    }
}

impl Scan {
    fn next(&mut self) -> Option<Result<FrameIndex, RecordingError>> {
        let rest = self.bytes.get(self.offset..)?;
        let at = u64::try_from(self.offset).unwrap_or(u64::MAX);
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
    let mut scan = Scan { segment, bytes, offset: 0 };
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

fn failed(FileError { path, source }: FileError) -> RecordingError {
    RecordingError::File { path, source }
}

/// Most frames are shorter.
const FRAME_GUESS_BYTES: usize = 64 * 1024;
/// A payload of the largest size, what compression may add, and the header of a full frame.
const FRAME_BYTES_MAX: usize = PAYLOAD_BYTES_MAX + 1024 * 1024;
/// A segment is closed at the first frame beyond its limit; this is far above any limit in use.
const SEGMENT_BYTES_MAX: usize = 1024 * 1024 * 1024;
