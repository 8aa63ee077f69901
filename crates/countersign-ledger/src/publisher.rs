//! From the journal to tiles and a signed checkpoint. Recordings and tiles are synced before the
//! checkpoint that covers their entries is written, and the journal is trimmed after. It never signs
//! a tree of which a part is not on disk.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::checkpoint::Checkpoint;
use crate::error::OpenError;
use crate::files::{ChangedDirectories, FileError, at};
use crate::hash::Hash;
use crate::journal::{JournalFault, JournalFiles, JournalReader};
use crate::keys::SigningKey;
use crate::recording::{Restore, Restored, SegmentFile};
use crate::tile::{Edge, Kind, TILE_WIDTH, TileName, TileReader, push_entry, read_bundle};
use crate::{CHECKPOINT_FILE, ENTRY_BYTES_MAX};

mod added;
pub(crate) use added::{Added, FRESH_BYTES_MAX, Fresh};

/// The one that publishes a log.
#[derive(Debug)]
pub(crate) struct Publisher {
    directory: PathBuf,
    key: Arc<SigningKey>,
    files: JournalFiles,
    published: Checkpoint,
    /// The tree as far as it was built; `None` after an error, when it must be read again.
    built: Option<Built>,
    /// The directory of the recordings, once it is known.
    recordings: Option<PathBuf>,
    /// Segments that have frames which were not synced.
    unsynced: Vec<SegmentFile>,
    frames: FramesAre,
}

/// Whether what was written to segments, and not synced yet, is what the next sync makes durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FramesAre {
    Sound,
    /// A sync failed: the frames of all groups up to the one that begins here must be written again.
    Doubtful {
        last_group: u64,
    },
}

/// The right edge of the tree and the entries of its partial bundle.
#[derive(Debug)]
struct Built {
    edge: Edge,
    bundle: Vec<u8>,
}

impl Publisher {
    /// Takes up a log at its checkpoint, whose tiles must lead to its root.
    pub(crate) fn open(
        directory: &Path,
        key: Arc<SigningKey>,
        published: Checkpoint,
        files: JournalFiles,
    ) -> Result<Self, OpenError> {
        let built = Some(read_built(directory, &published)?);
        Ok(Self {
            directory: directory.to_path_buf(),
            key,
            files,
            published,
            built,
            recordings: None,
            unsynced: Vec::new(),
            frames: FramesAre::Sound,
        })
    }

    /// Learns where the recordings are, and restores those that only the journal has for certain.
    pub(crate) fn restore(&mut self, recordings: &Path, end: u64) -> Result<Restored, FileError> {
        self.recordings = Some(recordings.to_path_buf());
        self.restore_frames(end)
    }

    pub(crate) fn published(&self) -> &Checkpoint {
        &self.published
    }

    /// Publishes what was added, and what could not be published before.
    pub(crate) fn publish(&mut self, added: &mut Added) -> Result<(), FileError> {
        let Added { size: end, segments, fresh } = added;
        let end = *end;
        self.unsynced.append(segments);
        if end <= self.published.size {
            return Ok(());
        }
        self.sync_frames(end)?;
        let mut built = match self.built.take() {
            Some(built) => built,
            None => read_built(&self.directory, &self.published).map_err(OpenError::into_file)?,
        };
        let filled = self.write_tiles(&mut built, fresh, end)?;
        let root = built.edge.root();
        let next = Checkpoint { origin: self.published.origin.clone(), size: end, root };
        self.write_checkpoint(&next)?;
        self.published = next;
        self.built = Some(built);
        self.remove_partials(&filled)?;
        self.files.trim(end)
    }

    /// Makes the frames of all entries below `end` durable in their segments.
    fn sync_frames(&mut self, end: u64) -> Result<(), FileError> {
        let synced = match self.frames {
            FramesAre::Sound => self.sync_segments(),
            FramesAre::Doubtful { .. } => {
                self.restore_frames(end).and_then(|_restored| self.sync_segments())
            }
        };
        match (synced, self.frames) {
            (Err(error), _) => {
                // What was written until now may be gone from the page cache, and a later sync would
                // not say so. The last group of which frames were written begins here, or before.
                self.frames = FramesAre::Doubtful { last_group: self.files.durable() };
                Err(error)
            }
            (Ok(()), FramesAre::Doubtful { last_group }) if end <= last_group => Ok(()),
            (Ok(()), FramesAre::Doubtful { .. } | FramesAre::Sound) => {
                self.frames = FramesAre::Sound;
                Ok(())
            }
        }
    }

    fn sync_segments(&mut self) -> Result<(), FileError> {
        for segment in &self.unsynced {
            segment.sync()?;
        }
        self.unsynced.clear();
        Ok(())
    }

    /// Writes the frames of unpublished entries below `end` again from the journal, and syncs them.
    fn restore_frames(&self, end: u64) -> Result<Restored, FileError> {
        let Some(directory) = self.recordings.as_deref() else { return Ok(Restored::Nothing) };
        if end <= self.published.size {
            return Ok(Restored::Nothing);
        }
        let mut restore = Restore::new(directory);
        let mut reader =
            JournalReader::open(&self.files.directory, self.files.firsts(), self.published.size)
                .map_err(JournalFault::into_file_error)?;
        while let Some(record) = reader.next(end).map_err(JournalFault::into_file_error)? {
            match record.recordings() {
                Some(sealed) if record.first >= self.published.size => restore.write(sealed)?,
                Some(_) | None => {}
            }
        }
        if reader.index() < end {
            let source = io::Error::new(io::ErrorKind::InvalidData, "the journal has a gap");
            return Err(at(&self.files.directory)(source));
        }
        restore.sync()
    }

