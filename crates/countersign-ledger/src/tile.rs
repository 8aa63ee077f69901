//! The C2SP tlog-tiles layout: names of tiles and entry bundles, the right edge of the tree from
//! which they are written, and entries in and out of bundles. It never touches a file.

use std::path::PathBuf;

use crate::hash::{HASH_BYTES, Hash};
use crate::tree::{fold, push_subtrees, root_of_subtrees};

mod reader;
pub(crate) use reader::{TileError, TileReader, read_bundle};

/// Bytes of one entry at most: what a bundle's 16-bit length can say.
pub const ENTRY_BYTES_MAX: usize = 65_535;
/// Hashes of a full tile, entries of a full bundle.
pub(crate) const TILE_WIDTH: u64 = 256;
/// Levels of the tree in one tile: log2 of its width.
pub(crate) const TILE_HEIGHT: u32 = 8;
/// Bytes of a bundle at most.
pub(crate) const BUNDLE_BYTES_MAX: usize = 256 * (ENTRY_BYTES_MAX + 2);
/// Bytes of a full tile of hashes.
pub(crate) const TILE_BYTES: usize = 256 * HASH_BYTES;

/// What a file below `tile/` holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Entries.
    Entries,
    /// Hashes of subtrees of 256^level entries.
    Hashes(u8),
}

impl Kind {
    /// How many entries one element of such a tile stands for, as a power of two.
    pub(crate) fn element_height(self) -> u32 {
        match self {
            Self::Entries => 0,
            Self::Hashes(level) => u32::from(level) * TILE_HEIGHT,
        }
    }

    /// The number of elements of this kind in a tree.
    pub(crate) fn elements(self, size: u64) -> u64 {
        size.checked_shr(self.element_height()).unwrap_or(0)
    }
}

/// The name of one file below the log's directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TileName {
    pub(crate) kind: Kind,
    pub(crate) number: u64,
    /// 1 to 256.
    pub(crate) width: u64,
}

impl TileName {
    pub(crate) fn full(kind: Kind, number: u64) -> Self {
        Self { kind, number, width: TILE_WIDTH }
    }

    /// The tile in a tree of that size, or `None` when the tree has nothing of it.
    pub(crate) fn in_tree(kind: Kind, number: u64, size: u64) -> Option<Self> {
        let before = number.checked_mul(TILE_WIDTH)?;
        let width = kind.elements(size).checked_sub(before)?.min(TILE_WIDTH);
        (width > 0).then_some(Self { kind, number, width })
    }

    pub(crate) fn path(self) -> PathBuf {
        let mut path = self.stem();
        if self.width < TILE_WIDTH {
            path.as_mut_os_string().push(format!(".p/{}", self.width));
        }
        path
    }

    /// The directory of the partial tiles with this number.
    pub(crate) fn partials(self) -> PathBuf {
        let mut path = self.stem();
        path.as_mut_os_string().push(".p");
        path
    }

    fn stem(self) -> PathBuf {
        let mut number = format!("{:03}", self.number % 1000);
        let mut rest = self.number / 1000;
        while rest > 0 {
            number = format!("x{:03}/{number}", rest % 1000);
            rest /= 1000;
        }
        match self.kind {
            Kind::Entries => PathBuf::from(format!("tile/entries/{number}")),
            Kind::Hashes(level) => PathBuf::from(format!("tile/{level}/{number}")),
        }
    }

    /// Reads a path below the log's directory; only the one spelling of a name is accepted.
    pub(crate) fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (kind, rest) = rest.split_once('/')?;
        let kind = match kind {
            "entries" => Kind::Entries,
            level => Kind::Hashes(level.parse().ok().filter(|level| *level < 64)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|width| *width < 256)?),
            None => (rest, TILE_WIDTH),
        };
        let mut value = 0_u64;
        for group in number.split('/') {
            let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
            value = value.checked_mul(1000)?.checked_add(digits)?;
        }
        let name = Self { kind, number: value, width };
        (width > 0 && name.path().to_str() == Some(path)).then_some(name)
    }
}

/// The right edge of the tree: the hashes of the partial tile of each level. From it follow the
/// root and every tile that becomes full.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of a tree whose partial tiles were read, from level 0 up.
    pub(crate) fn from_levels(size: u64, levels: Vec<Vec<Hash>>) -> Self {
        Self { size, levels }
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The partial tiles that are not empty, from level 0 up.
    pub(crate) fn partial_tiles(&self) -> impl Iterator<Item = (TileName, &[Hash])> {
        (0_u8..).zip(&self.levels).filter_map(|(level, hashes)| {
            let kind = Kind::Hashes(level);
            let name = TileName::in_tree(kind, kind.elements(self.size) / TILE_WIDTH, self.size)?;
            Some((name, hashes.as_slice()))
        })
    }

    /// Adds a leaf. Gives the tiles that it fills, from level 0 up.
    pub(crate) fn push(&mut self, leaf: Hash) -> Vec<(TileName, Vec<Hash>)> {
        let mut filled = Vec::new();
        self.size = self.size.saturating_add(1);
        let mut hash = leaf;
        for level in 0_u8.. {
            let place = usize::from(level);
            if self.levels.len() <= place {
                self.levels.push(Vec::with_capacity(256));
            }
            let Some(tile) = self.levels.get_mut(place) else { break };
            tile.push(hash);
            if tile.len() < 256 {
                break;
            }
            let kind = Kind::Hashes(level);
            let number = (kind.elements(self.size) / TILE_WIDTH).saturating_sub(1);
            hash = fold(tile);
            let hashes = std::mem::replace(tile, Vec::with_capacity(256));
            filled.push((TileName::full(kind, number), hashes));
        }
        filled
    }

    pub(crate) fn root(&self) -> Hash {
        let mut subtrees = Vec::new();
        for tile in self.levels.iter().rev() {
            push_subtrees(tile, &mut subtrees);
        }
        root_of_subtrees(&subtrees)
    }
}

/// The hashes of a tile's bytes, or `None` when they are not whole hashes.
pub(crate) fn tile_hashes(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    rest.is_empty().then(|| hashes.to_vec())
}

/// Appends an entry to a bundle or to a journal record: big-endian 16-bit length, then the bytes.
/// `None` when the entry is too long, and nothing was appended.
pub(crate) fn push_entry(bytes: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(entry);
    Some(())
}

/// Takes the next entry off a bundle. `None` at its end, and when a length leads beyond its end.
pub(crate) fn take_entry<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *bytes = rest;
    Some(entry)
}

#[cfg(test)]
mod tests;
