//! The end of the recordings, where frames are added: one write per group of recordings. They are
//! synced here, or are durable in the journal until another syncs them. After a failed write the
//! segment is cut and left, as the journal is.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frame::Encoder;
use super::reader::sound_length;
use super::{Place, Recording, Sealed};
use crate::LOCK_FILE;
use crate::error::{LedgerError, OpenError};
use crate::files::{self, DirectoryLock, FileError, at, length_of, sync_directory};

/// A source of cryptographically secure random bytes that can be handed to another thread.
pub type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// How recordings are kept.
#[derive(Debug, Clone, Copy)]
pub struct SegmentOptions {
    /// Bytes after which a new segment is begun.
    pub segment_bytes_max: u64,
}

impl Default for SegmentOptions {
    fn default() -> Self {
        Self { segment_bytes_max: 64 * 1024 * 1024 }
    }
}

/// Recordings that are open for writing: one at a time per directory.
pub struct Segments {
    directory: PathBuf,
    options: SegmentOptions,
    current: Current,
    nonces: Nonces,
    encoder: Encoder,
    /// The frames of the last group, which end at the present offset.
    buffer: Vec<u8>,
    _lock: DirectoryLock,
}

/// A segment that may hold frames that are not synced.
#[derive(Debug, Clone)]
pub(crate) struct SegmentFile {
    number: u64,
    path: Arc<Path>,
    file: Arc<File>,
}

impl SegmentFile {
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// A segment whose sync fails, as that of a broken disk does.
    #[cfg(test)]
    pub(crate) fn broken() -> Self {
        let path: Arc<Path> = Path::new("/dev/null").into();
        let file = Arc::new(File::options().write(true).open(&path).unwrap_or_else(|_| panic!()));
        Self { number: u64::MAX, path, file }
    }

    /// Makes its frames durable. Whoever takes this on must be the only one who does: an error is told
    /// once, and means that nothing is known of any frame that was written before.
    pub(crate) fn sync(&self) -> Result<(), FileError> {
        self.file.sync_data().map_err(at(&self.path))
    }
}

/// The segment that is written.
#[derive(Debug)]
struct Current {
    file: Arc<File>,
    path: Arc<Path>,
    number: u64,
    /// Where the next frame goes: what stands before it is durable, here or in the journal.
    offset: u64,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sound,
    /// A write or sync failed: cut the segment, and go on in a new one.
    Doubtful,
}

/// Nonces that never come twice: eight random bytes, drawn anew at every opening and every 2^32
/// frames, and a counter.
struct Nonces {
    entropy: Entropy,
    prefix: [u8; 8],
    counter: u32,
}

impl Segments {
    /// Opens the recordings in a directory, or begins them, and cuts a torn tail.
    ///
    /// # Errors
    /// [`OpenError::Locked`] when another has them open; [`OpenError::File`].
    pub fn open(
        directory: &Path,
        options: SegmentOptions,
        entropy: Entropy,
    ) -> Result<Self, OpenError> {
        let mut changed = files::ChangedDirectories::default();
        changed.create(directory)?;
        changed.sync()?;
        let lock = DirectoryLock::take(&directory.join(LOCK_FILE))?
            .ok_or_else(|| OpenError::Locked { directory: directory.to_path_buf() })?;
        let current = match files::numbered(directory, SEGMENT_EXTENSION)?.pop() {
            None => Current::create(directory, 0)?,
            Some(number) => {
                let offset = sound_length(directory, number)?;
                Current::resume(directory, number, offset)?
            }
        };
        let encoder = Encoder::new().map_err(at(directory))?;
        let nonces = Nonces { entropy, prefix: [0; 8], counter: u32::MAX };
        let directory = directory.to_path_buf();
        Ok(Self { directory, options, current, nonces, encoder, buffer: Vec::new(), _lock: lock })
    }

    /// Where the recordings are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Records a batch, durable when this returns, and gives the place of each. Recordings of one
    /// session share frames. For tools and tests: recordings that belong to a log are added through
    /// the [`Writer`](crate::Writer), which restores what its journal still holds for this directory.
    ///
    /// # Errors
    /// [`LedgerError::NotWritable`], [`LedgerError::Encryption`]; then none of them was recorded.
    pub fn append(&mut self, recordings: &[&Recording]) -> Result<Vec<Place>, LedgerError> {
        let places = self.write(recordings)?;
        if let Some(Sealed { offset, .. }) = self.written()
            && let Err(error) = self.current.file.sync_data()
        {
            self.current.leave_at(offset);
            return Err(at(&self.current.path)(error).into());
        }
        Ok(places)
    }

    /// Writes a batch without a sync: durable only once [`Segments::written`] is, elsewhere.
    pub(crate) fn write(&mut self, recordings: &[&Recording]) -> Result<Vec<Place>, LedgerError> {
        self.buffer.clear();
        if self.buffer.capacity() > BUFFER_KEPT_BYTES_MAX {
            self.buffer = Vec::new();
        }
        if recordings.is_empty() {
            return Ok(Vec::new());
        }
        self.prepare()?;
        let mut order: Vec<(usize, &Recording)> = recordings.iter().copied().enumerate().collect();
        // Stable: the recordings of one session keep their order.
        order.sort_by_key(|(_, recording)| recording.session_id);
        let nowhere = Place { segment: self.current.number, offset: 0, item: 0 };
        let mut places = vec![nowhere; recordings.len()];
        let mut frame: Vec<&Recording> = Vec::new();
        let mut rest = order.as_slice();
        while !rest.is_empty() {
            let (now, after) = rest.split_at(frame_length(rest));
            frame.clear();
            frame.extend(now.iter().map(|(_, recording)| *recording));
            let offset = self.current.offset + length_of(&self.buffer);
            let nonce = self.nonces.next();
            if let Err(error) = self.encoder.push(&mut self.buffer, &frame, nonce) {
                self.buffer.clear();
                return Err(LedgerError::Encryption(error));
            }
            for (item, (place, _)) in (0..).zip(now) {
                if let Some(place) = places.get_mut(*place) {
                    *place = Place { segment: self.current.number, offset, item };
                }
            }
            rest = after;
        }
        if let Err(error) = self.current.write(&self.buffer) {
            self.buffer.clear();
            return Err(error.into());
        }
        Ok(places)
    }

