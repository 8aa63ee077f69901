//! Writes frames again at their places, from a copy that is durable elsewhere: after a crash or a power
//! loss, or when a sync failed and nothing is known of what reached the disk. Doing it twice changes
//! nothing. It never touches bytes of other frames.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::Sealed;
use super::segments::segment_name;
use crate::files::{FileError, at, sync_directory};

/// Segments that are being restored.
#[derive(Debug)]
pub(crate) struct Restore {
    directory: PathBuf,
    files: BTreeMap<u64, (PathBuf, File)>,
}

impl Restore {
    pub(crate) fn new(directory: &Path) -> Self {
        Self { directory: directory.to_path_buf(), files: BTreeMap::new() }
    }

    /// Writes frames at their place, in a segment that may be gone or too short.
    pub(crate) fn write(&mut self, sealed: Sealed<'_>) -> Result<(), FileError> {
        if !self.files.contains_key(&sealed.segment) {
            let path = self.directory.join(segment_name(sealed.segment));
            let mut options = File::options();
            // Opened before it is written, so that its sync is told of any error since.
            let file = options.create(true).truncate(false).write(true).open(&path);
            let file = file.map_err(at(&path))?;
            self.files.insert(sealed.segment, (path, file));
        }
        match self.files.get(&sealed.segment) {
            Some((path, file)) => file.write_all_at(sealed.frames, sealed.offset).map_err(at(path)),
            None => Ok(()),
        }
    }

    /// Makes all that was written durable, and says whether that was anything.
    pub(crate) fn sync(self) -> Result<Restored, FileError> {
        for (path, file) in self.files.values() {
            file.sync_all().map_err(at(path))?;
        }
        if self.files.is_empty() {
            return Ok(Restored::Nothing);
        }
        sync_directory(&self.directory)?;
        Ok(Restored::Frames)
    }
}

/// What was restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restored {
    /// No frames had to be.
    Nothing,
    /// Frames stand at their places again.
    Frames,
}
