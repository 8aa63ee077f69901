//! Verification of a log, offline and on a copy: every leaf, tile and root is computed anew from the
//! entries, and compared with what is signed. It reads only, needs no private key and no network, and
//! holds one bundle and a few tiles in memory.
//!
//! Covered is every byte of `log.vkey`, `checkpoint`, `tile/` up to the checkpoint's size, and
//! `journal/`. Not covered, because nothing is signed over them yet: the last record of a journal that
//! goes beyond the checkpoint (it reads like a torn write; its bytes are reported), and tiles beyond
//! the checkpoint (they are made again from the journal, and are counted). The lock file and the
//! files being written aside hold nothing. With a checkpoint that was kept elsewhere, a log that was
//! rolled back or written anew is found as well.

use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::files::{self, read_if_exists};
use crate::hash::{Hash, leaf_hash_with};
use crate::journal::{JOURNAL_EXTENSION, JournalReader};
use crate::note::{NOTE_BYTES_MAX, VerifierKey};
use crate::tile::{Edge, TILE_WIDTH, TileReader, read_bundle, take_entry};
use crate::tree::empty_root;
use crate::{CHECKPOINT_FILE, JOURNAL_DIRECTORY, VERIFIER_KEY_FILE};

mod fault;
mod layout;

pub use fault::Fault;

/// What a log is verified against.
#[derive(Debug, Clone, Default)]
pub struct VerifyOptions {
    /// The verifier key that the log must have; without it the `log.vkey` beside the log is believed.
    pub vkey: Option<String>,
    /// A signed checkpoint of the same log that was kept elsewhere.
    pub earlier: Option<String>,
}

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The log's name.
    pub origin: String,
    /// The key that signed it.
    pub vkey: String,
    /// The number of signed entries.
    pub size: u64,
    /// Their root.
    pub root: Hash,
    /// The signed checkpoint, to be kept elsewhere.
    pub checkpoint: String,
    /// Sound entries in the journal beyond the checkpoint, not yet signed.
    pub tail_entries: u64,
    /// Bytes of a torn write after them.
    pub tail_torn_bytes: u64,
    /// Tiles beyond the checkpoint, which a crash left.
    pub unpublished_files: u64,
}

/// Verifies the log in a directory.
///
/// # Errors
/// The first fault, with the entry and the file where it is.
pub fn verify(directory: &Path, options: &VerifyOptions) -> Result<Verified, Fault> {
    let key = verifier_key(directory, options.vkey.as_deref())?;
    let (checkpoint, note) = signed_checkpoint(directory, &key)?;
    let earlier = match &options.earlier {
        None => None,
        Some(text) => {
            let earlier =
                Checkpoint::open(text.as_bytes(), &key).map_err(Fault::EarlierCheckpoint)?;
            if earlier.size > checkpoint.size {
                return Err(Fault::RolledBack { size: checkpoint.size, earlier: earlier.size });
            }
            Some(earlier)
        }
    };
    let mut tiles = TileReader::new(directory, checkpoint.size);
    verify_tree(directory, &checkpoint, earlier.as_ref(), &mut tiles)?;
    let unpublished_files = layout::verify_layout(directory, checkpoint.size)?;
    let tail = verify_journal(directory, checkpoint.size, &mut tiles)?;
    Ok(Verified {
        vkey: key.to_string(),
        size: checkpoint.size,
        root: checkpoint.root,
        origin: checkpoint.origin,
        checkpoint: note,
        tail_entries: tail.entries,
        tail_torn_bytes: tail.torn_bytes,
        unpublished_files,
    })
}

/// The key beside the log, which must be the expected one when there is one.
pub(crate) fn verifier_key(directory: &Path, expected: Option<&str>) -> Result<VerifierKey, Fault> {
    let path = directory.join(VERIFIER_KEY_FILE);
    let bytes = read_if_exists(&path, NOTE_BYTES_MAX)?
        .ok_or_else(|| Fault::Missing { path: path.clone() })?;
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.strip_suffix('\n'));
    let key = text
        .and_then(|text| text.parse::<VerifierKey>().ok())
        .ok_or_else(|| Fault::BadVerifierKey { path: path.clone() })?;
    match expected {
        Some(expected) if expected.trim() != key.to_string() => Err(Fault::OtherKey { path }),
        _ => Ok(key),
    }
}

