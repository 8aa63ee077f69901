//! Files that are either whole or absent: written aside, synced, renamed, and the directory synced.
//! This module knows nothing of what is in them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// An input or output error with the path where it happened.
#[derive(Debug)]
pub(crate) struct FileError {
    pub(crate) path: PathBuf,
    pub(crate) source: io::Error,
}

/// Names the path of an error.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    let path = path.to_path_buf();
    move |source| FileError { path, source }
}

/// Directories in which names changed, and which are not synced yet.
#[derive(Debug, Default)]
pub(crate) struct ChangedDirectories(BTreeSet<PathBuf>);

impl ChangedDirectories {
    /// Makes a directory with what is missing above it.
    pub(crate) fn create(&mut self, directory: &Path) -> Result<(), FileError> {
        let mut missing = directory;
        while !missing.is_dir() {
            let Some(parent) = missing.parent() else { break };
            // The parent of a relative path of one name has no name of its own.
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            self.0.insert(missing.to_path_buf());
            self.0.insert(parent.to_path_buf());
            missing = parent;
        }
        fs::create_dir_all(directory).map_err(at(directory))
    }

    /// Writes a file aside, syncs it and renames it to its place, whose directory exists. The
    /// name is durable after [`ChangedDirectories::sync`].
    pub(crate) fn write(
        &mut self,
        aside: &Path,
        path: &Path,
        bytes: &[u8],
    ) -> Result<(), FileError> {
        let parent = path.parent().unwrap_or(path);
        let mut file = File::create(aside).map_err(at(aside))?;
        file.write_all(bytes).map_err(at(aside))?;
        file.sync_all().map_err(at(aside))?;
        fs::rename(aside, path).map_err(at(path))?;
        self.0.insert(parent.to_path_buf());
        Ok(())
    }

    /// Syncs all directories in which names changed.
    pub(crate) fn sync(&mut self) -> Result<(), FileError> {
        for directory in &self.0 {
            sync_directory(directory)?;
        }
        self.0.clear();
        Ok(())
    }
}

/// Makes the names in a directory durable.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), FileError> {
    File::open(directory).and_then(|file| file.sync_all()).map_err(at(directory))
}

/// Reads a file that is at most so large.
pub(crate) fn read_at_most(path: &Path, bytes_max: usize) -> Result<Vec<u8>, FileError> {
    let length = fs::metadata(path).map_err(at(path))?.len();
    if usize::try_from(length).is_ok_and(|length| length <= bytes_max) {
        fs::read(path).map_err(at(path))
    } else {
        let source = io::Error::new(io::ErrorKind::InvalidData, "the file is too large");
        Err(FileError { path: path.to_path_buf(), source })
    }
}

/// The same, but a file that does not exist is no error.
pub(crate) fn read_if_exists(path: &Path, bytes_max: usize) -> Result<Option<Vec<u8>>, FileError> {
    match read_at_most(path, bytes_max) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Removes a file or does nothing when it is gone already.
pub(crate) fn remove_if_exists(path: &Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(path)(error)),
        _ => Ok(()),
    }
}

/// A directory that is taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct DirectoryLock(File);

impl DirectoryLock {
    /// Takes a directory by the lock file in it. `None` when another has it.
    pub(crate) fn take(path: &Path) -> Result<Option<Self>, FileError> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)
            .map_err(at(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(at(path)(error)),
        }
    }
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing alone would not give it back while a process that is just being started holds a copy
        // of the descriptor. An error leaves it to the closing.
        self.0.unlock().ok();
    }
}

/// The numbers of the files `<number>.<extension>` in a directory, in order; other names are left
/// alone.
pub(crate) fn numbered(directory: &Path, extension: &str) -> Result<Vec<u64>, FileError> {
    let mut numbers = Vec::new();
    for item in fs::read_dir(directory).map_err(at(directory))? {
        let path = item.map_err(at(directory))?.path();
        if path.extension().is_some_and(|found| found == extension)
            && let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
            && stem.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(number) = stem.parse()
        {
            numbers.push(number);
        }
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A length as the 64 bits that files count in.
pub(crate) fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
