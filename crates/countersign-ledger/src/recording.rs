//! Recordings: the masked payloads of calls, compressed and encrypted per session, in append-only
//! segments beside the ledger. A ledger entry holds a [`commitment`] to a payload; destroying the
//! session's key erases the payload and keeps the proof. Keys are never stored here.

use std::sync::Arc;

use crate::hash::{Hash, sha256_of};
use crate::keys::{KeyError, SessionKey};

mod frame;
mod reader;
mod restore;
mod segments;

pub(crate) use frame::FRAME_OVERHEAD_BYTES_MAX;
pub use reader::{FrameIndex, Frames, ItemIndex, Payload, SegmentReader};
pub(crate) use restore::{Restore, Restored};
pub(crate) use segments::SegmentFile;
pub use segments::{Entropy, SegmentOptions, Segments};

/// Bytes of one payload at most; what is longer is recorded in parts.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// One payload to record.
#[derive(Debug, Clone)]
pub struct Recording {
    /// The session, whose key encrypts.
    pub session_id: [u8; 16],
    /// The call.
    pub call_id: [u8; 16],
    /// When, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// What it is (request, response, …): the caller's number, kept as it is.
    pub kind: u8,
    /// The session's key. Recordings of one group are compressed together when they share this `Arc`.
    pub key: Arc<SessionKey>,
    /// The masked payload.
    pub payload: Vec<u8>,
}

/// Where a payload was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// The number of the segment.
    pub segment: u64,
    /// The offset of the frame in the segment, in bytes.
    pub offset: u64,
    /// The number of the payload in the frame.
    pub item: u16,
}

/// Frames as they stand in a segment, one after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed<'a> {
    pub(crate) segment: u64,
    /// Where the first begins.
    pub(crate) offset: u64,
    pub(crate) frames: &'a [u8],
}

/// Why a recording can't be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// A segment can't be read.
    #[error("{} can't be read", path.display())]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The frame was changed, cut, or is not at this place.
    #[error("the recording at byte {offset} of segment {segment} is missing or was changed")]
    Damaged {
        /// The number of the segment.
        segment: u64,
        /// The offset in bytes.
        offset: u64,
    },
    /// The key is not the session's.
    #[error("the recording at byte {offset} of segment {segment} can't be opened with this key")]
    Sealed {
        /// The number of the segment.
        segment: u64,
        /// The offset in bytes.
        offset: u64,
        /// What the cipher said.
        #[source]
        source: KeyError,
    },
}

/// What a ledger entry says of a payload: it can be checked with payload and salt, and tells nothing
/// without the salt. SHA-256 over a label, the salt, and the payload with its length before it.
#[must_use]
pub fn commitment(salt: &[u8; 16], payload: &[u8]) -> Hash {
    let length = crate::files::length_of(payload).to_be_bytes();
    sha256_of(&[COMMITMENT_LABEL, salt, &length, payload])
}

/// Ends in a zero byte and has a fixed length, as the salt has, so that no two inputs read alike.
const COMMITMENT_LABEL: &[u8] = b"countersign/commitment/v1\0";
