//! Reading entries back, the signed ones from their bundles and the newest from the journal, also
//! while a writer adds to the log. It only reads; what it gives is as good as the files, and who
//! doubts them verifies the log.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};

use crate::JOURNAL_DIRECTORY;
use crate::files;
use crate::journal::{JOURNAL_EXTENSION, JournalFault, JournalReader};
use crate::note::VerifierKey;
use crate::tile::{TILE_WIDTH, read_bundle, take_entry};
use crate::verify::{Fault, signed_checkpoint, verifier_key};

/// All entries of the log in a directory, with their numbers.
///
/// # Errors
/// The [`Fault`] of a checkpoint or key that can't be read.
pub fn entries(directory: &Path) -> Result<Entries, Fault> {
    entries_from(directory, 0)
}

/// The entries of the log in a directory from the number `from` on.
///
/// # Errors
/// The [`Fault`] of a checkpoint or key that can't be read.
pub fn entries_from(directory: &Path, from: u64) -> Result<Entries, Fault> {
    let key = verifier_key(directory, None)?;
    let (checkpoint, _) = signed_checkpoint(directory, &key)?;
    Ok(Entries {
        directory: directory.to_path_buf(),
        key,
        size: checkpoint.size,
        index: from,
        bundle: VecDeque::new(),
        journal: None,
        is_over: false,
    })
}

/// Reads on in a log that is being written, below a checkpoint of so many entries: the entries of one
/// bundle from the number `from` on, 256 at most. Gives the number to read on from; `from` itself when
/// the checkpoint covers no more. Reads one file, and never the journal.
///
/// # Errors
/// The [`Fault`] of a bundle that is not there or not whole.
pub fn read_published(
    directory: &Path,
    size: u64,
    from: u64,
    mut each: impl FnMut(&[u8]),
) -> Result<u64, Fault> {
    if from >= size {
        return Ok(from);
    }
    let (path, bytes) = read_bundle(directory, from / TILE_WIDTH, size)?;
    let mut rest = bytes.as_slice();
    let (mut index, mut next) = (from - from % TILE_WIDTH, from);
    while let Some(entry) = take_entry(&mut rest) {
        if index >= from {
            each(entry);
            next = index + 1;
        }
        index += 1;
    }
    if next == from {
        return Err(Fault::EntryMissing { index: from, path });
    }
    Ok(next)
}

/// Entries, one after the other. Holds one bundle or one group in memory.
#[derive(Debug)]
pub struct Entries {
    directory: PathBuf,
    key: VerifierKey,
    /// Signed entries, which are read from bundles.
    size: u64,
    index: u64,
    bundle: VecDeque<Vec<u8>>,
    journal: Option<JournalReader>,
    is_over: bool,
}

impl Iterator for Entries {
    type Item = Result<(u64, Vec<u8>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.bundle.is_empty()
            && !self.is_over
            && let Err(fault) = self.read()
        {
            self.is_over = true;
            return Some(Err(fault));
        }
        let Some(entry) = self.bundle.pop_front() else {
            self.is_over = true;
            return None;
        };
        let index = self.index;
        self.index += 1;
        Some(Ok((index, entry)))
    }
}

impl Entries {
    /// Reads the next entries; none at the end.
    fn read(&mut self) -> Result<(), Fault> {
        loop {
            if self.index < self.size {
                return self.read_bundle();
            }
            let fault = match self.read_journal() {
                Ok(()) => return Ok(()),
                Err(fault) => fault,
            };
            // A writer may have published these entries and removed their journal since.
            let (checkpoint, _) = signed_checkpoint(&self.directory, &self.key)?;
            if checkpoint.size <= self.size {
                return Err(fault.into());
            }
            self.size = checkpoint.size;
            self.journal = None;
        }
    }

    fn read_bundle(&mut self) -> Result<(), Fault> {
        let number = self.index / TILE_WIDTH;
        let (path, bytes) = read_bundle(&self.directory, number, self.size)?;
        let mut rest = bytes.as_slice();
        let skipped = usize::try_from(self.index % TILE_WIDTH).unwrap_or(usize::MAX);
        self.bundle = std::iter::from_fn(|| take_entry(&mut rest))
            .skip(skipped)
            .map(<[u8]>::to_vec)
            .collect();
        if self.bundle.is_empty() {
            return Err(Fault::EntryMissing { index: self.index, path });
        }
        Ok(())
    }

    fn read_journal(&mut self) -> Result<(), JournalFault> {
        let journal = self.directory.join(JOURNAL_DIRECTORY);
        if self.journal.is_none() {
            let firsts = match files::numbered(&journal, JOURNAL_EXTENSION) {
                Ok(firsts) => firsts,
                Err(error) if error.source.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(JournalFault::File(error)),
            };
            if firsts.is_empty() {
                return Ok(());
            }
            self.journal = Some(JournalReader::open(&journal, firsts, self.index)?);
        }
        let Some(reader) = &mut self.journal else { return Ok(()) };
        while let Some(record) = reader.next(u64::MAX)? {
            self.bundle = record
                .entries()
                .filter(|(index, ..)| *index >= self.index)
                .map(|(_, entry, _)| entry.to_vec())
                .collect();
            if !self.bundle.is_empty() {
                break;
            }
        }
        Ok(())
    }
}
