//! One log on disk: its journal, its tiles, its checkpoint. Opening repairs what a crash left
//! half-done, and refuses what a crash can't explain. An entry is acknowledged only when it is
//! durable in the journal, and never lost after.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::error::{LedgerError, OpenError};
use crate::files::{self, ChangedDirectories, DirectoryLock, at};
use crate::journal::{JOURNAL_EXTENSION, Journal, JournalFiles, JournalReader, Resume};
use crate::keys::SigningKey;
use crate::note::{NOTE_BYTES_MAX, VerifierKey, is_name};
use crate::publisher::{Added, Publisher};
use crate::tree::empty_root;
use crate::{ASIDE_DIRECTORY, CHECKPOINT_FILE, JOURNAL_DIRECTORY, LOCK_FILE, VERIFIER_KEY_FILE};

/// How a log is kept.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// Bytes after which a new journal file is begun. A file is removed when all its entries are in
    /// tiles below a checkpoint.
    pub journal_file_bytes_max: u64,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { journal_file_bytes_max: 16 * 1024 * 1024 }
    }
}

/// A log that is open for writing: one at a time per directory.
#[derive(Debug)]
pub struct Log {
    verifier_key: VerifierKey,
    pub(crate) journal: Journal,
    pub(crate) publisher: Publisher,
    pub(crate) lock: DirectoryLock,
    /// The first entry that is not published and came with a recording. A checkpoint covers only what
    /// is durable in segments, and where those are only the writer knows.
    held: Option<u64>,
}

impl Log {
    /// Opens the log in a directory, or begins it: takes the lock, verifies the checkpoint with the
    /// key, replays the journal beyond it, cuts a torn tail, and publishes what was not yet, up to the
    /// first entry with a recording: those are published when a [`Writer`](crate::Writer) restored them.
    ///
    /// # Errors
    /// See [`OpenError`]. A log that was changed or has lost entries is not opened.
    pub fn open(
        directory: &Path,
        origin: &str,
        key: SigningKey,
        options: LogOptions,
    ) -> Result<Self, OpenError> {
        if !is_name(origin) {
            return Err(OpenError::BadOrigin);
        }
        let mut changed = ChangedDirectories::default();
        changed.create(directory)?;
        let lock = DirectoryLock::take(&directory.join(LOCK_FILE))?
            .ok_or_else(|| OpenError::Locked { directory: directory.to_path_buf() })?;
        let journal_directory = directory.join(JOURNAL_DIRECTORY);
        let aside = directory.join(ASIDE_DIRECTORY);
        remove_leftovers(&aside)?;
        changed.create(&aside)?;
        changed.create(&journal_directory)?;
        let key = Arc::new(key);
        let verifier_key = key.verifier_key(origin);
        place_verifier_key(directory, &verifier_key, &mut changed)?;
        changed.sync()?;

        let firsts = files::numbered(&journal_directory, JOURNAL_EXTENSION)?;
        let files = JournalFiles::new(&journal_directory, firsts);
        let published = match read_checkpoint(directory, &verifier_key)? {
            Some(checkpoint) => checkpoint,
            None => begin(directory, &files, origin, &key)?,
        };
        let size = published.size;
        let publisher = Publisher::open(directory, Arc::clone(&key), published, files.clone())?;
        let (resume, held) = replay(&files, size)?;
        let journal = Journal::resume(files, &aside, key, options.journal_file_bytes_max, resume)?;
        let mut log = Self { verifier_key, journal, publisher, lock, held };
        log.publisher.publish(&mut log.publishable())?;
        Ok(log)
    }

