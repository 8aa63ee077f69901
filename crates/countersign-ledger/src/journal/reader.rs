//! Reading the journal, in order, and telling a torn end from damage: a record that does not check
//! is a torn write only when nothing valid stands after it. It never changes a file.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::{
    BODY_BYTES_MAX, FILE_HEADER_BYTES, FILE_MAGIC, RECORD_HEADER_BYTES, RECORD_MAGIC, RecordHeader,
    file_name,
};
use crate::files::{FileError, at, length_of};
use crate::hash::{CHECK_BYTES, Hash, check_of, leaf_hash_with};
use crate::recording::Sealed;
use crate::tile::take_entry;

/// What is wrong with a journal.
#[derive(Debug)]
pub(crate) enum JournalFault {
    File(FileError),
    /// The file's header does not check.
    BadHeader {
        path: PathBuf,
    },
    /// A record does not check, and it is not the torn end of the last write.
    Damaged {
        path: PathBuf,
        offset: u64,
        index: u64,
    },
    /// Entries are missing before this file.
    Gap {
        path: PathBuf,
        index: u64,
    },
}

impl JournalFault {
    pub(crate) fn into_file_error(self) -> FileError {
        match self {
            Self::File(error) => error,
            Self::BadHeader { path } | Self::Damaged { path, .. } | Self::Gap { path, .. } => {
                let source = io::Error::new(io::ErrorKind::InvalidData, "the journal is damaged");
                FileError { path, source }
            }
        }
    }
}

/// Where the journal ends.
#[derive(Debug)]
pub(crate) struct JournalEnd {
    pub(crate) path: PathBuf,
    /// The number of the first entry of the last file.
    pub(crate) first: u64,
    pub(crate) offset: u64,
    pub(crate) chain: [u8; CHECK_BYTES],
    pub(crate) salt: [u8; CHECK_BYTES],
    /// The number of the entry after the last.
    pub(crate) index: u64,
    /// What stands after the last whole record, without the zeros that a file may end in: the torn end
    /// of a write that nobody was told of.
    pub(crate) torn_bytes: u64,
    /// The length of the file.
    pub(crate) length: u64,
}

/// One group of entries.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) first: u64,
    pub(crate) leaves: Vec<Hash>,
    body: Vec<u8>,
    /// The bytes of the body that are entries.
    entry_bytes: usize,
}

impl Record {
    /// The entries with their numbers and leaf hashes.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, &[u8], Hash)> {
        let mut rest = self.body.as_slice();
        (self.first..)
            .zip(&self.leaves)
            .map_while(move |(index, leaf)| Some((index, take_entry(&mut rest)?, *leaf)))
    }

    /// The recordings that came with the entries.
    pub(crate) fn recordings(&self) -> Option<Sealed<'_>> {
        sealed(self.body.get(self.entry_bytes..)?)
    }
}

/// Reads records from one file after the other.
#[derive(Debug)]
pub(crate) struct JournalReader {
    directory: PathBuf,
    /// The first entries of the files that are not opened yet, in order.
    waiting: Vec<u64>,
    open: OpenFile,
    index: u64,
    record: Record,
    scratch: Vec<u8>,
}

#[derive(Debug)]
struct OpenFile {
    file: File,
    path: PathBuf,
    first: u64,
    offset: u64,
    chain: [u8; CHECK_BYTES],
    salt: [u8; CHECK_BYTES],
}

impl JournalReader {
    /// Starts at the file that holds the entry `from`, or would; records before it are read too.
    /// `firsts` is not empty.
    pub(crate) fn open(
        directory: &Path,
        mut firsts: Vec<u64>,
        from: u64,
    ) -> Result<Self, JournalFault> {
        let start = firsts.partition_point(|first| *first <= from).saturating_sub(1);
        firsts.drain(..start.min(firsts.len()));
        firsts.reverse();
        let Some(first) = firsts.pop() else {
            return Err(JournalFault::Gap { path: directory.to_path_buf(), index: from });
        };
        let open = OpenFile::open(directory, first)?;
        if first > from {
            return Err(JournalFault::Gap { path: open.path, index: from });
        }
        Ok(Self {
            directory: directory.to_path_buf(),
            waiting: firsts,
            open,
            index: first,
            record: Record::default(),
            scratch: Vec::new(),
        })
    }

