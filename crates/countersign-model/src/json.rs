//! Strict JSON for what a stranger sends, and the canonical text that digests are made over.
//!
//! [`parse`] takes only what every reader understands alike: RFC 8259 with the restrictions of
//! I-JSON (RFC 7493), and numbers that mean one thing. [`canonical`] writes RFC 8785. What was
//! authorised is what is sent, so a text that two parsers could read as two values never becomes
//! a value here. This module never guesses, repairs or replaces.

mod canonical;
mod members;
mod number;
mod parser;

use serde_json::Value;

pub use canonical::{canonical, canonical_into};
pub(crate) use members::Members;

/// How large a document may be in shape. Its bytes are the caller's to limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Arrays and objects within each other. More than [`DEPTH_CEILING`] counts as that.
    pub depth_max: usize,
    /// Members of all objects and elements of all arrays together.
    pub members_max: usize,
}

/// The deepest nesting that any [`Limits`] can allow: values of this depth can be walked and
/// dropped by recursion on a small stack.
pub const DEPTH_CEILING: usize = 128;

impl Default for Limits {
    fn default() -> Self {
        Self { depth_max: 64, members_max: 65_536 }
    }
}

/// Why a document was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Where, in bytes from the start of the document.
    pub offset: usize,
}

/// What is wrong with a document. Says nothing of its content but the name of a doubled member.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// Nothing, or nothing but white space.
    #[error("the document is empty")]
    Empty,
    /// RFC 8259, section 8.1.
    #[error("a byte order mark is not allowed")]
    ByteOrderMark,
    /// RFC 8259, section 8.1.
    #[error("the text is not valid UTF-8")]
    InvalidUtf8,
    /// The document ends in the middle of a value.
    #[error("the document ends too early")]
    UnexpectedEnd,
    /// Another byte than the grammar allows.
    #[error("expected {0}")]
    Expected(&'static str),
    /// Something stands behind the value.
    #[error("nothing may follow the document")]
    TrailingBytes,
    /// RFC 8259, section 7: control characters in strings must be escaped.
    #[error("a control character must be escaped")]
    ControlCharacter,
    /// An escape that RFC 8259, section 7, doesn't know.
    #[error("the escape is not valid")]
    BadEscape,
    /// RFC 7493, section 2.1.
    #[error("a surrogate stands alone")]
    LoneSurrogate,
    /// RFC 7493, section 2.1: U+FFFE, U+FDD0 and their like.
    #[error("the string holds a Unicode noncharacter")]
    Noncharacter,
    /// A number that RFC 8259, section 6, doesn't know, such as `01` or `1.`.
    #[error("the number is not valid")]
    BadNumber,
    /// Minus zero, which some readers keep and others don't.
    #[error("minus zero is ambiguous")]
    NegativeZero,
    /// RFC 7493, section 2.2: an integer that a double can't tell from its neighbours.
    #[error("the integer is beyond 9007199254740991, send it as a string")]
    IntegerTooLarge,
    /// RFC 7493, section 2.2: a double doesn't hold this number.
    #[error("the number has more digits or range than a double, send it as a string")]
    AmbiguousNumber,
    /// RFC 7493, section 2.3: the same name twice in an object, after escapes are decoded. The
    /// name is escaped and short.
    #[error("the member \"{0}\" stands twice in the object")]
    DuplicateMember(String),
    /// Beyond [`Limits::depth_max`].
    #[error("the document nests too deeply")]
    TooDeep,
    /// Beyond [`Limits::members_max`].
    #[error("the document has too many members")]
    TooManyMembers,
}

/// Reads one document, strictly.
///
/// A number becomes an integer when its *value* is one, however it was written (`100.0` and `1e2`
/// are `100`, as RFC 8785 writes them), else a double. Refused are minus zero, integers beyond
/// ±(2^53−1), and every number that differs from the shortest decimal of its own double. Doubles
/// of 1e21 and more, which RFC 8785 writes with an exponent, are taken if written with one.
///
/// # Errors
/// The first [`Fault`] in reading order; an encoding fault comes before all others.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Value, Fault> {
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        return Err(Fault { kind: FaultKind::ByteOrderMark, offset: 0 });
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Fault { kind: FaultKind::InvalidUtf8, offset: error.valid_up_to() })?;
    parser::document(text, limits)
}

#[cfg(test)]
mod tests;
