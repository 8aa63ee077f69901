//! Field paths: the part of RFC 9535 (`JSONPath`) that can be matched while bytes stream by,
//! without looking back: `$`, `.name`, `['name']`, `.*`, `[*]`, `[n]`, and `..` before any of
//! them. Filters, slices, unions and negative indexes are refused with their position.

use std::fmt;
use std::str::FromStr;

/// A path from the root of a JSON document to the fields that a rule is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldPath {
    source: Box<str>,
    segments: Vec<Segment>,
}

/// One step of a path (RFC 9535 section 1.4.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// The children of the value that the selector names.
    Child(Selector),
    /// The same at any depth below the value: `..name`.
    Descendant(Selector),
}

/// Which children a step selects.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// The members with this name, after unescaping.
    Name(Box<str>),
    /// Every member and every element.
    Wildcard,
    /// The element at this position, from 0.
    Index(u64),
}

/// Why a text is not a field path. `position` counts characters from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a field path: {fault} at position {position}")]
pub struct PathError {
    /// Where in the text, in characters from 0.
    pub position: usize,
    /// What is wrong there.
    pub fault: PathFault,
}

/// What is wrong in a field path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathFault {
    /// A path starts with `$`.
    #[error("a path starts with $")]
    NoRoot,
    /// `.` or `..` without a name or `*` behind it.
    #[error("a name or * is expected")]
    NoName,
    /// Something other than `.` or `[` after a step.
    #[error(". or [ is expected")]
    NoStep,
    /// `[` without a selector that is known.
    #[error("a quoted name, an index or * is expected")]
    NoSelector,
    /// A bracket is not closed.
    #[error("] is expected")]
    NotClosed,
    /// A quoted name is not closed, or has an escape that RFC 9535 does not know.
    #[error("a quoted name is broken")]
    BadName,
    /// `[?…]`.
    #[error("filters are not supported")]
    Filter,
    /// `[1:2]`.
    #[error("slices are not supported")]
    Slice,
    /// `[1,2]`.
    #[error("several selectors in one bracket are not supported")]
    Union,
    /// `[-1]`.
    #[error("negative indexes are not supported")]
    NegativeIndex,
    /// An index with a leading zero, or beyond 2^53 - 1 (RFC 9535 section 2.1).
    #[error("the index is not a number from 0 to 9007199254740991")]
    BadIndex,
    /// More than [`PATH_SEGMENTS_MAX`] steps.
    #[error("the path has too many steps")]
    TooLong,
}

/// The most steps that a path may have.
pub const PATH_SEGMENTS_MAX: usize = 64;

const INDEX_MAX: u64 = (1 << 53) - 1;

impl FieldPath {
    /// Reads a path.
    ///
    /// # Errors
    /// The first thing that is wrong or not supported, with its position.
    pub fn parse(source: &str) -> Result<Self, PathError> {
        let mut reader = Reader { chars: source.chars().collect(), position: 0 };
        if reader.next() != Some('$') {
            return Err(PathError { position: 0, fault: PathFault::NoRoot });
        }
        let mut segments = Vec::new();
        while reader.peek().is_some() {
            if segments.len() == PATH_SEGMENTS_MAX {
                return Err(reader.fault(PathFault::TooLong));
            }
            segments.push(reader.segment()?);
        }
        Ok(Self { source: source.into(), segments })
    }

    /// The steps, from the root.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The path as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }
}

impl FromStr for FieldPath {
    type Err = PathError;

    fn from_str(source: &str) -> Result<Self, PathError> {
        Self::parse(source)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.source)
    }
}

struct Reader {
    chars: Vec<char>,
    position: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.position).copied()
    }

    fn next(&mut self) -> Option<char> {
        let char = self.peek()?;
        self.position += 1;
        Some(char)
    }

    fn take(&mut self, expected: char) -> bool {
        let found = self.peek() == Some(expected);
        if found {
            self.position += 1;
        }
        found
    }

    fn fault(&self, fault: PathFault) -> PathError {
        PathError { position: self.position, fault }
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.position += 1;
        }
    }

    fn segment(&mut self) -> Result<Segment, PathError> {
        if self.take('[') {
            return Ok(Segment::Child(self.bracket()?));
        }
        if !self.take('.') {
            return Err(self.fault(PathFault::NoStep));
        }
        if !self.take('.') {
            return Ok(Segment::Child(self.shorthand()?));
        }
        let selector = if self.take('[') { self.bracket()? } else { self.shorthand()? };
        Ok(Segment::Descendant(selector))
    }

    fn shorthand(&mut self) -> Result<Selector, PathError> {
        if self.take('*') {
            return Ok(Selector::Wildcard);
        }
        let mut name = String::new();
        while let Some(char) = self.peek() {
            let first = char.is_ascii_alphabetic() || char == '_' || !char.is_ascii();
            if !(first || (char.is_ascii_digit() && !name.is_empty())) {
                break;
            }
            name.push(char);
            self.position += 1;
        }
        if name.is_empty() {
            return Err(self.fault(PathFault::NoName));
        }
        Ok(Selector::Name(name.into()))
    }

    fn bracket(&mut self) -> Result<Selector, PathError> {
        self.blanks();
        let selector = match self.peek() {
            Some('*') => {
                self.position += 1;
                Selector::Wildcard
            }
            Some(quote @ ('\'' | '"')) => {
                self.position += 1;
                Selector::Name(self.quoted(quote)?.into())
            }
            Some('0'..='9') => Selector::Index(self.index()?),
            Some('-') => return Err(self.fault(PathFault::NegativeIndex)),
            Some('?') => return Err(self.fault(PathFault::Filter)),
            Some(':') => return Err(self.fault(PathFault::Slice)),
            Some(_) | None => return Err(self.fault(PathFault::NoSelector)),
        };
        self.blanks();
        match self.peek() {
            Some(']') => {
                self.position += 1;
                Ok(selector)
            }
            Some(',') => Err(self.fault(PathFault::Union)),
            Some(':') => Err(self.fault(PathFault::Slice)),
            Some(_) | None => Err(self.fault(PathFault::NotClosed)),
        }
    }

    fn index(&mut self) -> Result<u64, PathError> {
        let start = self.position;
        let bad = PathError { position: start, fault: PathFault::BadIndex };
        let mut digits = String::new();
        while let Some(char) = self.peek().filter(char::is_ascii_digit) {
            digits.push(char);
            self.position += 1;
        }
        if digits.len() > 1 && digits.starts_with('0') {
            return Err(bad);
        }
        digits.parse().ok().filter(|index| *index <= INDEX_MAX).ok_or(bad)
    }

    fn quoted(&mut self, quote: char) -> Result<String, PathError> {
        let mut name = String::new();
        loop {
            let broken = self.fault(PathFault::BadName);
            match self.next() {
                None => return Err(broken),
                Some(char) if char == quote => return Ok(name),
                Some('\\') => name.push(self.escape(quote).ok_or(broken)?),
                Some(char) if char < ' ' => return Err(broken),
                Some(char) => name.push(char),
            }
        }
    }

    fn escape(&mut self, quote: char) -> Option<char> {
        let char = self.next()?;
        Some(match char {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '/' | '\\' => char,
            'u' => {
                let high = self.hex()?;
                if !(0xd800..0xdc00).contains(&high) {
                    return char::from_u32(high);
                }
                let low = (self.take('\\') && self.take('u')).then(|| self.hex())??;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                return char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low);
            }
            char if char == quote => char,
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let mut value = 0;
        for _ in 0..4 {
            value = value * 16 + self.next()?.to_digit(16)?;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests;
