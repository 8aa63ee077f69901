//! Hashes and entries out of the tiles of a log on disk. It only reads, keeps a bounded number of
//! tiles, and believes nothing: who asks verifies what comes out against a signed root.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::{
    BUNDLE_BYTES_MAX, Edge, Kind, TILE_BYTES, TILE_HEIGHT, TILE_WIDTH, TileName, take_entry,
    tile_hashes,
};
use crate::files::{FileError, read_at_most, read_if_exists};
use crate::hash::{HASH_BYTES, Hash};
use crate::tree::fold;

/// Why a tile can't be used.
#[derive(Debug)]
pub(crate) enum TileError {
    /// It can't be read.
    File(FileError),
    /// Neither the partial nor the full file exists.
    Missing(PathBuf),
    /// It is shorter or longer than its name says, or not a sequence of hashes or entries.
    Malformed(PathBuf),
}

/// The tiles of one log at one size.
#[derive(Debug)]
pub(crate) struct TileReader {
    directory: PathBuf,
    size: u64,
    tiles: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl TileReader {
    pub(crate) fn new(directory: &Path, size: u64) -> Self {
        Self { directory: directory.to_path_buf(), size, tiles: BTreeMap::new() }
    }

    /// The root of the `n`-th complete subtree of 2^level entries.
    pub(crate) fn node(&mut self, level: u32, n: u64) -> Result<Hash, TileError> {
        let tile_level = u8::try_from(level / TILE_HEIGHT).unwrap_or(u8::MAX);
        let inside = level % TILE_HEIGHT;
        let first = n << inside;
        let tile = self.tile(tile_level, first / TILE_WIDTH)?;
        let start = usize::try_from(first % TILE_WIDTH).unwrap_or(usize::MAX);
        let hashes = tile.get(start..).and_then(|rest| rest.get(..1 << inside));
        hashes.map(fold).ok_or_else(|| TileError::Missing(self.directory.join("tile")))
    }

    /// The hashes of one tile, as far as the tree reaches.
    pub(crate) fn tile(&mut self, level: u8, number: u64) -> Result<&[Hash], TileError> {
        if !self.tiles.contains_key(&(level, number)) {
            if self.tiles.len() >= TILES_KEPT_MAX {
                self.tiles.pop_first();
            }
            let hashes = self.read(level, number)?;
            self.tiles.insert((level, number), hashes);
        }
        Ok(self.tiles.get(&(level, number)).map_or(&[], Vec::as_slice))
    }

    fn read(&self, level: u8, number: u64) -> Result<Vec<Hash>, TileError> {
        let name = TileName::in_tree(Kind::Hashes(level), number, self.size)
            .ok_or_else(|| TileError::Missing(self.directory.join("tile")))?;
        let (path, mut bytes) = read_tile(&self.directory, name, TILE_BYTES)?;
        let expected = usize::try_from(name.width).unwrap_or(0) * HASH_BYTES;
        let is_full_file = bytes.len() == TILE_BYTES;
        if is_full_file {
            bytes.truncate(expected);
        }
        match tile_hashes(&bytes) {
            Some(hashes) if bytes.len() == expected => Ok(hashes),
            _ => Err(TileError::Malformed(path)),
        }
    }

    /// The right edge of the tree.
    pub(crate) fn edge(&mut self) -> Result<Edge, TileError> {
        let mut levels = Vec::new();
        for level in 0_u8..8 {
            let kind = Kind::Hashes(level);
            let elements = kind.elements(self.size);
            if elements == 0 {
                break;
            }
            levels.push(if elements.is_multiple_of(TILE_WIDTH) {
                Vec::with_capacity(256)
            } else {
                self.tile(level, elements / TILE_WIDTH)?.to_vec()
            });
        }
        Ok(Edge::from_levels(self.size, levels))
    }
}

/// Reads the bundle with this number as far as a tree of that size reaches, whole entries only.
pub(crate) fn read_bundle(
    directory: &Path,
    number: u64,
    size: u64,
) -> Result<(PathBuf, Vec<u8>), TileError> {
    let name = TileName::in_tree(Kind::Entries, number, size)
        .ok_or_else(|| TileError::Missing(directory.join("tile/entries")))?;
    let (path, mut bytes) = read_tile(directory, name, BUNDLE_BYTES_MAX)?;
    if path.ends_with(name.path()) {
        return Ok((path, bytes));
    }
    // The full bundle stands in for the partial one: cut it where the tree ends.
    let mut rest = bytes.as_slice();
    for _ in 0..name.width {
        if take_entry(&mut rest).is_none() {
            return Err(TileError::Malformed(path));
        }
    }
    let kept = bytes.len() - rest.len();
    bytes.truncate(kept);
    Ok((path, bytes))
}

/// A partial tile may be gone once the full one exists, so that one is the second choice.
fn read_tile(
    directory: &Path,
    name: TileName,
    bytes_max: usize,
) -> Result<(PathBuf, Vec<u8>), TileError> {
    let path = directory.join(name.path());
    if let Some(bytes) = read_if_exists(&path, bytes_max).map_err(TileError::File)? {
        return Ok((path, bytes));
    }
    let full = directory.join(TileName::full(name.kind, name.number).path());
    match read_at_most(&full, bytes_max) {
        Ok(bytes) => Ok((full, bytes)),
        Err(error) if error.source.kind() == io::ErrorKind::NotFound => {
            Err(TileError::Missing(path))
        }
        Err(error) => Err(TileError::File(error)),
    }
}

/// Tiles kept at most: 8 KiB each.
const TILES_KEPT_MAX: usize = 64;
