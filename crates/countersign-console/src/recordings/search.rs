//! Reading the recordings of one session: only the segments that the index names, from a place on, and
//! no more at once than a page shows. Where the index says nothing, or can't be trusted yet, the
//! segments of the time of the session's calls are looked through, and that is said.

use super::{Bookmark, Wanted};
use countersign_governance::{RecordingsIndex, SessionRow};
use countersign_ledger::{FrameIndex, Payload, Place, RecordingError, SegmentReader, SessionKey};
use countersign_model::{CallId, FunctionName, exchange::Exchange};
use std::{
    collections::{BTreeSet, VecDeque},
    path::Path,
};

/// What was read of a session's recordings.
#[derive(Debug, Default)]
pub(crate) struct Read {
    /// The calls that the asker may see, in the order in which they left.
    pub(crate) calls: Vec<Recorded>,
    /// Recorded calls that they may not see.
    pub(crate) unseen: usize,
    /// Recordings that can't be read.
    pub(crate) unreadable: usize,
    /// Segments that the index names and that hold nothing of it here: they may be another gateway's.
    pub(crate) absent: usize,
    /// Where to go on, if there is more.
    pub(crate) next: Option<Bookmark>,
    /// How the segments were found.
    pub(crate) looked: Looked,
    payload_bytes: usize,
}

/// How the segments with a session's recordings were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Looked {
    /// The index names them.
    #[default]
    Index,
    /// The index names none, so those of the time of its calls were looked through.
    Time,
    /// The index may lack some, so those of the time of its calls were looked through too.
    Both,
}

/// A call's recording.
#[derive(Debug)]
pub(crate) struct Recorded {
    pub(crate) exchange: Exchange,
    /// The bytes that the ledger commits to.
    pub(crate) payload: Vec<u8>,
    /// Where it is.
    pub(crate) at: Bookmark,
}

/// What is looked for.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) session: SessionRow,
    pub(super) key: SessionKey,
    /// The functions that the asker sees; `None` if all.
    pub(super) owned: Option<BTreeSet<FunctionName>>,
    pub(super) wanted: Wanted,
    pub(super) index: RecordingsIndex,
}

impl Search {
    /// Reads what is wanted.
    ///
    /// # Errors
    /// [`RecordingError::File`] when the directory can't be read.
    pub(super) fn run(&self, directory: &Path) -> Result<Read, RecordingError> {
        let reader = SegmentReader::open(directory);
        let (segments, looked) = self.segments(&reader)?;
        let mut segments = self.later(&reader, segments)?;
        let mut read = Read { looked, ..Read::default() };
        let mut bytes_read = 0;
        while let Some(segment) = segments.pop_front() {
            if bytes_read >= BYTES_AT_ONCE {
                read.next = Some(Bookmark(Place { segment, offset: 0, item: 0 }));
                break;
            }
            bytes_read += self.segment(&reader, segment, &mut read);
            if read.next.is_some() || self.is_found(&read) {
                break;
            }
        }
        read.calls.sort_by_key(|it| (it.exchange.at, it.exchange.call));
        Ok(read)
    }

    /// Reads one segment, and gives the bytes that were read.
    fn segment(&self, reader: &SegmentReader, segment: u64, read: &mut Read) -> u64 {
        let begin = self.begin().filter(|it| it.segment == segment);
        let (mut bytes_read, mut holds_some) = (0, begin.is_some());
        if let Ok((frames, bytes)) = reader.frames_in(segment, begin.map_or(0, |it| it.offset)) {
            bytes_read = bytes;
            // A damaged frame says no more whose it was.
            for frame in frames.flatten().filter(|it| it.session_id == self.session.id.to_bytes()) {
                holds_some = true;
                self.frame(reader, &frame, read);
                if read.next.is_some() {
                    break;
                }
            }
        }
        if !holds_some && self.session.segments.contains(&segment) {
            read.absent += 1;
        }
        bytes_read
    }