/// The checkpoint of the log, and the note that signs it.
pub(crate) fn signed_checkpoint(
    directory: &Path,
    key: &VerifierKey,
) -> Result<(Checkpoint, String), Fault> {
    let path = directory.join(CHECKPOINT_FILE);
    let note = read_if_exists(&path, NOTE_BYTES_MAX)?
        .ok_or_else(|| Fault::Missing { path: path.clone() })?;
    let checkpoint =
        Checkpoint::open(&note, key).map_err(|source| Fault::BadCheckpoint { path, source })?;
    Ok((checkpoint, String::from_utf8_lossy(&note).into_owned()))
}

/// Builds the tree from the entries, compares each tile on the way, and the root at its end.
fn verify_tree(
    directory: &Path,
    checkpoint: &Checkpoint,
    earlier: Option<&Checkpoint>,
    tiles: &mut TileReader,
) -> Result<(), Fault> {
    let mut edge = Edge::default();
    consistent(&edge, earlier)?;
    let mut scratch = Vec::new();
    for number in 0..checkpoint.size.div_ceil(TILE_WIDTH) {
        let (path, bytes) = read_bundle(directory, number, checkpoint.size)?;
        let mut rest = bytes.as_slice();
        let expected = tiles.tile(0, number)?.to_vec();
        for (place, hash) in expected.iter().enumerate() {
            let index = edge.size();
            let Some(entry) = take_entry(&mut rest) else {
                return Err(Fault::EntryMissing { index, path });
            };
            let leaf = leaf_hash_with(&mut scratch, entry);
            if leaf != *hash {
                return Err(fault::misplaced(index, path, &bytes, (place, &leaf, &expected)));
            }
            for (name, hashes) in edge.push(leaf) {
                fault::same_tile(directory, tiles, name, &hashes)?;
            }
            consistent(&edge, earlier)?;
        }
        if !rest.is_empty() {
            return Err(Fault::EntryAdded { index: edge.size(), path });
        }
    }
    for (name, hashes) in edge.partial_tiles() {
        fault::same_tile(directory, tiles, name, hashes)?;
    }
    if edge.root() == checkpoint.root {
        Ok(())
    } else {
        Err(Fault::OtherRoot { size: checkpoint.size, path: directory.join(CHECKPOINT_FILE) })
    }
}

/// Where the tree has the size of the earlier checkpoint, it must have its root.
fn consistent(edge: &Edge, earlier: Option<&Checkpoint>) -> Result<(), Fault> {
    match earlier {
        Some(earlier) if earlier.size == edge.size() => {
            let root = if edge.size() == 0 { empty_root() } else { edge.root() };
            if root == earlier.root {
                Ok(())
            } else {
                Err(Fault::Rewritten { earlier: earlier.size })
            }
        }
        Some(_) | None => Ok(()),
    }
}

/// What stands in the journal beyond the checkpoint.
struct Tail {
    entries: u64,
    torn_bytes: u64,
}

/// Reads the whole journal: what the checkpoint covers must be the same, what goes beyond is counted.
fn verify_journal(directory: &Path, size: u64, tiles: &mut TileReader) -> Result<Tail, Fault> {
    let journal = directory.join(JOURNAL_DIRECTORY);
    let firsts = match files::numbered(&journal, JOURNAL_EXTENSION) {
        Ok(firsts) => firsts,
        Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let Some(first) = firsts.first().copied() else {
        return Ok(Tail { entries: 0, torn_bytes: 0 });
    };
    // Entries between the checkpoint and the first file would be lost: `open` finds such a gap.
    let mut reader = JournalReader::open(&journal, firsts, first.min(size))?;
    while let Some(record) = reader.next(u64::MAX)? {
        for (index, _, leaf) in record.entries().take_while(|(index, ..)| *index < size) {
            let place = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
            if tiles.tile(0, index / TILE_WIDTH)?.get(place) != Some(&leaf) {
                return Err(Fault::JournalDisagrees { index, path: journal });
            }
        }
    }
    let end = reader.end()?;
    if end.index < size {
        let (path, offset, index) = (end.path, end.offset, end.index);
        return Err(Fault::JournalDamaged { path, offset, index });
    }
    Ok(Tail { entries: end.index - size, torn_bytes: end.torn_bytes })
}
