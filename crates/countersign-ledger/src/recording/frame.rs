//! The bytes of a frame: several payloads of one session, compressed together, encrypted once.
//!
//! `"CSR1"`, flags (1), payloads (2), body bytes (4), session (16), nonce (12); per payload: call (16),
//! time (8), kind (1), bytes (4); the body, which is the ciphertext and its tag; a check (16) over all
//! before it. Numbers are big-endian. What stands before the body is authenticated with it. The check
//! needs no key, and finds torn and rotten frames.

use zstd::bulk::{Compressor, Decompressor};

use super::Recording;
use crate::hash::{CHECK_BYTES, check_of};
use crate::keys::{KeyError, SessionKey, TAG_BYTES};

/// The part of a frame that can be read without a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    flags: u8,
    count: u16,
    body: u32,
    pub(super) session_id: [u8; 16],
    nonce: [u8; 12],
}

/// What the frame says of one payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) call_id: [u8; 16],
    pub(super) time_ms: i64,
    pub(super) kind: u8,
    pub(super) bytes: u32,
}

/// A frame as it stands in a segment.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) header: Header,
    pub(super) items: Vec<Item>,
    /// All before the body.
    associated: &'a [u8],
    body: &'a [u8],
    /// The length of the whole frame.
    pub(super) length: usize,
}

/// Makes frames, with buffers that are kept.
pub(super) struct Encoder {
    /// For short frames, whose tables of codes cost more time than they save bytes.
    quick: Compressor<'static>,
    thorough: Compressor<'static>,
    plain: Vec<u8>,
    body: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> std::io::Result<Self> {
        let quick = Compressor::new(QUICK_LEVEL)?;
        let thorough = Compressor::new(THOROUGH_LEVEL)?;
        Ok(Self { quick, thorough, plain: Vec::new(), body: Vec::new() })
    }

    /// Appends one frame with these recordings, all of one session and key.
    pub(super) fn push(
        &mut self,
        out: &mut Vec<u8>,
        recordings: &[&Recording],
        nonce: [u8; 12],
    ) -> Result<(), KeyError> {
        let (Some(first), Ok(count)) = (recordings.first(), u16::try_from(recordings.len())) else {
            return Err(KeyError::Refused);
        };
        self.plain.clear();
        for recording in recordings {
            self.plain.extend_from_slice(&recording.payload);
        }
        let flags = self.compress();
        let body = u32::try_from(self.body.len() + TAG_BYTES).map_err(|_| KeyError::Refused)?;
        let start = out.len();
        let header = Header { flags, count, body, session_id: first.session_id, nonce };
        header.push(out);
        for recording in recordings {
            out.extend_from_slice(&recording.call_id);
            out.extend_from_slice(&recording.time_ms.to_be_bytes());
            out.push(recording.kind);
            let bytes = u32::try_from(recording.payload.len()).map_err(|_| KeyError::Refused)?;
            out.extend_from_slice(&bytes.to_be_bytes());
        }
        let associated = out.get(start..).unwrap_or_default();
        let tag = first.key.encrypt(nonce, associated, &mut self.body)?;
        out.extend_from_slice(&self.body);
        out.extend_from_slice(&tag);
        let check = check_of(&[out.get(start..).unwrap_or_default()]);
        out.extend_from_slice(&check);
        Ok(())
    }

    /// Leaves the body, compressed when that is shorter, and gives the flags.
    fn compress(&mut self) -> u8 {
        self.body.clear();
        self.body.reserve(zstd::zstd_safe::compress_bound(self.plain.len()));
        let compressor =
            if self.plain.len() <= QUICK_BYTES_MAX { &mut self.quick } else { &mut self.thorough };
        match compressor.compress_to_buffer(&self.plain, &mut self.body) {
            Ok(length) if length < self.plain.len() => FLAG_COMPRESSED,
            _ => {
                std::mem::swap(&mut self.plain, &mut self.body);
                0
            }
        }
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Encoder(…)")
    }
}

