//! Why a body can't be masked, and the limits that make some of the reasons. Offsets count bytes of
//! the body from 0; no message holds a byte of it.

/// The body can't be masked, so it must not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unmaskable {
    /// Not JSON (RFC 8259), a byte order mark included.
    #[error("not json at byte {offset}")]
    NotJson {
        /// Where.
        offset: u64,
    },
    /// An escape of half a surrogate pair: no text that UTF-8 could say.
    #[error("lone surrogate escape at byte {offset}")]
    LoneSurrogate {
        /// Where.
        offset: u64,
    },
    /// Not UTF-8.
    #[error("invalid utf-8 at byte {offset}")]
    InvalidUtf8 {
        /// Where.
        offset: u64,
    },
    /// A text with a NUL byte: binary, or an encoding that would hide what is looked for.
    #[error("not text at byte {offset}")]
    NotText {
        /// Where.
        offset: u64,
    },
    /// The body ends in the middle, or is empty where a document must be.
    #[error("ends too early, at byte {offset}")]
    Truncated {
        /// Where.
        offset: u64,
    },
    /// Deeper than [`Limits::depth_max`].
    #[error("nested too deep at byte {offset}")]
    TooDeep {
        /// Where.
        offset: u64,
    },
    /// An object key longer than [`Limits::key_bytes_max`].
    #[error("object key too long at byte {offset}")]
    KeyTooLong {
        /// Where.
        offset: u64,
    },
    /// A value that must be seen whole and is longer than [`Limits::string_bytes_max`], a number
    /// longer than [`NUMBER_BYTES_MAX`], or a token longer than [`Limits::token_bytes_max`].
    #[error("value too long to mask at byte {offset}")]
    ValueTooLong {
        /// Where.
        offset: u64,
    },
    /// An event longer than [`Limits::event_bytes_max`].
    #[error("event too long to mask at byte {offset}")]
    EventTooLong {
        /// Where.
        offset: u64,
    },
    /// The plan names fields, and plain text has none.
    #[error("a field is to be masked in a body that has no fields")]
    FieldRuleOnText,
}

/// How much may be held back. What goes beyond is refused, never let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The deepest nesting of JSON.
    pub depth_max: usize,
    /// The longest object key, unescaped, in bytes.
    pub key_bytes_max: usize,
    /// The longest string, unescaped, in bytes, that may vanish as a whole because of something found
    /// in it. A longer string under `partial` is redacted; other strings of any length stream.
    pub string_bytes_max: usize,
    /// The longest JSON web token, in bytes.
    pub token_bytes_max: usize,
    /// The longest server-sent event, in bytes.
    pub event_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth_max: 128,
            key_bytes_max: 16 * 1024,
            string_bytes_max: 1024 * 1024,
            token_bytes_max: 64 * 1024,
            event_bytes_max: 4 * 1024 * 1024,
        }
    }
}

/// The longest JSON number, in bytes.
pub const NUMBER_BYTES_MAX: usize = 1024;

impl Unmaskable {
    /// The same, in a body of which this one is a part that begins at an offset.
    pub(crate) fn moved(self, by: u64) -> Self {
        match self {
            Self::NotJson { offset } => Self::NotJson { offset: offset + by },
            Self::LoneSurrogate { offset } => Self::LoneSurrogate { offset: offset + by },
            Self::InvalidUtf8 { offset } => Self::InvalidUtf8 { offset: offset + by },
            Self::NotText { offset } => Self::NotText { offset: offset + by },
            Self::Truncated { offset } => Self::Truncated { offset: offset + by },
            Self::TooDeep { offset } => Self::TooDeep { offset: offset + by },
            Self::KeyTooLong { offset } => Self::KeyTooLong { offset: offset + by },
            Self::ValueTooLong { offset } => Self::ValueTooLong { offset: offset + by },
            Self::EventTooLong { offset } => Self::EventTooLong { offset: offset + by },
            Self::FieldRuleOnText => Self::FieldRuleOnText,
        }
    }
}