    /// The number of durable entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.journal.next()
    }

    /// What others verify this log with.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.verifier_key
    }

    /// The last checkpoint on disk.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        self.publisher.published()
    }

    /// Adds entries as one group, durable when this returns, and gives the number of the first. For
    /// tools and tests; a gateway uses the [`Writer`](crate::Writer).
    ///
    /// # Errors
    /// [`LedgerError::EntryTooLarge`], [`LedgerError::NotWritable`]; then none of them was added.
    pub fn append(&mut self, entries: &[&[u8]]) -> Result<u64, LedgerError> {
        self.journal.begin();
        for entry in entries {
            if self.journal.push(entry).is_none() {
                self.journal.begin();
                return Err(LedgerError::EntryTooLarge { bytes: entry.len() });
            }
        }
        Ok(self.journal.commit(None)?.first)
    }

    /// Writes tiles and a signed checkpoint over all durable entries, or those before the first whose
    /// recording is to be restored.
    ///
    /// # Errors
    /// [`LedgerError::NotWritable`]; the entries stay durable in the journal.
    pub fn publish(&mut self) -> Result<&Checkpoint, LedgerError> {
        self.publisher.publish(&mut self.publishable())?;
        Ok(self.publisher.published())
    }

    fn publishable(&self) -> Added {
        Added::entries(self.held.unwrap_or_else(|| self.journal.next()))
    }
}

/// Signs a log without entries, before its first journal file is made. So what has tiles or a journal,
/// and no checkpoint, has lost it, and must not begin anew.
fn begin(
    directory: &Path,
    files: &JournalFiles,
    origin: &str,
    key: &SigningKey,
) -> Result<Checkpoint, OpenError> {
    let path = directory.join(CHECKPOINT_FILE);
    if directory.join("tile").exists() || !files.firsts().is_empty() {
        return Err(OpenError::Damaged { path });
    }
    let checkpoint = Checkpoint { origin: origin.to_owned(), size: 0, root: empty_root() };
    let mut changed = ChangedDirectories::default();
    let aside = directory.join(ASIDE_DIRECTORY).join("log");
    changed.write(&aside, &path, checkpoint.sign(key).as_bytes())?;
    changed.sync()?;
    Ok(checkpoint)
}

/// Finds the end of the journal, and the first unpublished entry with a recording. A journal that ends before the checkpoint has nothing that is not in
/// tiles, and goes on in a new file. A journal that is gone may have held acknowledged entries.
fn replay(files: &JournalFiles, published: u64) -> Result<(Resume, Option<u64>), OpenError> {
    let firsts = files.firsts();
    if firsts.is_empty() {
        return if published == 0 {
            Ok((Resume::Anew { next: 0 }, None))
        } else {
            Err(OpenError::Damaged { path: files.directory.clone() })
        };
    }
    let mut reader = JournalReader::open(&files.directory, firsts, published)?;
    let mut held = None;
    while let Some(record) = reader.next(u64::MAX)? {
        if held.is_none() && record.first >= published && record.recordings().is_some() {
            held = Some(record.first);
        }
    }
    if reader.index() < published {
        return Ok((Resume::Anew { next: published }, None));
    }
    Ok((Resume::After(reader.end()?), held))
}

pub(crate) fn read_checkpoint(
    directory: &Path,
    key: &VerifierKey,
) -> Result<Option<Checkpoint>, OpenError> {
    let path = directory.join(CHECKPOINT_FILE);
    match files::read_if_exists(&path, NOTE_BYTES_MAX)? {
        None => Ok(None),
        Some(note) => Checkpoint::open(&note, key)
            .map(Some)
            .map_err(|source| OpenError::BadCheckpoint { path, source }),
    }
}

/// Writes the verifier key of a new log, or checks that the log in the directory is this one.
fn place_verifier_key(
    directory: &Path,
    key: &VerifierKey,
    changed: &mut ChangedDirectories,
) -> Result<(), OpenError> {
    let path: PathBuf = directory.join(VERIFIER_KEY_FILE);
    let text = format!("{key}\n");
    match files::read_if_exists(&path, NOTE_BYTES_MAX)? {
        Some(found) if found == text.as_bytes() => Ok(()),
        Some(_) => Err(OpenError::OtherLog { path }),
        None => {
            let aside = directory.join(ASIDE_DIRECTORY).join("log");
            Ok(changed.write(&aside, &path, text.as_bytes())?)
        }
    }
}

/// Files that were being written when the process died have no name of their own yet.
fn remove_leftovers(aside: &Path) -> Result<(), OpenError> {
    if aside.is_dir() {
        fs::remove_dir_all(aside).map_err(at(aside))?;
    }
    Ok(())
}
