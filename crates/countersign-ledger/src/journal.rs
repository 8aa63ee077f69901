//! The journal: where an entry becomes durable, before its tile exists. One record per group of
//! entries, one write and one sync per record, each record chained to the one before it. A record
//! also carries the sealed recordings that came with its entries, from which segments are restored,
//! so that they need no sync of their own. It never keeps what a checkpoint already covers, and never
//! believes the page cache after an error.
//!
//! A file `journal/<number of its first entry>.jnl` is
//! `"CSJOURN2"`, the number (8 bytes), a salt (16), a check over these (16);
//! then records: `"CSJ2"`, entries (4), number of the first (8), body bytes (4), check (16), header
//! check (8), body; where the body is entries as in a bundle (2 bytes of length, then the bytes), and
//! then, when there are recordings, the number of their segment (8), the offset in it (8) and the
//! frames. All numbers are big-endian. The check covers the check before it, the counts, the hash of
//! each entry and what stands after the entries; the header check covers the salt, which is not known
//! outside, so that no entry can contain what looks like a later record.
//!
//! A file may be made ahead, full of zeros ([`Spare`]): zeros after the last record are its clean end.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::files::{
    ChangedDirectories, FileError, at, length_of, remove_if_exists, sync_directory,
};
use crate::hash::{CHECK_BYTES, Hash, check_of, leaf_hash_with, sha256_of};
use crate::keys::SigningKey;
use crate::recording::{FRAME_OVERHEAD_BYTES_MAX, PAYLOAD_BYTES_MAX, Sealed};
use crate::tile::push_entry;

mod reader;
mod spare;
pub(crate) use reader::{JournalEnd, JournalFault, JournalReader};
use spare::Filled;
pub(crate) use spare::Spare;

/// Bytes of entries and recordings after which a group is full. A record is this large at most, plus
/// one entry with its recording.
pub(crate) const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The end of the journal, where entries are added.
#[derive(Debug)]
pub(crate) struct Journal {
    files: JournalFiles,
    aside: PathBuf,
    key: Arc<SigningKey>,
    file_bytes_max: u64,
    current: Current,
    /// The number of the next entry: all before it are durable.
    next: u64,
    state: State,
    group: Group,
    spare: Arc<Spare>,
}

/// The files of the journal by the number of their first entry, shared with the one who reads.
#[derive(Debug, Clone)]
pub(crate) struct JournalFiles {
    pub(crate) directory: PathBuf,
    firsts: Arc<Mutex<Vec<u64>>>,
    /// The number of the first entry that is not known to be durable.
    durable: Arc<AtomicU64>,
}

/// The file that is written.
#[derive(Debug)]
struct Current {
    file: File,
    path: PathBuf,
    first: u64,
    /// Where the next record goes: what stands before it is durable.
    offset: u64,
    /// Where the file ends. Before that it is full of zeros from the offset on.
    filled: u64,
    chain: [u8; CHECK_BYTES],
    salt: [u8; CHECK_BYTES],
}

/// Whether what the file holds is what we think it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Sound,
    /// A write or sync failed: the file must be cut and left before anything is written again.
    Doubtful,
}

/// The group that is being gathered; its buffers are kept.
#[derive(Debug, Default)]
struct Group {
    bytes: Vec<u8>,
    /// Where the entries end in the bytes.
    entries_end: usize,
    leaves: Vec<Hash>,
    scratch: Vec<u8>,
}

/// A group that is durable.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Committed<'a> {
    /// The number of its first entry.
    pub(crate) first: u64,
    /// Its entries as in a bundle.
    pub(crate) entries: &'a [u8],
    pub(crate) leaves: &'a [Hash],
}

