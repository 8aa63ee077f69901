//! How a value is masked, and what then stands in its place. It never keeps a value.

use std::fmt;
use std::str::FromStr;

use crate::bytes::{escape_json, span, tail, wide};
use crate::detect::{Detector, email};
use crate::hash::HashKey;

/// How a value is masked. The order is that of strictness: where two rules meet, the greater wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// A hint stays: `a***@example.org`, `************1111`.
    Partial,
    /// A keyed hash stays: equal values stay equal.
    Hash,
    /// A fixed text or neutral value stays.
    Redact,
    /// `null` stays.
    Null,
    /// Nothing stays: the member or element is gone.
    Drop,
}

impl How {
    /// Every way, from the mildest to the strictest.
    pub const ALL: [Self; 5] = [Self::Partial, Self::Hash, Self::Redact, Self::Null, Self::Drop];

    /// The name in the catalog.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Hash => "hash",
            Self::Redact => "redact",
            Self::Null => "null",
            Self::Drop => "drop",
        }
    }
}

impl fmt::Display for How {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for How {
    type Err = UnknownHow;

    fn from_str(name: &str) -> Result<Self, UnknownHow> {
        Self::ALL.into_iter().find(|how| how.name() == name).ok_or(UnknownHow)
    }
}

/// The name is not one of [`How::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a way to mask: known are partial, hash, redact, null and drop")]
pub struct UnknownHow;

/// What stands in place of a redacted string or match.
pub const REDACTED: &str = "[redacted]";

/// Where a replacement is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escaping {
    /// Into the inside of a JSON string.
    Json,
    /// Into plain text.
    None,
}

/// Writes what stands in place of `text`. Null and drop leave nothing in a text; the JSON scanner
/// knows better places for them and never asks.
pub(crate) fn replace(
    how: How,
    shape: Option<Detector>,
    text: &[u8],
    key: &HashKey,
    (escaping, out): (Escaping, &mut Vec<u8>),
) {
    match how {
        How::Redact => out.extend_from_slice(REDACTED.as_bytes()),
        How::Hash => out.extend_from_slice(key.hash(text).as_bytes()),
        How::Null | How::Drop => {}
        How::Partial => {
            let hint = hint(shape, text);
            match escaping {
                Escaping::Json => escape_json(&hint, out),
                Escaping::None => out.extend_from_slice(&hint),
            }
        }
    }
}

/// What a field of unknown kind looks like: an e-mail address has a hint of its own.
pub(crate) fn shape_of(text: &[u8]) -> Option<Detector> {
    email::is_whole(text).then_some(Detector::Email)
}

/// A hint that never shows more than a third of what it hides, an e-mail's domain excepted. A number
/// loses its separators, so that all ways of writing it have one hint.
fn hint(shape: Option<Detector>, text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    if shape == Some(Detector::Email)
        && let Some(at) = memchr::memrchr(b'@', text)
    {
        let local = span(text, 0, at);
        if characters(local) >= 3 {
            let first = local.iter().skip(1).take_while(|byte| is_continuation(**byte)).count() + 1;
            out.extend_from_slice(span(local, 0, first));
        }
        out.extend_from_slice(b"***");
        out.extend_from_slice(tail(text, at));
        return out;
    }
    let bare: Vec<u8>;
    let text = if is_number(text) {
        bare = text.iter().copied().filter(|byte| !SEPARATORS.contains(byte)).collect();
        &bare
    } else {
        text
    };
    let count = characters(text);
    let shown = if count < 4 { 0 } else { (count / 3).min(SHOWN_MAX) };
    let mut start = text.len();
    for _ in 0..shown {
        start -= 1;
        while start > 0 && text.get(start).is_some_and(|byte| is_continuation(*byte)) {
            start -= 1;
        }
    }
    let stars = usize::try_from((count - shown).min(STARS_MAX)).unwrap_or(0);
    out.resize(stars, b'*');
    out.extend_from_slice(tail(text, start));
    out
}

fn characters(text: &[u8]) -> u64 {
    wide(text.iter().filter(|byte| !is_continuation(**byte)).count())
}

/// Whether a text is written with more digits than anything else but separators: a phone, card or
/// account number, an address on a network, a date.
fn is_number(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    let separators = text.iter().filter(|byte| SEPARATORS.contains(byte)).count();
    digits > text.len() - digits - separators
}

fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

/// What stands between the groups of a number, or before it.
const SEPARATORS: &[u8] = b" +-./()";
/// The most characters that a hint shows at the end.
const SHOWN_MAX: u64 = 4;
/// The most asterisks in a hint: a longer value does not tell its length.
const STARS_MAX: u64 = 32;

#[cfg(test)]
mod tests;