    /// The number of the entry that comes next.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// The next record, or `None` at the end, or when the entry `limit` is reached: nothing beyond it
    /// is read, since it may be being written.
    pub(crate) fn next(&mut self, limit: u64) -> Result<Option<&Record>, JournalFault> {
        loop {
            match self.waiting.last() {
                Some(first) if *first == self.index => {
                    self.open = OpenFile::open(&self.directory, *first)?;
                    self.waiting.pop();
                }
                Some(_) | None => break,
            }
        }
        if self.index >= limit {
            return Ok(None);
        }
        if self.read_record().map_err(|error| JournalFault::File(at(&self.open.path)(error)))? {
            return Ok(Some(&self.record));
        }
        if self.waiting.is_empty() && !self.is_followed()? {
            return Ok(None);
        }
        Err(JournalFault::Damaged {
            path: self.open.path.clone(),
            offset: self.open.offset,
            index: self.index,
        })
    }

    /// Where the journal ended; to be asked after [`JournalReader::next`] gave `None`.
    pub(crate) fn end(self) -> Result<JournalEnd, JournalFault> {
        let length = self.open.length()?;
        let torn_bytes = self.open.torn_bytes(length)?;
        let OpenFile { path, first, offset, chain, salt, .. } = self.open;
        let index = self.index;
        Ok(JournalEnd { path, first, offset, chain, salt, index, torn_bytes, length })
    }

    /// Reads the record at the present offset; `false` when there is no whole and sound one.
    fn read_record(&mut self) -> io::Result<bool> {
        let OpenFile { file, offset, chain, salt, .. } = &mut self.open;
        let mut header = [0; RECORD_HEADER_BYTES];
        if !read_whole(file, &mut header, *offset)? {
            return Ok(false);
        }
        let Some((counts, check)) = RecordHeader::parse(&header, salt) else {
            return Ok(false);
        };
        let body_offset = *offset + HEADER_LENGTH;
        let Record { first, leaves, body, entry_bytes } = &mut self.record;
        body.resize(usize::try_from(counts.body).unwrap_or(BODY_BYTES_MAX), 0);
        if counts.first != self.index || !read_whole(file, body, body_offset)? {
            return Ok(false);
        }
        leaves.clear();
        let mut rest = body.as_slice();
        for _ in 0..counts.count {
            let Some(entry) = take_entry(&mut rest) else { return Ok(false) };
            leaves.push(leaf_hash_with(&mut self.scratch, entry));
        }
        let is_known = rest.is_empty() || sealed(rest).is_some();
        if !is_known || counts.check(chain, leaves, rest) != check {
            return Ok(false);
        }
        *entry_bytes = body.len() - rest.len();
        *first = self.index;
        self.index = self.index.saturating_add(u64::from(counts.count));
        *chain = check;
        *offset = body_offset + u64::from(counts.body);
        Ok(true)
    }

    /// Whether a valid header of a later record stands after the present offset.
    fn is_followed(&self) -> Result<bool, JournalFault> {
        let OpenFile { file, path, offset, salt, .. } = &self.open;
        let failed = |error| JournalFault::File(at(path)(error));
        let length = self.open.length()?;
        let mut window = vec![0; SCAN_BYTES];
        let mut start = *offset;
        while start < length {
            let wanted = usize::try_from(length - start).unwrap_or(SCAN_BYTES).min(SCAN_BYTES);
            let Some(window) = window.get_mut(..wanted) else { break };
            if !read_whole(file, window, start).map_err(failed)? {
                break;
            }
            let later = !is_zero(window)
                && window.windows(RECORD_HEADER_BYTES).any(|bytes| {
                    bytes.starts_with(&RECORD_MAGIC)
                        && bytes.first_chunk().is_some_and(|bytes| {
                            RecordHeader::parse(bytes, salt)
                                .is_some_and(|(counts, _)| counts.first > self.index)
                        })
                });
            if later {
                return Ok(true);
            }
            if wanted < SCAN_BYTES {
                break;
            }
            // Windows overlap, so that a header across their edge is seen.
            start += SCAN_STEP;
        }
        Ok(false)
    }
}

