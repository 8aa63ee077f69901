//! Reads the path and the query of a request target strictly: each escape is decoded once, and
//! whatever two servers could read as two different paths is refused.
//!
//! The function is found by the decoded segments, and a target may normalise, merge or decode a
//! path in ways of its own. So a path passes only if every such reading gives the same segments.
//! Nothing is repaired here: no slash is merged, no dot segment resolved, nothing decoded twice.

use countersign_model::catalog::template::{PATH_BYTES_MAX, SEGMENTS_MAX, looks_encoded};
use std::{borrow::Cow, fmt};

/// The longest query or form, in bytes as sent.
pub(crate) const PAIRS_BYTES_MAX: usize = 16 * 1024;

/// The most pairs in a query or form.
const PAIRS_MAX: usize = 256;

/// What pairs of names and values come in. A form is written as a query is, and has its limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairs {
    Query,
    Form,
}

impl fmt::Display for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Query => "query",
            Self::Form => "form",
        })
    }
}

/// Why a path or query was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// The first character is no slash.
    #[error("the path must begin with a slash")]
    NotAbsolute,
    /// More than [`PATH_BYTES_MAX`] bytes.
    #[error("the path is longer than {PATH_BYTES_MAX} bytes")]
    PathTooLong,
    /// More than [`SEGMENTS_MAX`] segments.
    #[error("the path has more than {SEGMENTS_MAX} segments")]
    TooManySegments,
    /// `//`, which some servers merge.
    #[error("the path has an empty segment, which some servers drop")]
    EmptySegment,
    /// `.` or `..`, raw or encoded.
    #[error("the path has a `.` or `..` segment, which means another path")]
    DotSegment,
    /// `%2f`: a slash that some servers split at.
    #[error("the path has an encoded slash, which some servers take for a separator")]
    EncodedSlash,
    /// `\`, which some servers take for a slash.
    #[error("the path has a backslash, which some servers take for a slash")]
    Backslash,
    /// `%5c`, the same, encoded.
    #[error("the path has an encoded backslash, which some servers take for a slash")]
    EncodedBackslash,
    /// `;`, raw or encoded, from which on some servers ignore a segment.
    #[error("the path has a semicolon, from which on some servers ignore a segment")]
    PathParameter,
    /// Decoded once, it still looks encoded.
    #[error("the path is encoded twice, and would change if a server decoded it again")]
    EncodedTwice,
    /// A character that must be percent-encoded in a path (RFC 3986, section 3.3).
    #[error("the path has a character that must be percent-encoded")]
    NotEncoded,
    /// `%` without two hex digits.
    #[error("a percent sign is not followed by two hex digits")]
    InvalidEscape,
    /// Decoded bytes that are no UTF-8.
    #[error("the decoded bytes are not valid UTF-8")]
    InvalidUtf8,
    /// A control character, raw or encoded.
    #[error("control characters are not allowed, encoded or not")]
    ControlCharacter,
    /// A byte beyond ASCII that isn't encoded.
    #[error("bytes beyond ASCII must be percent-encoded")]
    NotAscii,
    /// `#`, which never belongs into a request.
    #[error("a fragment is not part of a request")]
    Fragment,
    /// More than [`PAIRS_BYTES_MAX`] bytes.
    #[error("the {0} is longer than {PAIRS_BYTES_MAX} bytes")]
    TooLong(Pairs),
    /// More than [`PAIRS_MAX`] pairs.
    #[error("the {0} has more than {PAIRS_MAX} names")]
    TooMany(Pairs),
    /// `;`, which some servers take for `&`.
    #[error("the {0} has a semicolon, which some servers take for a separator; encode it")]
    Semicolon(Pairs),
    /// A value without a name, or nothing between two separators.
    #[error("the {0} has a value without a name")]
    EmptyName(Pairs),
}