impl Journal {
    /// Goes on where the reader found the end of the journal.
    pub(crate) fn resume(
        files: JournalFiles,
        aside: &Path,
        key: Arc<SigningKey>,
        file_bytes_max: u64,
        end: Resume,
    ) -> Result<Self, FileError> {
        let spare = Arc::new(Spare::new(&aside.join("spare"), file_bytes_max));
        let aside = aside.join("journal");
        let (current, next) = match end {
            Resume::After(end) => {
                if end.torn_bytes > 0 {
                    cut(&end.path, end.offset)?;
                }
                let filled = if end.torn_bytes > 0 { end.offset } else { end.length };
                let JournalEnd { path, first, offset, chain, salt, index, .. } = end;
                let file = File::options().write(true).open(&path).map_err(at(&path))?;
                (Current { file, path, first, offset, filled, chain, salt }, index)
            }
            Resume::Anew { next } => {
                let current = create(&files, &aside, &key, next, None)?;
                files.started(next);
                files.trim(next)?;
                (current, next)
            }
        };
        files.durable.store(next, Ordering::SeqCst);
        let (state, group) = (State::Sound, Group::default());
        let mut journal =
            Self { files, aside, key, file_bytes_max, current, next, state, group, spare };
        journal.begin();
        Ok(journal)
    }

    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    pub(crate) fn files(&self) -> JournalFiles {
        self.files.clone()
    }

    /// The next file, to be made ahead by another thread.
    pub(crate) fn spare(&self) -> Arc<Spare> {
        Arc::clone(&self.spare)
    }

    /// Forgets what was gathered.
    pub(crate) fn begin(&mut self) {
        self.group.bytes.clear();
        self.group.bytes.resize(RECORD_HEADER_BYTES, 0);
        self.group.entries_end = RECORD_HEADER_BYTES;
        self.group.leaves.clear();
    }

    /// Gathers an entry, and gives its leaf hash. `None` when it is too long.
    pub(crate) fn push(&mut self, entry: &[u8]) -> Option<Hash> {
        push_entry(&mut self.group.bytes, entry)?;
        self.group.entries_end = self.group.bytes.len();
        let leaf = leaf_hash_with(&mut self.group.scratch, entry);
        self.group.leaves.push(leaf);
        Some(leaf)
    }

    /// Makes what was gathered durable, with the recordings that came with it. The next group is to be
    /// begun after.
    pub(crate) fn commit(
        &mut self,
        recordings: Option<Sealed<'_>>,
    ) -> Result<Committed<'_>, FileError> {
        let first = self.next;
        if self.group.leaves.is_empty() {
            return Ok(Committed { first, entries: &[], leaves: &[] });
        }
        self.prepare()?;
        let chain = self.seal_record(recordings)?;
        let Current { file, path, offset, .. } = &self.current;
        let written = file.write_all_at(&self.group.bytes, *offset).and_then(|()| file.sync_data());
        if let Err(error) = written {
            self.state = State::Doubtful;
            return Err(at(path)(error));
        }
        self.current.offset += length_of(&self.group.bytes);
        self.current.filled = self.current.filled.max(self.current.offset);
        self.current.chain = chain;
        self.spare.written(self.current.offset, self.current.filled);
        self.next += u64::try_from(self.group.leaves.len()).unwrap_or(0);
        self.files.durable.store(self.next, Ordering::SeqCst);
        let Group { bytes, entries_end, leaves, .. } = &self.group;
        let entries = bytes.get(RECORD_HEADER_BYTES..*entries_end).unwrap_or_default();
        Ok(Committed { first, entries, leaves })
    }

    /// Makes sure that there is a sound file with room.
    pub(crate) fn prepare(&mut self) -> Result<(), FileError> {
        match self.state {
            State::Sound => {
                let Current { offset, filled, .. } = self.current;
                let is_full = offset >= self.file_bytes_max;
                let end = offset.saturating_add(length_of(&self.group.bytes));
                let spare = if is_full || end > filled { self.spare.take() } else { None };
                if is_full || spare.is_some() {
                    self.current = create(&self.files, &self.aside, &self.key, self.next, spare)?;
                    self.files.started(self.next);
                }
                Ok(())
            }
            State::Doubtful => self.repair(),
        }
    }

    /// Completes the gathered record: the recordings behind the entries, and the header.
    fn seal_record(
        &mut self,
        recordings: Option<Sealed<'_>>,
    ) -> Result<[u8; CHECK_BYTES], FileError> {
        let Group { bytes, entries_end, leaves, .. } = &mut self.group;
        bytes.truncate(*entries_end);
        if let Some(Sealed { segment, offset, frames }) = recordings {
            bytes.extend_from_slice(&segment.to_be_bytes());
            bytes.extend_from_slice(&offset.to_be_bytes());
            bytes.extend_from_slice(frames);
        }
        let too_large =
            || at(&self.current.path)(io::Error::new(io::ErrorKind::InvalidInput, "too large"));
        let body = bytes.len().saturating_sub(RECORD_HEADER_BYTES);
        if body > BODY_BYTES_MAX {
            return Err(too_large());
        }
        let (Ok(count), Ok(body)) = (u32::try_from(leaves.len()), u32::try_from(body)) else {
            return Err(too_large());
        };
        let header = RecordHeader { count, first: self.next, body };
        let rest = bytes.get(*entries_end..).unwrap_or_default();
        let chain = header.check(&self.current.chain, leaves, rest);
        for (to, from) in bytes.iter_mut().zip(header.bytes(&chain, &self.current.salt)) {
            *to = from;
        }
        Ok(chain)
    }

    /// After a failed write or sync nothing is known of what the file holds beyond the last good
    /// record, on disk or in the page cache: cut it there, read what stands before anew, and go on
    /// in a new file.
    fn repair(&mut self) -> Result<(), FileError> {
        let Current { path, first, offset, .. } = &self.current;
        if self.next > *first {
            cut(path, *offset)?;
            let mut reader = JournalReader::open(&self.files.directory, vec![*first], *first)
                .map_err(JournalFault::into_file_error)?;
            while let Some(_record) =
                reader.next(self.next).map_err(JournalFault::into_file_error)?
            {}
            if reader.index() != self.next {
                let source = io::Error::new(io::ErrorKind::InvalidData, "entries were lost");
                return Err(at(path)(source));
            }
        }
        self.current = create(&self.files, &self.aside, &self.key, self.next, None)?;
        self.files.started(self.next);
        self.state = State::Sound;
        Ok(())
    }
}

