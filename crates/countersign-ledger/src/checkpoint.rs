//! C2SP tlog-checkpoints: the signed statement that a log has so many entries and this root. A
//! checkpoint is only ever made from a tree whose tiles are on disk.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::hash::Hash;
use crate::keys::SigningKey;
use crate::note::{self, NoteError, VerifierKey};

/// A log's head as signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// The number of entries.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads a signed checkpoint: the key's signature must verify, and its name is the origin.
    ///
    /// # Errors
    /// What is wrong with the note, its signature or its text.
    pub fn open(note: &[u8], key: &VerifierKey) -> Result<Self, NoteError> {
        let checkpoint = Self::parse(note::open(note, key)?)?;
        if checkpoint.origin == key.name() { Ok(checkpoint) } else { Err(NoteError::OtherOrigin) }
    }

    /// The signed note.
    #[must_use]
    pub fn sign(&self, key: &SigningKey) -> String {
        note::sign(&self.text(), &self.origin, key)
    }

    fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    fn parse(text: &str) -> Result<Self, NoteError> {
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next())
        else {
            return Err(NoteError::NotCheckpoint);
        };
        let size = size.parse().map_err(|_| NoteError::NotCheckpoint)?;
        let root = STANDARD
            .decode(root)
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or(NoteError::NotCheckpoint)?;
        let parsed = Self { origin: origin.to_owned(), size, root };
        // Our logs write no extension lines, and each checkpoint has one spelling.
        if origin.is_empty() || parsed.text() != text {
            return Err(NoteError::NotCheckpoint);
        }
        Ok(parsed)
    }
}