/// The decoded segments of a path. None is empty, `.`, `..`, or has a slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segments<'a> {
    /// Decoded, with slashes between segments and none around them.
    text: Cow<'a, str>,
    /// Where each segment ends in `text`.
    ends: [u16; SEGMENTS_MAX],
    count: usize,
    ending: Ending,
}

/// How a path ends. `/a/` is another path than `/a`, and the root is [`Ending::Plain`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// With its last segment.
    Plain,
    /// With a slash behind it.
    Slash,
}

impl Segments<'_> {
    /// How the path ends.
    pub(crate) fn ending(&self) -> Ending {
        self.ending
    }

    /// The segment at a place, from 0.
    pub(crate) fn at(&self, place: usize) -> Option<&str> {
        let end = self.ends.get(..self.count)?.get(place)?;
        self.text.get(self.start(place)?..usize::from(*end))
    }

    /// This segment and all behind it, with the slashes between them.
    pub(crate) fn from(&self, place: usize) -> Option<&str> {
        if place >= self.count {
            return None;
        }
        self.text.get(self.start(place)?..)
    }

    fn start(&self, place: usize) -> Option<usize> {
        match place.checked_sub(1) {
            None => Some(0),
            Some(before) => Some(usize::from(*self.ends.get(before)?) + 1),
        }
    }
}

/// Splits a request target's path, without its query, into decoded segments.
///
/// # Errors
/// [`Refused`] if two servers could read the path differently, or it is beyond a limit.
pub(crate) fn split(raw_path: &str) -> Result<Segments<'_>, Refused> {
    if raw_path.len() > PATH_BYTES_MAX {
        return Err(Refused::PathTooLong);
    }
    let inside = raw_path.strip_prefix('/').ok_or(Refused::NotAbsolute)?;
    if let Some(refused) = inside.bytes().find_map(refused_in_path) {
        return Err(refused);
    }
    let mut text = Cow::Borrowed(inside);
    if inside.contains('%') {
        let decoded = decode(inside, refused_escape_in_path)?;
        if looks_encoded(&decoded) {
            return Err(Refused::EncodedTwice);
        }
        text = Cow::Owned(decoded);
    }
    let mut segments = Segments { text, ends: [0; SEGMENTS_MAX], count: 0, ending: Ending::Plain };
    if segments.text.is_empty() {
        return Ok(segments);
    }
    if segments.text.ends_with('/') {
        segments.ending = Ending::Slash;
        match &mut segments.text {
            Cow::Borrowed(text) => *text = text.strip_suffix('/').unwrap_or(text),
            Cow::Owned(text) => drop(text.pop()),
        }
    }
    let mut end = 0;
    for segment in segments.text.split('/') {
        match segment {
            "" => return Err(Refused::EmptySegment),
            "." | ".." => return Err(Refused::DotSegment),
            _ => {}
        }
        end += segment.len();
        let slot = segments.ends.get_mut(segments.count).ok_or(Refused::TooManySegments)?;
        *slot = u16::try_from(end).map_err(|_| Refused::PathTooLong)?;
        segments.count += 1;
        end += 1;
    }
    Ok(segments)
}

/// Decodes a query, without its question mark, as `application/x-www-form-urlencoded`: pairs in
/// their order, duplicates kept. A name without `=` has an empty value.
///
/// # Errors
/// [`Refused`] if two servers could read the query differently, or it is beyond a limit.
pub(crate) fn query(raw: &str) -> Result<Vec<(String, String)>, Refused> {
    pairs(raw, Pairs::Query, PAIRS_BYTES_MAX)
}

/// Decodes a body of that type, as [`query`] does.
///
/// # Errors
/// [`Refused`], as there.
pub(crate) fn form(raw: &str) -> Result<Vec<(String, String)>, Refused> {
    pairs(raw, Pairs::Form, PAIRS_BYTES_MAX)
}

