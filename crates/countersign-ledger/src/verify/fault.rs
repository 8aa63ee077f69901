//! What verification finds, named after the entry and the file where it is.

use std::io;
use std::path::{Path, PathBuf};

use crate::files::FileError;
use crate::hash::Hash;
use crate::journal::JournalFault;
use crate::note::NoteError;
use crate::tile::{Kind, TileError, TileName, TileReader, take_entry};

/// Why a log does not verify.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A file can't be read.
    #[error("{} can't be read", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A file that the log must have does not exist.
    #[error("{} is missing", path.display())]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// A file below `tile/` that no log has.
    #[error("{} does not belong to the log", path.display())]
    Unexpected {
        /// Which.
        path: PathBuf,
    },
    /// The verifier key beside the log is not one.
    #[error("{} is not a verifier key", path.display())]
    BadVerifierKey {
        /// Its file.
        path: PathBuf,
    },
    /// The log has another key than the expected one.
    #[error("{} is not the expected verifier key", path.display())]
    OtherKey {
        /// Its file.
        path: PathBuf,
    },
    /// The checkpoint is not valid.
    #[error("the checkpoint at {} is not valid: {source}", path.display())]
    BadCheckpoint {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: NoteError,
    },
    /// The checkpoint that was kept elsewhere is not one of this log.
    #[error("the earlier checkpoint is not valid: {0}")]
    EarlierCheckpoint(#[source] NoteError),
    /// The log has fewer entries than it had.
    #[error("the log was rolled back: it has {size} signed entries, and had {earlier}")]
    RolledBack {
        /// Signed entries now.
        size: u64,
        /// Signed entries in the earlier checkpoint.
        earlier: u64,
    },
    /// The log's beginning is not what it was.
    #[error("the log was rewritten: its first {earlier} entries are not those signed earlier")]
    Rewritten {
        /// Signed entries in the earlier checkpoint.
        earlier: u64,
    },
    /// An entry is not what was hashed.
    #[error("entry {index} in {} was changed", path.display())]
    EntryChanged {
        /// The number of the entry.
        index: u64,
        /// Its bundle.
        path: PathBuf,
    },
    /// An entry stands at the place of another.
    #[error("entry {belongs_at} stands at the place of entry {index} in {}", path.display())]
    EntryMoved {
        /// The place.
        index: u64,
        /// The number of the entry that stands there.
        belongs_at: u64,
        /// The bundle.
        path: PathBuf,
    },
    /// An entry is missing.
    #[error("entry {index} is missing in {}", path.display())]
    EntryMissing {
        /// The number of the entry.
        index: u64,
        /// Its bundle.
        path: PathBuf,
    },
    /// A bundle holds more than its entries.
    #[error("{} has more than its entries, from entry {index} on", path.display())]
    EntryAdded {
        /// The number that the first surplus entry would have.
        index: u64,
        /// The bundle.
        path: PathBuf,
    },
    /// A tile is not what follows from the entries.
    #[error("{} was changed", path.display())]
    TileChanged {
        /// The tile.
        path: PathBuf,
    },
    /// Entries and tiles agree, but are not what was signed.
    #[error("the {size} entries are not those that {} is signed over", path.display())]
    OtherRoot {
        /// The number of entries.
        size: u64,
        /// The checkpoint.
        path: PathBuf,
    },
    /// The journal is damaged where no crash can have damaged it.
    #[error("entry {index} in {} is damaged, at byte {offset}", path.display())]
    JournalDamaged {
        /// The file.
        path: PathBuf,
        /// The offset of the record in bytes.
        offset: u64,
        /// The first entry that can't be read.
        index: u64,
    },
    /// The journal begins after the checkpoint ends.
    #[error("entry {index} is missing before {}", path.display())]
    JournalGap {
        /// The first file after the gap.
        path: PathBuf,
        /// The first missing entry.
        index: u64,
    },
    /// The journal holds another entry than the signed tree.
    #[error("entry {index} in {} is not the signed one", path.display())]
    JournalDisagrees {
        /// The number of the entry.
        index: u64,
        /// The journal.
        path: PathBuf,
    },
    /// There is no signed entry of this number yet.
    #[error("entry {index} is not signed yet: the checkpoint covers {size}")]
    NotSigned {
        /// The number of the entry.
        index: u64,
        /// The number of signed entries.
        size: u64,
    },
}

impl From<FileError> for Fault {
    fn from(FileError { path, source }: FileError) -> Self {
        Self::File { path, source }
    }
}

impl From<TileError> for Fault {
    fn from(error: TileError) -> Self {
        match error {
            TileError::File(error) => error.into(),
            TileError::Missing(path) => Self::Missing { path },
            TileError::Malformed(path) => Self::TileChanged { path },
        }
    }
}

impl From<JournalFault> for Fault {
    fn from(fault: JournalFault) -> Self {
        match fault {
            JournalFault::File(error) => error.into(),
            JournalFault::BadHeader { path } => Self::JournalDamaged { path, offset: 0, index: 0 },
            JournalFault::Damaged { path, offset, index } => {
                Self::JournalDamaged { path, offset, index }
            }
            JournalFault::Gap { path, index } => Self::JournalGap { path, index },
        }
    }
}

/// What to say of an entry whose hash is not the one at its place in the tile.
pub(super) fn misplaced(
    index: u64,
    path: PathBuf,
    bundle: &[u8],
    (place, leaf, tile): (usize, &Hash, &[Hash]),
) -> Fault {
    let mut rest = bundle;
    let count = std::iter::from_fn(|| take_entry(&mut rest)).count();
    let belongs = tile.iter().position(|hash| hash == leaf);
    match belongs {
        Some(at) if at == place + 1 && count < tile.len() => Fault::EntryMissing { index, path },
        Some(at) => {
            let start = index - u64::try_from(place).unwrap_or(0);
            let belongs_at = start + u64::try_from(at).unwrap_or(0);
            Fault::EntryMoved { index, belongs_at, path }
        }
        None => Fault::EntryChanged { index, path },
    }
}

/// Compares a tile on disk with what follows from the entries.
pub(super) fn same_tile(
    directory: &Path,
    tiles: &mut TileReader,
    name: TileName,
    hashes: &[Hash],
) -> Result<(), Fault> {
    let Kind::Hashes(level) = name.kind else { return Ok(()) };
    if tiles.tile(level, name.number)? == hashes {
        Ok(())
    } else {
        Err(Fault::TileChanged { path: directory.join(name.path()) })
    }
}
