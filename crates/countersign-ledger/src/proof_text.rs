//! C2SP tlog-proofs: one entry's proof as a text that anyone can check with the entry and the log's
//! verifier key, without the log. It never contains the entry.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

use crate::checkpoint::Checkpoint;
use crate::hash::{Hash, leaf_hash};
use crate::note::{NOTE_BYTES_MAX, NoteError, VerifierKey};
use crate::proof::{self, PROOF_HASHES_MAX, ProofMismatch, verify_inclusion};
use crate::tile::TileReader;
use crate::verify::{Fault, signed_checkpoint, verifier_key};

/// Why a proof's text proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// Not the format, or too long.
    #[error("the text is not a transparency log proof")]
    Malformed,
    /// The verifier key is not one.
    #[error("the verifier key is not valid")]
    BadVerifierKey,
    /// The checkpoint in it is not valid.
    #[error("the checkpoint in the proof is not valid: {0}")]
    Checkpoint(#[source] NoteError),
    /// The entry is not the one that is proved.
    #[error("the entry is not proved: {0}")]
    Mismatch(#[source] ProofMismatch),
}

/// What a proof proves: that the entry has this number in this signed tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proven {
    /// The number of the entry.
    pub index: u64,
    /// The checkpoint that covers it.
    pub checkpoint: Checkpoint,
}

/// Makes proofs of entries of the log in a directory, all under the checkpoint that stood when it was
/// opened.
#[derive(Debug)]
pub struct Prover {
    key: VerifierKey,
    checkpoint: Checkpoint,
    note: String,
    tiles: TileReader,
}

impl Prover {
    /// Reads the log's key and its signed checkpoint.
    ///
    /// # Errors
    /// The fault of a file.
    pub fn open(directory: &Path) -> Result<Self, Fault> {
        let key = verifier_key(directory, None)?;
        let (checkpoint, note) = signed_checkpoint(directory, &key)?;
        let tiles = TileReader::new(directory, checkpoint.size);
        Ok(Self { key, checkpoint, note, tiles })
    }

    /// The log's verifier key, as C2SP text.
    #[must_use]
    pub fn vkey(&self) -> String {
        self.key.to_string()
    }

    /// The number of entries that can be proved.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The proof of one entry, as C2SP tlog-proof text.
    ///
    /// # Errors
    /// [`Fault::NotSigned`] when the checkpoint does not cover the entry; the fault of a file.
    pub fn prove(&mut self, index: u64) -> Result<String, Fault> {
        let size = self.checkpoint.size;
        if index >= size {
            return Err(Fault::NotSigned { index, size });
        }
        let tiles = &mut self.tiles;
        let hashes = proof::inclusion(index, size, &mut |level, n| tiles.node(level, n))?;
        let mut text = format!("{FIRST_LINE}\nindex {index}\n");
        for hash in hashes {
            text.push_str(&STANDARD.encode(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.note);
        Ok(text)
    }
}

/// The proof of one entry of the log in a directory, as C2SP tlog-proof text.
///
/// # Errors
/// [`Fault::NotSigned`] when no checkpoint covers the entry yet; the fault of a file.
pub fn inclusion_proof(directory: &Path, index: u64) -> Result<String, Fault> {
    Prover::open(directory)?.prove(index)
}

/// The hashes that prove that the log in a directory begins with the tree of `earlier` entries.
/// Verified by [`verify_consistency`](crate::verify_consistency).
///
/// # Errors
/// [`Fault::RolledBack`] when the log is smaller; the fault of a file.
pub fn consistency_proof(directory: &Path, earlier: u64) -> Result<(Checkpoint, Vec<Hash>), Fault> {
    let key = verifier_key(directory, None)?;
    let (checkpoint, _) = signed_checkpoint(directory, &key)?;
    if earlier > checkpoint.size {
        return Err(Fault::RolledBack { size: checkpoint.size, earlier });
    }
    let mut tiles = TileReader::new(directory, checkpoint.size);
    let node = &mut |level, n| tiles.node(level, n);
    let hashes = proof::consistency(earlier, checkpoint.size, node)?;
    Ok((checkpoint, hashes))
}

/// Checks a proof's text against the entry and the log's verifier key.
///
/// # Errors
/// See [`ProofFault`].
pub fn verify_proof(text: &str, entry: &[u8], vkey: &str) -> Result<Proven, ProofFault> {
    let key: VerifierKey = vkey.trim().parse().map_err(|_| ProofFault::BadVerifierKey)?;
    if text.len() > NOTE_BYTES_MAX * 2 {
        return Err(ProofFault::Malformed);
    }
    let (head, note) = text.split_once("\n\n").ok_or(ProofFault::Malformed)?;
    let mut lines = head.split('\n').peekable();
    if lines.next() != Some(FIRST_LINE) {
        return Err(ProofFault::Malformed);
    }
    if let Some(extra) = lines.peek().and_then(|line| line.strip_prefix("extra ")) {
        // Extra data is not authenticated and not used; it must only be well-formed.
        STANDARD.decode(extra).map_err(|_| ProofFault::Malformed)?;
        lines.next();
    }
    let number = lines.next().and_then(|line| line.strip_prefix("index "));
    let number = number.ok_or(ProofFault::Malformed)?;
    let index: u64 = number.parse().map_err(|_| ProofFault::Malformed)?;
    if index.to_string() != number {
        return Err(ProofFault::Malformed);
    }
    let mut hashes: Vec<Hash> = Vec::new();
    for line in lines {
        let bytes = STANDARD.decode(line).map_err(|_| ProofFault::Malformed)?;
        hashes.push(bytes.try_into().map_err(|_| ProofFault::Malformed)?);
        if hashes.len() > PROOF_HASHES_MAX {
            return Err(ProofFault::Malformed);
        }
    }
    let checkpoint = Checkpoint::open(note.as_bytes(), &key).map_err(ProofFault::Checkpoint)?;
    verify_inclusion(index, checkpoint.size, &leaf_hash(entry), &hashes, &checkpoint.root)
        .map_err(ProofFault::Mismatch)?;
    Ok(Proven { index, checkpoint })
}

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