    /// Writes the signed checkpoint in place of the one before.
    fn write_checkpoint(&self, checkpoint: &Checkpoint) -> Result<(), FileError> {
        let mut changed = ChangedDirectories::default();
        let path = self.directory.join(CHECKPOINT_FILE);
        changed.write(&self.aside(), &path, checkpoint.sign(&self.key).as_bytes())?;
        changed.sync()
    }

    /// Builds the tree up to `end` and syncs its tiles. Answers with the tiles that became full.
    fn write_tiles(
        &self,
        built: &mut Built,
        fresh: &Fresh,
        end: u64,
    ) -> Result<Vec<TileName>, FileError> {
        // Nothing reads a tile before a checkpoint covers it, and none does before all are synced.
        let mut changed = if end.saturating_sub(self.published.size) < MANY_ENTRIES {
            ChangedDirectories::default()
        } else {
            ChangedDirectories::many(&self.directory)?
        };
        let mut filled = Vec::new();
        let read_until = fresh.first().unwrap_or(end).min(end);
        if built.edge.size() < read_until {
            let (directory, firsts) = (&self.files.directory, self.files.firsts());
            let mut reader = JournalReader::open(directory, firsts, built.edge.size())
                .map_err(JournalFault::into_file_error)?;
            while let Some(record) =
                reader.next(read_until).map_err(JournalFault::into_file_error)?
            {
                for (index, entry, leaf) in record.entries() {
                    if index == built.edge.size() {
                        self.push(built, entry, leaf, &mut changed, &mut filled)?;
                    }
                }
            }
        }
        for (index, entry, leaf) in fresh.entries() {
            if index == built.edge.size() {
                self.push(built, entry, leaf, &mut changed, &mut filled)?;
            }
        }
        let Built { edge, bundle } = built;
        if edge.size() != end {
            let source = io::Error::new(io::ErrorKind::InvalidData, "the journal has a gap");
            return Err(at(&self.files.directory)(source));
        }
        for (name, hashes) in edge.partial_tiles() {
            self.write_tile(&mut changed, name, hashes.as_flattened())?;
        }
        if let Some(name) = TileName::in_tree(Kind::Entries, end / TILE_WIDTH, end) {
            self.write_tile(&mut changed, name, bundle)?;
        }
        changed.sync()?;
        Ok(filled)
    }

    /// Adds an entry, and writes the tiles that it fills.
    fn push(
        &self,
        Built { edge, bundle }: &mut Built,
        entry: &[u8],
        leaf: Hash,
        changed: &mut ChangedDirectories,
        filled: &mut Vec<TileName>,
    ) -> Result<(), FileError> {
        debug_assert!(entry.len() <= ENTRY_BYTES_MAX, "the journal holds entries only");
        push_entry(bundle, entry);
        for (name, hashes) in edge.push(leaf) {
            self.write_tile(changed, name, hashes.as_flattened())?;
            filled.push(name);
        }
        if edge.size().is_multiple_of(TILE_WIDTH) {
            let number = (edge.size() / TILE_WIDTH).saturating_sub(1);
            let name = TileName::full(Kind::Entries, number);
            self.write_tile(changed, name, bundle)?;
            filled.push(name);
            bundle.clear();
        }
        Ok(())
    }

    fn write_tile(
        &self,
        changed: &mut ChangedDirectories,
        name: TileName,
        bytes: &[u8],
    ) -> Result<(), FileError> {
        let path = self.directory.join(name.path());
        changed.create(path.parent().unwrap_or(&path))?;
        changed.write(&self.aside(), &path, bytes)
    }

    /// Partial tiles may go once the full one is there (C2SP tlog-tiles, "Partial Tiles").
    fn remove_partials(&self, filled: &[TileName]) -> Result<(), FileError> {
        for name in filled {
            let path = self.directory.join(name.partials());
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(at(&path)(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn aside(&self) -> PathBuf {
        self.directory.join(crate::ASIDE_DIRECTORY).join("publisher")
    }
}

/// Reads the edge of the tree from its tiles, which must lead to the checkpoint's root.
fn read_built(directory: &Path, checkpoint: &Checkpoint) -> Result<Built, OpenError> {
    let size = checkpoint.size;
    let edge = TileReader::new(directory, size).edge()?;
    if edge.root() != checkpoint.root {
        return Err(OpenError::Damaged { path: directory.join("tile") });
    }
    let bundle = if size.is_multiple_of(TILE_WIDTH) {
        Vec::new()
    } else {
        read_bundle(directory, size / TILE_WIDTH, size)?.1
    };
    Ok(Built { edge, bundle })
}

/// New entries from which on their tiles are so many files that one sync for all is cheaper. It also
/// writes what others left unwritten on the same file system, so that a quiet log does without.
const MANY_ENTRIES: u64 = 8 * TILE_WIDTH;

#[cfg(test)]
mod tests;
