//! The archive that a pack is: POSIX ustar, one directory, files in the order of their names, nothing
//! compressed. One list of files has one archive, byte for byte; the reader takes no other one, so that
//! what it finds is what `tar` unpacks. It never writes to a disk, and never follows a name anywhere.

use std::collections::BTreeMap;

/// The files of a pack by their names, which are paths below its directory.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// Files of a pack at most.
pub const FILES_MAX: usize = 64;
/// Bytes of a pack at most.
pub const PACK_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Why an archive is none of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveFault {
    /// Beyond [`PACK_BYTES_MAX`] or [`FILES_MAX`].
    #[error("it is larger than a pack can be")]
    TooLarge,
    /// It ends in the middle of something.
    #[error("it is cut off{}", behind(.0))]
    CutOff(Option<String>),
    /// A header is not the one that a pack has for this file: another name, mode, time, kind or sum.
    #[error("the header{} is not one of a pack", behind(.0))]
    Header(Option<String>),
    /// The name is none of a file in a pack.
    #[error("the name {0:?} is none that a file of a pack can have")]
    Name(String),
    /// The names are not in order, or one stands twice.
    #[error("{0} stands twice or out of order")]
    Order(String),
    /// What pads a file or ends the archive is not zeros, or something follows.
    #[error("there is something between the files or behind them{}", behind(.0))]
    Padding(Option<String>),
}

fn behind(name: &Option<String>) -> String {
    name.as_ref().map_or_else(String::new, |it| format!(" at {it}"))
}

/// Writes files, which [`read`] gives back, below a directory.
pub(crate) fn write(directory: &str, files: &Files) -> Vec<u8> {
    let room = files.values().map(|it| it.len() + 2 * BLOCK).sum::<usize>() + END;
    let mut out = Vec::with_capacity(room);
    for (name, bytes) in files {
        out.extend_from_slice(&header(&format!("{directory}/{name}"), bytes.len()));
        out.extend_from_slice(bytes);
        out.resize(padded(out.len()), 0);
    }
    out.resize(out.len() + END, 0);
    out
}

/// Reads an archive: its directory and its files.
///
/// # Errors
/// [`ArchiveFault`]: whatever [`write`] would have written otherwise.
pub fn read(bytes: &[u8]) -> Result<(String, BTreeMap<String, Vec<u8>>), ArchiveFault> {
    if bytes.len() > PACK_BYTES_MAX {
        return Err(ArchiveFault::TooLarge);
    }
    let (mut directory, mut files) = (None::<String>, Files::new());
    let (mut rest, mut last) = (bytes, None::<String>);
    loop {
        let cut = || ArchiveFault::CutOff(last.clone());
        let (block, behind) = rest.split_at_checked(BLOCK).ok_or_else(cut)?;
        if block.iter().all(|it| *it == 0) {
            break;
        }
        let odd = || ArchiveFault::Header(last.clone());
        let (path, size) = named(block).ok_or_else(odd)?;
        if header(&path, size).as_slice() != block {
            return Err(ArchiveFault::Header(Some(path)));
        }
        let (folder, name) = placed(&path)?;
        if directory.get_or_insert_with(|| folder.to_owned()) != folder {
            return Err(ArchiveFault::Name(path));
        }
        if files.last_key_value().is_some_and(|(before, _)| before.as_str() >= name) {
            return Err(ArchiveFault::Order(path));
        }
        if files.len() >= FILES_MAX {
            return Err(ArchiveFault::TooLarge);
        }
        let cut = || ArchiveFault::CutOff(Some(path.clone()));
        let (content, behind) = behind.split_at_checked(size).ok_or_else(cut)?;
        let (padding, behind) = behind.split_at_checked(padded(size) - size).ok_or_else(cut)?;
        if padding.iter().any(|it| *it != 0) {
            return Err(ArchiveFault::Padding(Some(path)));
        }
        files.insert(name.to_owned(), content.to_vec());
        (rest, last) = (behind, Some(path.clone()));
    }
    if rest.len() < END {
        return Err(ArchiveFault::CutOff(last));
    }
    if rest.len() > END || rest.iter().any(|it| *it != 0) {
        return Err(ArchiveFault::Padding(last));
    }
    let directory = directory.ok_or(ArchiveFault::CutOff(None))?;
    Ok((directory, files))
}

/// The path and the size that a header says.
fn named(block: &[u8]) -> Option<(String, usize)> {
    let path = block.get(..NAME)?;
    let path = path.split(|it| *it == 0).next()?;
    let size = std::str::from_utf8(block.get(124..135)?).ok()?;
    let size = usize::from_str_radix(size, 8).ok().filter(|it| *it <= PACK_BYTES_MAX)?;
    Some((std::str::from_utf8(path).ok()?.to_owned(), size))
}

/// The directory and the name below it. Each part is of letters, digits, `_`, `-` and dots, and begins
/// with no dot: nothing leads out of the directory, and nothing is hidden.
fn placed(path: &str) -> Result<(&str, &str), ArchiveFault> {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part.bytes().all(|it| it.is_ascii_alphanumeric() || b"_-.".contains(&it))
    };
    let bad = || ArchiveFault::Name(path.to_owned());
    let (directory, name) = path.split_once('/').ok_or_else(bad)?;
    let deep = name.split('/').count();
    if deep <= DEPTH_MAX && path.split('/').all(plain) { Ok((directory, name)) } else { Err(bad()) }
}

/// The header of a regular file (POSIX.1-1988, ustar): mode 0644, nobody's, of the beginning of 1980.
fn header(path: &str, size: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, text: &[u8]| {
        for (slot, byte) in block.iter_mut().skip(at).zip(text) {
            *slot = *byte;
        }
    };
    put(0, path.as_bytes().get(..NAME).unwrap_or(path.as_bytes()));
    put(100, b"0000644\x000000000\x000000000\x00");
    put(124, format!("{size:011o}\0{TIME:011o}\0").as_bytes());
    put(148, b"        0");
    put(257, b"ustar\x0000");
    put(329, b"0000000\x000000000\x00");
    let sum: u32 = block.iter().map(|it| u32::from(*it)).sum();
    for (slot, byte) in block.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
        *slot = byte;
    }
    block
}

const fn padded(length: usize) -> usize {
    length.div_ceil(BLOCK) * BLOCK
}

const BLOCK: usize = 512;
/// Two blocks of zeros end an archive.
const END: usize = 2 * BLOCK;
/// Bytes of a path at most.
const NAME: usize = 100;
/// Parts of a name below the directory at most.
const DEPTH_MAX: usize = 2;
/// 1980-01-01, the earliest time that every archiver can write.
const TIME: u32 = 315_532_800;

#[cfg(test)]
mod tests;
