//! What can go wrong with opening a log and with adding to it. What verification finds is in
//! [`verify`](crate::verify).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::files::FileError;
use crate::journal::JournalFault;
use crate::keys::KeyError;
use crate::note::NoteError;
use crate::tile::TileError;

/// Why an entry was not added. Whoever gets this has no receipt, and must not go on.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// The disk is full, read-only or broken. The writer tries again with the next group.
    #[error("the ledger can't be written at {}", path.display())]
    NotWritable {
        /// Where, for the operator; not for callers.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: Arc<io::Error>,
    },
    /// More entries or bytes wait than the options allow.
    #[error("too many entries wait for the ledger")]
    Overloaded,
    /// The entry is longer than [`ENTRY_BYTES_MAX`](crate::ENTRY_BYTES_MAX).
    #[error("the entry has {bytes} bytes, more than a ledger entry can have")]
    EntryTooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The payload is longer than [`PAYLOAD_BYTES_MAX`](crate::PAYLOAD_BYTES_MAX).
    #[error("the recorded payload has {bytes} bytes, more than a recording can have")]
    PayloadTooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The recording could not be encrypted.
    #[error("the recording could not be encrypted")]
    Encryption(#[source] KeyError),
    /// The writer was closed or has ended.
    #[error("the ledger is closed")]
    Closed,
}

impl From<FileError> for LedgerError {
    fn from(FileError { path, source }: FileError) -> Self {
        Self::NotWritable { path, source: Arc::new(source) }
    }
}

/// Why a log or a directory of recordings could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or directory can't be read or written.
    #[error("{} can't be opened", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Another process, or another handle of this one, writes there.
    #[error("{} is in use by another writer", directory.display())]
    Locked {
        /// Which directory.
        directory: PathBuf,
    },
    /// The origin can't be the name of a key: empty, or with white space, plus or control characters.
    #[error("the log's origin is not a usable name")]
    BadOrigin,
    /// The log in the directory has another origin or was signed with another key.
    #[error("{} belongs to another log or key", path.display())]
    OtherLog {
        /// Its verifier key.
        path: PathBuf,
    },
    /// The checkpoint does not verify.
    #[error("the checkpoint at {} is not valid", path.display())]
    BadCheckpoint {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: NoteError,
    },
    /// Files of the log were lost or changed. `verify` tells more.
    #[error("{} is missing or was changed", path.display())]
    Damaged {
        /// The file that does not fit.
        path: PathBuf,
    },
}

impl From<FileError> for OpenError {
    fn from(FileError { path, source }: FileError) -> Self {
        Self::File { path, source }
    }
}

impl From<TileError> for OpenError {
    fn from(error: TileError) -> Self {
        match error {
            TileError::File(error) => error.into(),
            TileError::Missing(path) | TileError::Malformed(path) => Self::Damaged { path },
        }
    }
}

impl From<JournalFault> for OpenError {
    fn from(fault: JournalFault) -> Self {
        match fault {
            JournalFault::File(error) => error.into(),
            JournalFault::BadHeader { path }
            | JournalFault::Damaged { path, .. }
            | JournalFault::Gap { path, .. } => Self::Damaged { path },
        }
    }
}

impl OpenError {
    /// The same as an error of a file, for where the log is open already.
    pub(crate) fn into_file(self) -> FileError {
        let invalid = |path: PathBuf| FileError {
            path,
            source: io::Error::new(io::ErrorKind::InvalidData, "missing or changed"),
        };
        match self {
            Self::File { path, source } => FileError { path, source },
            Self::Locked { directory: path }
            | Self::OtherLog { path }
            | Self::BadCheckpoint { path, .. }
            | Self::Damaged { path } => invalid(path),
            Self::BadOrigin => invalid(PathBuf::new()),
        }
    }
}