    /// The frames that the last batch became, when it became any.
    pub(crate) fn written(&self) -> Option<Sealed<'_>> {
        let offset = self.current.offset.checked_sub(length_of(&self.buffer))?;
        let sealed = Sealed { segment: self.current.number, offset, frames: &self.buffer };
        (!self.buffer.is_empty()).then_some(sealed)
    }

    /// Takes back the last batch, of which nobody was told.
    pub(crate) fn retract(&mut self) {
        if let Some(Sealed { offset, .. }) = self.written() {
            self.current.leave_at(offset);
        }
        self.buffer.clear();
    }

    /// The segment of the last batch, for whoever syncs it.
    pub(crate) fn file(&self) -> SegmentFile {
        let Current { number, path, file, .. } = &self.current;
        SegmentFile { number: *number, path: Arc::clone(path), file: Arc::clone(file) }
    }

    /// Finds the end anew, after frames were restored.
    pub(crate) fn find_end(&mut self) -> Result<(), FileError> {
        if let Some(number) = files::numbered(&self.directory, SEGMENT_EXTENSION)?.pop() {
            let offset = sound_length(&self.directory, number)?;
            self.current = Current::resume(&self.directory, number, offset)?;
        }
        Ok(())
    }

    /// Leaves a segment that is full or in doubt.
    pub(crate) fn prepare(&mut self) -> Result<(), FileError> {
        let Current { path, number, offset, state, .. } = &self.current;
        let next = match state {
            State::Sound if *offset < self.options.segment_bytes_max => return Ok(()),
            State::Sound => number + 1,
            // Nothing in it is kept, so that a disk that stays full does not fill with empty ones.
            State::Doubtful if *offset == 0 => *number,
            State::Doubtful => {
                let file = File::options().write(true).open(path).map_err(at(path))?;
                file.set_len(*offset).and_then(|()| file.sync_all()).map_err(at(path))?;
                number + 1
            }
        };
        self.current = Current::create(&self.directory, next)?;
        Ok(())
    }
}

impl fmt::Debug for Segments {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Segments")
            .field("directory", &self.directory)
            .field("current", &self.current)
            .finish_non_exhaustive()
    }
}

impl Current {
    fn create(directory: &Path, number: u64) -> Result<Self, FileError> {
        let path: Arc<Path> = directory.join(segment_name(number)).into();
        // A segment of this number can only be one that an error stopped before anything was in it.
        let file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .open(&path)
            .map_err(at(&path))?;
        file.sync_all().map_err(at(&path))?;
        sync_directory(directory)?;
        Ok(Self { file: Arc::new(file), path, number, offset: 0, state: State::Sound })
    }

    fn resume(directory: &Path, number: u64, offset: u64) -> Result<Self, FileError> {
        let path: Arc<Path> = directory.join(segment_name(number)).into();
        let file = File::options().write(true).open(&path).map_err(at(&path))?;
        let length = file.metadata().map_err(at(&path))?.len();
        if length > offset {
            file.set_len(offset).and_then(|()| file.sync_all()).map_err(at(&path))?;
        }
        Ok(Self { file: Arc::new(file), path, number, offset, state: State::Sound })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        if let Err(error) = self.file.write_all_at(bytes, self.offset) {
            self.leave_at(self.offset);
            return Err(at(&self.path)(error));
        }
        self.offset += length_of(bytes);
        Ok(())
    }

    /// What stands from here on is to be cut away, and the next frame goes into a new segment.
    fn leave_at(&mut self, offset: u64) {
        self.offset = offset;
        self.state = State::Doubtful;
    }
}

impl Nonces {
    fn next(&mut self) -> [u8; 12] {
        match self.counter.checked_add(1) {
            Some(next) => self.counter = next,
            None => {
                (self.entropy)(&mut self.prefix);
                self.counter = 0;
            }
        }
        let mut nonce = [0; 12];
        let parts = self.prefix.into_iter().chain(self.counter.to_be_bytes());
        for (to, from) in nonce.iter_mut().zip(parts) {
            *to = from;
        }
        nonce
    }
}

/// How many of the recordings, which are in order of their sessions, go into the next frame.
fn frame_length(rest: &[(usize, &Recording)]) -> usize {
    let Some((_, first)) = rest.first() else { return 0 };
    let mut bytes = 0;
    let length = rest
        .iter()
        .take(FRAME_ITEMS_MAX)
        .take_while(|(_, recording)| {
            let before = bytes;
            bytes += recording.payload.len();
            recording.session_id == first.session_id
                && Arc::ptr_eq(&recording.key, &first.key)
                && (before == 0 || bytes <= FRAME_PLAIN_BYTES_MAX)
        })
        .count();
    length.max(1)
}

pub(super) fn segment_name(number: u64) -> String {
    format!("{number:08}.{SEGMENT_EXTENSION}")
}

pub(super) const SEGMENT_EXTENSION: &str = "seg";
/// Payload bytes in one frame at most, unless one payload alone is longer.
const FRAME_PLAIN_BYTES_MAX: usize = 1024 * 1024;
const FRAME_ITEMS_MAX: usize = 1024;
const BUFFER_KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;
