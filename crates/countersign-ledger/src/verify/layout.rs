//! What files are below `tile/`: each must be a part of the tree, or lie beyond the checkpoint, where a
//! crash may have left it. Partial tiles that were outgrown must still be the beginning of the tile.

use std::fs;
use std::path::{Path, PathBuf};

use super::Fault;
use crate::files::{at, read_at_most};
use crate::hash::HASH_BYTES;
use crate::tile::{BUNDLE_BYTES_MAX, Kind, TileName, TileReader, read_bundle, take_entry};

/// Checks all files below `tile/`, and gives the number of those beyond the checkpoint.
pub(super) fn verify_layout(directory: &Path, size: u64) -> Result<u64, Fault> {
    let mut unpublished = 0;
    let mut tiles = TileReader::new(directory, size);
    let top = directory.join("tile");
    let mut waiting: Vec<PathBuf> = if top.exists() { vec![top] } else { Vec::new() };
    while let Some(folder) = waiting.pop() {
        for item in fs::read_dir(&folder).map_err(at(&folder))? {
            let item = item.map_err(at(&folder))?;
            let path = item.path();
            let kind = item.file_type().map_err(at(&path))?;
            let name = path.strip_prefix(directory).ok().and_then(Path::to_str);
            if kind.is_dir() {
                waiting.push(path);
            } else if let Some(name) = name.and_then(TileName::parse)
                && kind.is_file()
            {
                match place(name, size) {
                    Place::Verified => {}
                    Place::Unpublished => unpublished += 1,
                    Place::Outgrown(whole) => {
                        let expected = beginning(directory, size, whole, name, &mut tiles)?;
                        if read_at_most(&path, BUNDLE_BYTES_MAX)? != expected {
                            return Err(Fault::TileChanged { path });
                        }
                    }
                }
            } else {
                return Err(Fault::Unexpected { path });
            }
        }
    }
    Ok(unpublished)
}

/// Where a tile stands in a tree of some size.
enum Place {
    /// It is the tile from which the tree was verified.
    Verified,
    /// It is a partial tile, and the tree has more of it.
    Outgrown(TileName),
    /// It lies beyond the tree.
    Unpublished,
}

fn place(name: TileName, size: u64) -> Place {
    match TileName::in_tree(name.kind, name.number, size) {
        Some(whole) if whole.width == name.width => Place::Verified,
        Some(whole) if whole.width > name.width => Place::Outgrown(whole),
        Some(_) | None => Place::Unpublished,
    }
}

/// The first `name.width` elements of a tile that the tree has more of.
fn beginning(
    directory: &Path,
    size: u64,
    whole: TileName,
    name: TileName,
    tiles: &mut TileReader,
) -> Result<Vec<u8>, Fault> {
    let width = usize::try_from(name.width).unwrap_or(0);
    match name.kind {
        Kind::Hashes(level) => {
            let mut bytes = tiles.tile(level, whole.number)?.as_flattened().to_vec();
            bytes.truncate(width * HASH_BYTES);
            Ok(bytes)
        }
        Kind::Entries => {
            let (_, mut bytes) = read_bundle(directory, whole.number, size)?;
            let mut rest = bytes.as_slice();
            for _ in 0..width {
                take_entry(&mut rest);
            }
            let kept = bytes.len() - rest.len();
            bytes.truncate(kept);
            Ok(bytes)
        }
    }
}