impl OpenFile {
    fn open(directory: &Path, first: u64) -> Result<Self, JournalFault> {
        let path = directory.join(file_name(first));
        let file = File::open(&path).map_err(|error| JournalFault::File(at(&path)(error)))?;
        let mut header = [0; FILE_HEADER_BYTES];
        let is_whole = read_whole(&file, &mut header, 0)
            .map_err(|error| JournalFault::File(at(&path)(error)))?;
        let checked = if is_whole { checked_header(&header, first) } else { None };
        let Some(salt) = checked else {
            return Err(JournalFault::BadHeader { path });
        };
        let offset = FILE_HEADER_LENGTH;
        Ok(Self { file, path, first, offset, chain: salt, salt })
    }

    /// How much stands after the present offset, up to the last byte that is not zero.
    fn torn_bytes(&self, length: u64) -> Result<u64, JournalFault> {
        let mut window = vec![0; SCAN_BYTES];
        let (mut start, mut torn) = (self.offset, 0);
        while start < length {
            let wanted = usize::try_from(length - start).unwrap_or(SCAN_BYTES).min(SCAN_BYTES);
            let Some(window) = window.get_mut(..wanted) else { break };
            let is_whole = read_whole(&self.file, window, start)
                .map_err(|error| JournalFault::File(at(&self.path)(error)))?;
            if !is_whole {
                break;
            }
            if !is_zero(window) {
                let last = window.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
                torn = start - self.offset + length_of(window.get(..last).unwrap_or_default());
            }
            start += length_of(window);
        }
        Ok(torn)
    }

    fn length(&self) -> Result<u64, JournalFault> {
        let metadata = self.file.metadata();
        metadata.map(|data| data.len()).map_err(|e| JournalFault::File(at(&self.path)(e)))
    }
}

/// The salt of a file whose header checks.
fn checked_header(header: &[u8; FILE_HEADER_BYTES], first: u64) -> Option<[u8; CHECK_BYTES]> {
    let rest = header.strip_prefix(&FILE_MAGIC)?;
    let (number, rest) = rest.split_first_chunk()?;
    let (salt, check) = rest.split_first_chunk()?;
    let expected = check_of(&[&FILE_MAGIC, number, salt]);
    (u64::from_be_bytes(*number) == first && check == expected).then_some(*salt)
}

/// Reads what stands behind the entries of a record.
fn sealed(bytes: &[u8]) -> Option<Sealed<'_>> {
    let (segment, rest) = bytes.split_first_chunk()?;
    let (offset, frames) = rest.split_first_chunk()?;
    let (segment, offset) = (u64::from_be_bytes(*segment), u64::from_be_bytes(*offset));
    (!frames.is_empty()).then_some(Sealed { segment, offset, frames })
}

fn is_zero(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks::<16>();
    words.iter().all(|word| *word == [0; 16]) && rest.iter().all(|byte| *byte == 0)
}

/// Fills the buffer; `false` when the file ends before.
fn read_whole(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<bool> {
    match file.read_exact_at(buffer, offset) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

const HEADER_LENGTH: u64 = 44;
const FILE_HEADER_LENGTH: u64 = 48;
const SCAN_BYTES: usize = 1024 * 1024;
const SCAN_STEP: u64 = 1024 * 1024 - 64;
