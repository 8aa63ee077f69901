//! C2SP signed notes and verifier keys: text with Ed25519 signatures below it. Nothing of a note is
//! believed before one known key has verified; this module never decides which key is known.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::str::FromStr;

use crate::hash::sha256_of;
use crate::keys::{KEY_BYTES, SigningKey};

/// Bytes of a note at most.
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
/// Signature lines of a note at most. The format asks for at least 16.
pub const NOTE_SIGNATURES_MAX: usize = 64;

/// Why a note, a checkpoint or a verifier key is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// More than [`NOTE_BYTES_MAX`] bytes or [`NOTE_SIGNATURES_MAX`] signatures.
    #[error("the note is too large")]
    TooLarge,
    /// Not UTF-8, or with control characters.
    #[error("the note is not plain text")]
    NotText,
    /// Not the format of a signed note.
    #[error("the note is not a well-formed signed note")]
    Malformed,
    /// Not the format of a verifier key, or its id does not belong to its key.
    #[error("the verifier key is not a well-formed Ed25519 key with its own id")]
    BadVerifierKey,
    /// No signature of the known key.
    #[error("the note is not signed by the expected key")]
    UnknownKey,
    /// The known key's signature does not verify.
    #[error("the note's signature does not verify")]
    BadSignature,
    /// The text is not origin, size and root.
    #[error("the note's text is not a checkpoint")]
    NotCheckpoint,
    /// The checkpoint is one of another log.
    #[error("the checkpoint belongs to another log")]
    OtherOrigin,
}

/// A C2SP verifier key (`name+id+base64`) for Ed25519.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    public: [u8; KEY_BYTES],
}

impl VerifierKey {
    pub(crate) fn ed25519(name: &str, public: [u8; KEY_BYTES]) -> Self {
        let hash = sha256_of(&[name.as_bytes(), b"\n", &[TYPE_ED25519], &public]);
        let [a, b, c, d, ..] = hash;
        Self { name: name.to_owned(), id: [a, b, c, d], public }
    }

    /// The key's name, which for a log is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn verify(&self, text: &str, signature: &[u8]) -> Result<(), NoteError> {
        UnparsedPublicKey::new(&ED25519, self.public)
            .verify(text.as_bytes(), signature)
            .map_err(|_| NoteError::BadSignature)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id);
        let key = STANDARD.encode([[TYPE_ED25519].as_slice(), &self.public].concat());
        write!(formatter, "{}+{id:08x}+{key}", self.name)
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::BadVerifierKey);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteError::BadVerifierKey)?;
        let Some((&TYPE_ED25519, public)) = bytes.split_first() else {
            return Err(NoteError::BadVerifierKey);
        };
        let public = public.try_into().map_err(|_| NoteError::BadVerifierKey)?;
        let parsed = Self::ed25519(name, public);
        // One text per key: a wrong id, upper-case hex or odd base64 is refused by writing it anew.
        if !is_name(name) || parsed.to_string() != text {
            return Err(NoteError::BadVerifierKey);
        }
        Ok(parsed)
    }
}

/// Whether a text can be the name of a key: not empty, no white space, no plus, no control.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// Signs a text, which ends in a newline, as a note with one signature.
pub(crate) fn sign(text: &str, name: &str, key: &SigningKey) -> String {
    let id = key.verifier_key(name).id;
    let signature = STANDARD.encode([id.as_slice(), &key.sign(text.as_bytes())].concat());
    format!("{text}\n— {name} {signature}\n")
}

/// The text of a note that the key has signed.
pub(crate) fn open<'a>(note: &'a [u8], key: &VerifierKey) -> Result<&'a str, NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::TooLarge);
    }
    let note = std::str::from_utf8(note).map_err(|_| NoteError::NotText)?;
    if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
        return Err(NoteError::NotText);
    }
    let blank = note.rfind("\n\n").ok_or(NoteError::Malformed)?;
    let (text, rest) = note.split_at_checked(blank + 1).ok_or(NoteError::Malformed)?;
    let signatures = rest
        .strip_prefix('\n')
        .and_then(|rest| rest.strip_suffix('\n'))
        .ok_or(NoteError::Malformed)?;
    let mut outcome = Err(NoteError::UnknownKey);
    for (count, line) in signatures.split('\n').enumerate() {
        if count >= NOTE_SIGNATURES_MAX {
            return Err(NoteError::TooLarge);
        }
        let (name, encoded) = line
            .strip_prefix("— ")
            .and_then(|line| line.split_once(' '))
            .ok_or(NoteError::Malformed)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| NoteError::Malformed)?;
        let (id, signature) = bytes.split_first_chunk::<4>().ok_or(NoteError::Malformed)?;
        if name == key.name && *id == key.id {
            key.verify(text, signature)?;
            outcome = Ok(text);
        }
    }
    outcome
}

/// The signature type byte of Ed25519 in C2SP signed notes.
const TYPE_ED25519: u8 = 1;

#[cfg(test)]
mod tests;