    /// Which segments can hold recordings of the session, oldest first.
    fn segments(&self, reader: &SegmentReader) -> Result<(Vec<u64>, Looked), RecordingError> {
        let named = self.session.segments.clone();
        let begins = self.session.started_at.millis().saturating_sub(CLOCK_STEP_MILLIS);
        let ends = self.session.last_at.millis().saturating_add(CLOCK_STEP_MILLIS);
        match (self.index, named.is_empty()) {
            (RecordingsIndex::Whole, false) => Ok((named, Looked::Index)),
            (RecordingsIndex::Whole, true) => {
                Ok((reader.segments_between(begins, ends)?, Looked::Time))
            }
            // When its last call was may not be written down either.
            (RecordingsIndex::Unchecked, none) => {
                let mut all: BTreeSet<u64> = named.into_iter().collect();
                all.extend(reader.segments_between(begins, i64::MAX)?);
                let looked = if none { Looked::Time } else { Looked::Both };
                Ok((all.into_iter().collect(), looked))
            }
        }
    }

    /// Leaves out what stands before the place that is asked for. A call is recorded after it came.
    fn later(
        &self,
        reader: &SegmentReader,
        segments: Vec<u64>,
    ) -> Result<VecDeque<u64>, RecordingError> {
        let first = match (self.begin(), self.wanted) {
            (Some(place), _) => place.segment,
            (None, Wanted::Calls(..)) => 0,
            (None, Wanted::Call(call, _)) => {
                let came = call.made_at().millis().saturating_sub(CLOCK_STEP_MILLIS);
                reader.segments_between(came, i64::MAX)?.first().copied().unwrap_or(0)
            }
        };
        Ok(segments.into_iter().filter(|segment| *segment >= first).collect())
    }

    fn begin(&self) -> Option<Place> {
        match self.wanted {
            Wanted::Calls(begin, _) | Wanted::Call(_, begin) => begin.map(|it| it.0),
        }
    }

    /// Takes what is wanted of a frame. When there is no more room, `next` says where to go on.
    fn frame(&self, reader: &SegmentReader, frame: &FrameIndex, read: &mut Read) {
        let here = |item| Place { segment: frame.segment, offset: frame.offset, item };
        let begins = self.begin().unwrap_or(here(0));
        let ours = |(item, id): &(u16, CallId)| match self.wanted {
            Wanted::Calls(..) => here(*item) >= begins,
            Wanted::Call(wanted, _) => *id == wanted,
        };
        let calls = (0..).zip(frame.items.iter().map(|it| CallId::from_bytes(it.call_id)));
        let ours: Vec<(u16, CallId)> = calls.filter(ours).collect();
        if ours.is_empty() {
            return;
        }
        if self.is_full(read) {
            read.next = ours.first().map(|(item, _)| Bookmark(here(*item)));
            return;
        }
        let Ok(payloads) = reader.read(frame.segment, frame.offset, &self.key) else {
            read.unreadable += ours.len();
            return;
        };
        for (item, _) in ours {
            if self.is_full(read) {
                read.next = Some(Bookmark(here(item)));
                return;
            }
            let Some(payload) = payloads.get(usize::from(item)) else { continue };
            match self.recorded(payload, Bookmark(here(item))) {
                None => read.unreadable += 1,
                Some(it) if self.sees(&it.exchange) => {
                    read.payload_bytes += it.payload.len();
                    read.calls.push(it);
                }
                Some(_) => read.unseen += 1,
            }
        }
    }

    fn recorded(&self, payload: &Payload, at: Bookmark) -> Option<Recorded> {
        let exchange = Exchange::from_bytes(&payload.bytes).ok()?;
        let right =
            exchange.session == self.session.id && exchange.call.to_bytes() == payload.call_id;
        right.then(|| Recorded { exchange, payload: payload.bytes.clone(), at })
    }

    fn sees(&self, exchange: &Exchange) -> bool {
        self.owned.as_ref().is_none_or(|owned| owned.contains(&exchange.function))
    }

    fn is_full(&self, read: &Read) -> bool {
        match self.wanted {
            Wanted::Calls(_, calls_max) => {
                read.calls.len() >= calls_max || read.payload_bytes >= PAYLOAD_BYTES_AT_ONCE
            }
            Wanted::Call(..) => false,
        }
    }

    fn is_found(&self, read: &Read) -> bool {
        match self.wanted {
            Wanted::Calls(..) => false,
            Wanted::Call(..) => !read.calls.is_empty() || read.unseen > 0,
        }
    }
}

/// After so many bytes no further segment is begun: two of the usual size.
const BYTES_AT_ONCE: u64 = 128 * 1024 * 1024;
/// After so many bytes of recordings no further one is taken.
const PAYLOAD_BYTES_AT_ONCE: usize = 16 * 1024 * 1024;
/// How far apart the times of a session and of its recordings may be: their clock can be set.
const CLOCK_STEP_MILLIS: i64 = 60_000;