/// Where a journal goes on.
#[derive(Debug)]
pub(crate) enum Resume {
    /// In the last file.
    After(JournalEnd),
    /// In a new file.
    Anew { next: u64 },
}

impl JournalFiles {
    pub(crate) fn new(directory: &Path, firsts: Vec<u64>) -> Self {
        let (firsts, durable) = (Arc::new(Mutex::new(firsts)), Arc::new(AtomicU64::new(0)));
        Self { directory: directory.to_path_buf(), firsts, durable }
    }

    pub(crate) fn firsts(&self) -> Vec<u64> {
        self.firsts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The number of durable entries, for whoever reads while another writes: a group of which
    /// anything is written but that is not durable begins at this number or before.
    pub(crate) fn durable(&self) -> u64 {
        self.durable.load(Ordering::SeqCst)
    }

    fn started(&self, first: u64) {
        let mut firsts = self.firsts.lock().unwrap_or_else(PoisonError::into_inner);
        if firsts.last() != Some(&first) {
            firsts.push(first);
        }
    }

    /// Removes the files whose entries all have a number below `published`. The last file stays.
    pub(crate) fn trim(&self, published: u64) -> Result<(), FileError> {
        let firsts = self.firsts();
        for (first, after) in firsts.iter().zip(firsts.iter().skip(1)) {
            if *after <= published {
                remove_if_exists(&self.directory.join(file_name(*first)))?;
                self.firsts
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .retain(|kept| kept != first);
            }
        }
        Ok(())
    }
}

/// The counts of a record.
#[derive(Debug, Clone, Copy)]
struct RecordHeader {
    count: u32,
    first: u64,
    body: u32,
}

impl RecordHeader {
    fn counts(self) -> [u8; 20] {
        let mut bytes = [0; 20];
        let parts = RECORD_MAGIC
            .into_iter()
            .chain(self.count.to_be_bytes())
            .chain(self.first.to_be_bytes())
            .chain(self.body.to_be_bytes());
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = from;
        }
        bytes
    }

    /// The check of a record; `rest` is what stands behind its entries.
    fn check(self, before: &[u8; CHECK_BYTES], leaves: &[Hash], rest: &[u8]) -> [u8; CHECK_BYTES] {
        check_of(&[before, &self.counts(), leaves.as_flattened(), rest])
    }