/// Decodes a form whose length was limited before, as [`query`] does.
///
/// # Errors
/// [`Refused`], as there.
pub(crate) fn form_within(raw: &str, bytes_max: usize) -> Result<Vec<(String, String)>, Refused> {
    pairs(raw, Pairs::Form, bytes_max)
}

fn pairs(raw: &str, of: Pairs, bytes_max: usize) -> Result<Vec<(String, String)>, Refused> {
    if raw.len() > bytes_max {
        return Err(Refused::TooLong(of));
    }
    if let Some(refused) = raw.bytes().find_map(|byte| refused_in_pairs(byte, of)) {
        return Err(refused);
    }
    if raw.is_empty() {
        return Ok(Vec::new());
    }
    let mut pairs = Vec::new();
    for pair in raw.split('&') {
        if pairs.len() == PAIRS_MAX {
            return Err(Refused::TooMany(of));
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name.is_empty() {
            return Err(Refused::EmptyName(of));
        }
        pairs.push((decode_form(name)?, decode_form(value)?));
    }
    Ok(pairs)
}

fn decode_form(raw: &str) -> Result<String, Refused> {
    let refused = |byte: u8| byte.is_ascii_control().then_some(Refused::ControlCharacter);
    if raw.contains('+') {
        return decode(&raw.replace('+', " "), refused);
    }
    decode(raw, refused)
}

/// Decodes each escape once, unless the byte that it stands for is refused.
fn decode(raw: &str, refused: impl Fn(u8) -> Option<Refused>) -> Result<String, Refused> {
    let mut parts = raw.split('%').map(str::as_bytes);
    let mut decoded = Vec::with_capacity(raw.len());
    decoded.extend_from_slice(parts.next().unwrap_or_default());
    for part in parts {
        let ([high, low], plain) = part.split_first_chunk().ok_or(Refused::InvalidEscape)?;
        let byte = hex(*high)? << 4 | hex(*low)?;
        if let Some(refused) = refused(byte) {
            return Err(refused);
        }
        decoded.push(byte);
        decoded.extend_from_slice(plain);
    }
    let text = String::from_utf8(decoded).map_err(|_| Refused::InvalidUtf8)?;
    // U+0080 to U+009F: control characters too, which no single byte shows.
    if !text.is_ascii() && text.chars().any(char::is_control) {
        return Err(Refused::ControlCharacter);
    }
    Ok(text)
}

fn hex(digit: u8) -> Result<u8, Refused> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(Refused::InvalidEscape),
    }
}

/// RFC 3986, section 3.3: `pchar` and the slash, less the semicolon.
fn refused_in_path(byte: u8) -> Option<Refused> {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => None,
        b'/' | b'%' | b'-' | b'.' | b'_' | b'~' | b':' | b'@' => None,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' => None,
        b';' => Some(Refused::PathParameter),
        b'\\' => Some(Refused::Backslash),
        b'#' => Some(Refused::Fragment),
        0..=0x1F | 0x7F => Some(Refused::ControlCharacter),
        0x80.. => Some(Refused::NotAscii),
        _ => Some(Refused::NotEncoded),
    }
}

fn refused_escape_in_path(byte: u8) -> Option<Refused> {
    match byte {
        b'/' => Some(Refused::EncodedSlash),
        b'\\' => Some(Refused::EncodedBackslash),
        b';' => Some(Refused::PathParameter),
        0..=0x1F | 0x7F => Some(Refused::ControlCharacter),
        _ => None,
    }
}

/// Laxer than RFC 3986, section 3.4: callers send brackets and braces unencoded, and they mean
/// nothing else to anybody.
fn refused_in_pairs(byte: u8, of: Pairs) -> Option<Refused> {
    match byte {
        b';' => Some(Refused::Semicolon(of)),
        b'#' => Some(Refused::Fragment),
        b' ' => Some(Refused::NotEncoded),
        0..=0x1F | 0x7F => Some(Refused::ControlCharacter),
        0x80.. => Some(Refused::NotAscii),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
