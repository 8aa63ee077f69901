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
pub(crate) struct ChangedDirectories {
    names: BTreeSet<PathBuf>,
    contents: Contents,
}

/// When what is in the files is synced.
#[derive(Debug, Default)]
enum Contents {
    /// Each file before it gets its name.
    #[default]
    OneByOne,
    /// All together, with their names, by one sync of the file system on which this directory is. It
    /// was opened before the first file was written, so the sync tells of every error since.
    Together(File),
}

impl ChangedDirectories {
    /// For many files below one directory, of which none counts before all are synced: one sync for
    /// all, where the system has it, costs less than one for each. Until then, and after a crash, any
    /// of them may be torn under its name.
    pub(crate) fn many(directory: &Path) -> Result<Self, FileError> {
        let contents = if file_system::can_sync() {
            Contents::Together(File::open(directory).map_err(at(directory))?)
        } else {
            Contents::OneByOne
        };
        Ok(Self { names: BTreeSet::new(), contents })
    }

    /// Makes a directory with what is missing above it.
    pub(crate) fn create(&mut self, directory: &Path) -> Result<(), FileError> {
        if self.names.contains(directory) {
            // Names in it changed, so it is there.
            return Ok(());
        }
        let mut missing = directory;
        while !missing.is_dir() {
            let Some(parent) = missing.parent() else { break };
            // The parent of a relative path of one name has no name of its own.
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            self.names.insert(missing.to_path_buf());
            self.names.insert(parent.to_path_buf());
            missing = parent;
        }
        fs::create_dir_all(directory).map_err(at(directory))
    }

    /// Writes a file aside and renames it to its place, whose directory exists. Nobody finds it half
    /// written; its name is durable after [`ChangedDirectories::sync`], and of many what is in it.
    pub(crate) fn write(
        &mut self,
        aside: &Path,
        path: &Path,
        bytes: &[u8],
    ) -> Result<(), FileError> {
        let parent = path.parent().unwrap_or(path);
        let mut file = File::create(aside).map_err(at(aside))?;
        file.write_all(bytes).map_err(at(aside))?;
        match self.contents {
            Contents::OneByOne => file.sync_all().map_err(at(aside))?,
            Contents::Together(_) => {}
        }
        fs::rename(aside, path).map_err(at(path))?;
        self.names.insert(parent.to_path_buf());
        Ok(())
    }

    /// Syncs all directories in which names changed, and the files that were not synced before.
    pub(crate) fn sync(&mut self) -> Result<(), FileError> {
        match (&self.contents, self.names.first()) {
            (Contents::Together(directory), Some(first)) => {
                file_system::sync(directory).map_err(at(first))?;
            }
            (Contents::OneByOne | Contents::Together(_), _) => {
                for directory in &self.names {
                    sync_directory(directory)?;
                }
            }
        }
        self.names.clear();
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

#[cfg(target_os = "linux")]
mod file_system {
    //! One sync for all that was written to a file system (syncfs(2)).

    use std::fs::File;
    use std::io;

    /// The first Linux whose sync of a file system tells of files that could not be written. An older
    /// one would say that all is well.
    const TELLS_SINCE: (u32, u32) = (5, 8);

    pub(super) fn can_sync() -> bool {
        let system = rustix::system::uname();
        system.release().to_str().ok().and_then(version).is_some_and(|it| it >= TELLS_SINCE)
    }

    pub(super) fn sync(any: &File) -> io::Result<()> {
        rustix::fs::syncfs(any).map_err(io::Error::from)
    }

    /// The first two numbers of `6.1.0-13-amd64`.
    fn version(release: &str) -> Option<(u32, u32)> {
        let mut numbers = release.split(|it: char| !it.is_ascii_digit());
        Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn versions_are_numbers() {
            let check = |release, expect| assert_eq!(super::version(release), expect, "{release}");
            check("6.1.0-13-amd64", Some((6, 1)));
            check("5.8", Some((5, 8)));
            check("4.18.0-553.el8_10.x86_64", Some((4, 18)));
            check("10.0+", Some((10, 0)));
            check("unknown", None);
            check("", None);
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod file_system {
    //! There is no such sync here that tells of errors.

    use std::fs::File;
    use std::io;

    pub(super) fn can_sync() -> bool {
        false
    }

    pub(super) fn sync(any: &File) -> io::Result<()> {
        any.sync_all()
    }
}

/// A length as the 64 bits that files count in.
pub(crate) fn length_of(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