    fn bytes(
        self,
        check: &[u8; CHECK_BYTES],
        salt: &[u8; CHECK_BYTES],
    ) -> [u8; RECORD_HEADER_BYTES] {
        let counts = self.counts();
        let header_check = sha256_of(&[salt, &counts, check]);
        let mut bytes = [0; RECORD_HEADER_BYTES];
        let parts = counts.into_iter().chain(*check).chain(header_check);
        for (to, from) in bytes.iter_mut().zip(parts) {
            *to = from;
        }
        bytes
    }

    /// The counts and the check of a header, when its own check is right.
    fn parse(
        bytes: &[u8; RECORD_HEADER_BYTES],
        salt: &[u8; CHECK_BYTES],
    ) -> Option<(Self, [u8; CHECK_BYTES])> {
        let rest = bytes.strip_prefix(&RECORD_MAGIC)?;
        let (count, rest) = rest.split_first_chunk()?;
        let (first, rest) = rest.split_first_chunk()?;
        let (body, rest) = rest.split_first_chunk()?;
        let (check, _) = rest.split_first_chunk()?;
        let header = Self {
            count: u32::from_be_bytes(*count),
            first: u64::from_be_bytes(*first),
            body: u32::from_be_bytes(*body),
        };
        let fits = usize::try_from(header.body).is_ok_and(|body| body <= BODY_BYTES_MAX);
        (fits && header.bytes(check, salt) == *bytes).then_some((header, *check))
    }
}

/// Makes a new file, whole before it has its name.
fn create(
    files: &JournalFiles,
    aside: &Path,
    key: &SigningKey,
    first: u64,
    spare: Option<Filled>,
) -> Result<Current, FileError> {
    let path = files.directory.join(file_name(first));
    let (header, salt) = file_header(key, first);
    let offset = length_of(&header);
    let (file, filled) = match spare {
        Some(Filled { path: from, file, bytes }) => {
            file.write_all_at(&header, 0).and_then(|()| file.sync_data()).map_err(at(&from))?;
            fs::rename(&from, &path).map_err(at(&path))?;
            sync_directory(&files.directory)?;
            (file, bytes)
        }
        None => {
            let mut changed = ChangedDirectories::default();
            changed.write(aside, &path, &header)?;
            changed.sync()?;
            (File::options().write(true).open(&path).map_err(at(&path))?, offset)
        }
    };
    Ok(Current { file, path, first, offset, filled, chain: salt, salt })
}

/// Cuts a file, durably.
fn cut(path: &Path, length: u64) -> Result<(), FileError> {
    let file = File::options().write(true).open(path).map_err(at(path))?;
    file.set_len(length).and_then(|()| file.sync_all()).map_err(at(path))
}

fn file_name(first: u64) -> String {
    format!("{first:020}.{JOURNAL_EXTENSION}")
}

fn file_header(key: &SigningKey, first: u64) -> (Vec<u8>, [u8; CHECK_BYTES]) {
    // A byte below 0x20 can't stand in a signed note, so this signature can never serve as one.
    let message = [b"\0countersign/journal/v1".as_slice(), &first.to_be_bytes()].concat();
    let salt = check_of(&[&key.sign(&message)]);
    let mut header = [FILE_MAGIC.as_slice(), &first.to_be_bytes(), &salt].concat();
    let check = check_of(&[&header]);
    header.extend_from_slice(&check);
    (header, salt)
}

pub(crate) const JOURNAL_EXTENSION: &str = "jnl";
const FILE_MAGIC: [u8; 8] = *b"CSJOURN2";
const FILE_HEADER_BYTES: usize = 48;
const RECORD_MAGIC: [u8; 4] = *b"CSJ2";
const RECORD_HEADER_BYTES: usize = 44;
const PLACE_BYTES: usize = 16;
const BODY_BYTES_MAX: usize = GROUP_BYTES_MAX
    + crate::tile::ENTRY_BYTES_MAX
    + 2
    + PLACE_BYTES
    + PAYLOAD_BYTES_MAX
    + FRAME_OVERHEAD_BYTES_MAX;

#[cfg(test)]
mod tests;
