//! The next file of the journal, made ahead: full of zeros, and synced. A record that is written over
//! zeros changes no metadata of the file, which makes its sync several times cheaper. Nothing depends on
//! it: where there is none, a file grows record by record. It is never made on a caller's way.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The file that comes next, shared by the one who writes records and the one who makes it.
#[derive(Debug)]
pub(crate) struct Spare {
    path: PathBuf,
    bytes: u64,
    state: Mutex<SpareIs>,
}

#[derive(Debug)]
enum SpareIs {
    NotNeeded,
    Wanted,
    Ready(Filled),
}

/// A file full of zeros that is durable, without a name of its own yet.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) path: PathBuf,
    pub(super) file: File,
    pub(super) bytes: u64,
}

impl Spare {
    pub(super) fn new(path: &Path, file_bytes_max: u64) -> Self {
        let is_fit = (SPARE_BYTES_MIN..=SPARE_BYTES_MAX).contains(&file_bytes_max);
        let bytes = if is_fit { file_bytes_max } else { 0 };
        Self { path: path.to_path_buf(), bytes, state: Mutex::new(SpareIs::NotNeeded) }
    }

    /// Is told how far the present file is written, and how far it was filled: asks for the next file
    /// when that is soon, but not for a log in which little happens.
    pub(super) fn written(&self, offset: u64, filled: u64) {
        let is_busy = self.bytes > 0 && offset >= self.bytes / BUSY_PART;
        if is_busy && filled.saturating_sub(offset) < self.bytes / 2 {
            let mut state = self.lock();
            if matches!(*state, SpareIs::NotNeeded) {
                *state = SpareIs::Wanted;
            }
        }
    }

    /// Makes the file when it was asked for. When it can't be made it is asked for again.
    pub(crate) fn make_if_wanted(&self) {
        if !matches!(*self.lock(), SpareIs::Wanted) {
            return;
        }
        let made = self.fill();
        if made.is_err() {
            // What there is of it only takes room, which may be what is missing.
            fs::remove_file(&self.path).ok();
        }
        *self.lock() = match made {
            Ok(file) => SpareIs::Ready(Filled { path: self.path.clone(), file, bytes: self.bytes }),
            Err(_) => SpareIs::NotNeeded,
        };
    }

    /// The file, when it is ready. There is none after.
    pub(super) fn take(&self) -> Option<Filled> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, SpareIs::NotNeeded) {
            SpareIs::Ready(filled) => Some(filled),
            SpareIs::Wanted => {
                *state = SpareIs::Wanted;
                None
            }
            SpareIs::NotNeeded => None,
        }
    }

    /// In pieces, so that no sync of the journal waits for much of it.
    fn fill(&self) -> io::Result<File> {
        let file = File::create(&self.path)?;
        let zeros = vec![0; PIECE_BYTES];
        let mut offset = 0;
        while offset < self.bytes {
            let left = usize::try_from(self.bytes - offset).unwrap_or(PIECE_BYTES);
            let piece = zeros.get(..left.min(PIECE_BYTES)).unwrap_or_default();
            file.write_all_at(piece, offset)?;
            file.sync_data()?;
            offset += crate::files::length_of(piece);
        }
        file.sync_all()?;
        Ok(file)
    }

    fn lock(&self) -> MutexGuard<'_, SpareIs> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SPARE_BYTES_MIN: u64 = 64 * 1024;
const SPARE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// A log is busy when it has written this part of a file.
const BUSY_PART: u64 = 16;
const PIECE_BYTES: usize = 1024 * 1024;