impl Header {
    fn push(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        out.push(self.flags);
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.body.to_be_bytes());
        out.extend_from_slice(&self.session_id);
        out.extend_from_slice(&self.nonce);
    }

    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let rest = bytes.strip_prefix(&MAGIC)?;
        let (flags, rest) = rest.split_first()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (body, rest) = rest.split_first_chunk()?;
        let (session_id, rest) = rest.split_first_chunk()?;
        let (nonce, rest) = rest.split_first_chunk()?;
        let header = Self {
            flags: *flags,
            count: u16::from_be_bytes(*count),
            body: u32::from_be_bytes(*body),
            session_id: *session_id,
            nonce: *nonce,
        };
        Some((header, rest))
    }
}

impl<'a> Frame<'a> {
    /// The frame at the beginning of the bytes, when it is whole and its check is right.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = Header::parse(bytes)?;
        let mut items = Vec::new();
        let mut rest = rest;
        for _ in 0..header.count {
            let (item, after) = Item::parse(rest)?;
            items.push(item);
            rest = after;
        }
        let associated = bytes.get(..bytes.len() - rest.len())?;
        let (body, rest) = rest.split_at_checked(usize::try_from(header.body).ok()?)?;
        let (check, _) = rest.split_first_chunk::<CHECK_BYTES>()?;
        let covered = bytes.get(..associated.len() + body.len())?;
        let length = covered.len() + CHECK_BYTES;
        (check_of(&[covered]) == *check).then_some(Self { header, items, associated, body, length })
    }

    /// The payloads, in order. `None` when what was encrypted is not what the header says.
    pub(super) fn open(&self, key: &SessionKey) -> Result<Option<Vec<Vec<u8>>>, KeyError> {
        let mut body = self.body.to_vec();
        let plain = key.decrypt(self.header.nonce, self.associated, &mut body)?;
        let expected: u64 = self.items.iter().map(|item| u64::from(item.bytes)).sum();
        let Ok(expected) = usize::try_from(expected) else { return Ok(None) };
        let whole = match self.header.flags {
            0 => plain.to_vec(),
            FLAG_COMPRESSED => {
                let opened =
                    Decompressor::new().and_then(|mut zstd| zstd.decompress(plain, expected));
                match opened {
                    Ok(whole) => whole,
                    Err(_) => return Ok(None),
                }
            }
            _ => return Ok(None),
        };
        if whole.len() != expected {
            return Ok(None);
        }
        let mut rest = whole.as_slice();
        let mut payloads = Vec::with_capacity(self.items.len());
        for item in &self.items {
            let bytes = usize::try_from(item.bytes).unwrap_or(usize::MAX);
            let Some((payload, after)) = rest.split_at_checked(bytes) else { return Ok(None) };
            payloads.push(payload.to_vec());
            rest = after;
        }
        Ok(Some(payloads))
    }
}

impl Item {
    fn parse(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (call_id, rest) = bytes.split_first_chunk()?;
        let (time_ms, rest) = rest.split_first_chunk()?;
        let (kind, rest) = rest.split_first()?;
        let (bytes, rest) = rest.split_first_chunk()?;
        let item = Self {
            call_id: *call_id,
            time_ms: i64::from_be_bytes(*time_ms),
            kind: *kind,
            bytes: u32::from_be_bytes(*bytes),
        };
        Some((item, rest))
    }
}

/// The time of the first payload of the frame that these bytes begin with, without a check.
pub(super) fn began_ms(bytes: &[u8]) -> Option<i64> {
    let (header, rest) = Header::parse(bytes)?;
    if header.count == 0 {
        return None;
    }
    Some(Item::parse(rest)?.0.time_ms)
}

pub(super) const MAGIC: [u8; 4] = *b"CSR1";
/// Bytes that a frame has at most beyond its payloads, for each of them.
pub(crate) const FRAME_OVERHEAD_BYTES_MAX: usize = 128;
const FLAG_COMPRESSED: u8 = 1;
/// Half the time of level 1 for a JSON of two kilobytes, and a third more bytes of it: literals stay as
/// they are.
const QUICK_LEVEL: i32 = -1;
const THOROUGH_LEVEL: i32 = 1;
/// Payload bytes of a frame up to which it is compressed quickly.
const QUICK_BYTES_MAX: usize = 16 * 1024;
