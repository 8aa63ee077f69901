//! Path templates: where a function lives below its target's URL, such as
//! `/v1/customers/{customer}/invoices/{invoice}`.
//!
//! A template only says what a path looks like and builds paths from values. It never matches: the
//! gateway's router does, on paths that were split strictly. What [`PathTemplate::fill`] builds is
//! always one that the strict splitter takes, with as many segments as the template means. It can
//! still spell *another* function's path (the value `search` where `/v1/search` has a function of
//! its own), so whoever fills a template finds the result's function again before it is sent.

use std::{fmt, str::FromStr};

/// The longest path that is matched or built, in bytes as sent.
pub const PATH_BYTES_MAX: usize = 8 * 1024;

/// The most segments that a path may have.
pub const SEGMENTS_MAX: usize = 64;

/// A path with variables. Each is a whole segment, but for a verb that may follow it behind a
/// colon (`/v1/jobs/{job}:cancel`); the last may stand for the rest of the path (`/files/{path*}`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PathTemplate {
    source: std::sync::Arc<str>,
    segments: Box<[Segment]>,
}

/// What stands between two slashes of a template.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Segment {
    /// Exactly this text, decoded.
    Literal(Box<str>),
    /// Any one segment, which becomes the variable's value.
    Variable(Box<str>),
    /// A segment that ends in a colon and this verb; what stands before is the variable's value.
    Verb {
        /// The variable's name.
        variable: Box<str>,
        /// What stands behind the last colon: letters, digits, `-`, `_`.
        verb: Box<str>,
    },
    /// One segment or more, to the end of the path; the value keeps the slashes between them.
    Rest(Box<str>),
}

impl Segment {
    /// The name of the variable, unless it is a literal.
    pub fn variable(&self) -> Option<&str> {
        match self {
            Self::Literal(_) => None,
            Self::Variable(name) | Self::Rest(name) | Self::Verb { variable: name, .. } => {
                Some(name)
            }
        }
    }
}

/// A text that is no path template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault} (at character {position} of the path)")]
pub struct BadTemplate {
    /// What is wrong.
    pub fault: TemplateFault,
    /// Where the wrong segment begins, in characters from 1.
    pub position: usize,
}

/// What is wrong with a path template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    /// The first character is no slash.
    #[error("a path begins with a slash")]
    NoSlash,
    /// Two slashes in a row, or one at the end.
    #[error("a segment is empty; a path has no double slash and none at its end")]
    EmptySegment,
    /// `.` or `..`.
    #[error("`.` and `..` are no segments of a path")]
    DotSegment,
    /// A character that a literal can't have.
    #[error("`{}` can't stand in a path; write other characters decoded, none encoded", .0.escape_default())]
    Character(char),
    /// A brace that isn't at the segment's start or has no partner.
    #[error(
        "a variable is a whole segment: `{{name}}`, `{{name}}:verb`, or `{{name*}}` at the end"
    )]
    Braces,
    /// A name that is none.
    #[error("a variable's name is a letter or underscore, then letters, digits and underscores")]
    Name,
    /// What follows a variable isn't a colon and a verb.
    #[error("only a colon and a verb of letters, digits, `-` and `_` may follow a variable")]
    Verb,
    /// `{rest*}` with something behind it.
    #[error("a variable for the rest of the path stands at its end")]
    RestNotLast,
    /// A variable's name stands twice.
    #[error("the variable `{0}` stands twice")]
    Duplicate(String),
    /// More than [`SEGMENTS_MAX`] segments.
    #[error("a path has at most {SEGMENTS_MAX} segments")]
    TooManySegments,
    /// More than [`PATH_BYTES_MAX`] bytes.
    #[error("a path has at most {PATH_BYTES_MAX} bytes")]
    TooLong,
}

/// Why values make no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MissingVariable {
    /// There is no value for it.
    #[error("the path needs a value for `{0}`")]
    Absent(String),
    /// An empty value, or an empty part between the slashes of a rest's value.
    #[error("the value of `{0}` is empty, or has an empty part, and a path has no empty segments")]
    Empty(String),
    /// The value, or a part of a rest's value, is `.` or `..`.
    #[error("the value of `{0}` is `.` or `..`, which mean another path")]
    DotSegment(String),
    /// The value has a character that servers read as structure.
    #[error("the value of `{0}` has a slash, backslash, semicolon or control character")]
    Character(String),
    /// The value looks encoded, and would be taken for its decoded form by who decodes twice.
    #[error("the value of `{0}` has a percent sign and two hex digits, as if it were encoded")]
    Encoded(String),
    /// The path would be beyond [`PATH_BYTES_MAX`] or [`SEGMENTS_MAX`].
    #[error("with the value of `{0}` the path is too long")]
    TooLong(String),
}

impl PathTemplate {
    /// The template as it was written.
    pub fn source(&self) -> &std::sync::Arc<str> {
        &self.source
    }

    /// Reads a template.
    ///
    /// # Errors
    /// [`BadTemplate`] with the first thing that is wrong, and where.
    pub fn parse(source: &str) -> Result<Self, BadTemplate> {
        let at = |fault, position| BadTemplate { fault, position };
        let path = source.strip_prefix('/').ok_or_else(|| at(TemplateFault::NoSlash, 1))?;
        if source.len() > PATH_BYTES_MAX {
            return Err(at(TemplateFault::TooLong, 1));
        }
        let mut segments: Vec<Segment> = Vec::new();
        let mut position = 2;
        for text in path.split('/').filter(|_| !path.is_empty()) {
            let fault = |fault| at(fault, position);
            if segments.len() == SEGMENTS_MAX {
                return Err(fault(TemplateFault::TooManySegments));
            }
            if let Some(Segment::Rest(_)) = segments.last() {
                return Err(fault(TemplateFault::RestNotLast));
            }
            let segment = read_segment(text).map_err(fault)?;
            if let Some(name) = segment.variable()
                && segments.iter().any(|it| it.variable() == Some(name))
            {
                return Err(fault(TemplateFault::Duplicate(name.to_owned())));
            }
            segments.push(segment);
            position += text.chars().count() + 1;
        }
        Ok(Self { source: source.into(), segments: segments.into() })
    }

    /// What stands between the slashes; empty for the root path `/`.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of the variables, in the path's order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(Segment::variable)
    }

    /// The template without its variables' names (`/v1/customers/{}`): two templates with the
    /// same shape can't be told apart.
    pub fn shape(&self) -> String {
        let mut shape = String::with_capacity(self.source.len());
        for segment in &self.segments {
            shape.push('/');
            match segment {
                Segment::Literal(text) => shape.push_str(text),
                Segment::Variable(_) => shape.push_str("{}"),
                Segment::Verb { verb, .. } => {
                    shape.push_str("{}:");
                    shape.push_str(verb);
                }
                Segment::Rest(_) => shape.push_str("{*}"),
            }
        }
        if shape.is_empty() {
            shape.push('/');
        }
        shape
    }

    /// Builds the path for values, each percent-encoded so that it stays within its segment.
    ///
    /// # Errors
    /// [`MissingVariable`] for the first variable without a value, or whose value can't stand in a
    /// path without meaning something else to some server.
    pub fn fill(
        &self,
        mut value_of: impl FnMut(&str) -> Option<String>,
    ) -> Result<String, MissingVariable> {
        let mut path = String::with_capacity(self.source.len() + 32);
        let mut count = self.segments.len();
        let mut value = |name: &str| value_of(name).ok_or(MissingVariable::Absent(name.into()));
        for segment in &self.segments {
            path.push('/');
            match segment {
                Segment::Literal(text) => encode(text, &mut path),
                Segment::Variable(name) => fill_part(name, &value(name)?, &mut path)?,
                Segment::Verb { variable, verb } => {
                    fill_part(variable, &value(variable)?, &mut path)?;
                    path.push(':');
                    path.push_str(verb);
                }
                Segment::Rest(name) => {
                    for (place, part) in value(name)?.split('/').enumerate() {
                        if place > 0 {
                            path.push('/');
                            count += 1;
                        }
                        fill_part(name, part, &mut path)?;
                    }
                }
            }
            if path.len() > PATH_BYTES_MAX || count > SEGMENTS_MAX {
                let name = segment.variable().unwrap_or_default();
                return Err(MissingVariable::TooLong(name.to_owned()));
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        Ok(path)
    }
}

impl fmt::Display for PathTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

impl FromStr for PathTemplate {
    type Err = BadTemplate;

    fn from_str(source: &str) -> Result<Self, Self::Err> {
        Self::parse(source)
    }
}

fn read_segment(text: &str) -> Result<Segment, TemplateFault> {
    match text {
        "" => return Err(TemplateFault::EmptySegment),
        "." | ".." => return Err(TemplateFault::DotSegment),
        _ => {}
    }
    let Some(inside) = text.strip_prefix('{') else {
        return match text.chars().find(|it| !is_literal(*it)) {
            None => Ok(Segment::Literal(text.into())),
            Some('{' | '}') => Err(TemplateFault::Braces),
            Some(other) => Err(TemplateFault::Character(other)),
        };
    };
    let (name, behind) = inside.split_once('}').ok_or(TemplateFault::Braces)?;
    let (name, is_rest) = match name.strip_suffix('*') {
        Some(name) => (name, true),
        None => (name, false),
    };
    if !is_name(name) {
        return Err(TemplateFault::Name);
    }
    match (behind, is_rest) {
        ("", false) => Ok(Segment::Variable(name.into())),
        ("", true) => Ok(Segment::Rest(name.into())),
        (_, true) => Err(TemplateFault::Braces),
        (behind, false) if behind.contains(['{', '}']) => Err(TemplateFault::Braces),
        (behind, false) => match behind.strip_prefix(':') {
            Some(verb) if is_verb(verb) => {
                Ok(Segment::Verb { variable: name.into(), verb: verb.into() })
            }
            Some(_) | None => Err(TemplateFault::Verb),
        },
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
}

fn is_verb(verb: &str) -> bool {
    !verb.is_empty()
        && verb.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_' || it == b'-')
}

/// What RFC 3986, section 3.3, calls `pchar`, without escapes and without `;`, which begins
/// parameters that some servers cut off.
fn is_literal(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~!$&'()*+,=:@".contains(character)
}

/// Appends one value as one segment, or one part of a rest.
fn fill_part(name: &str, value: &str, path: &mut String) -> Result<(), MissingVariable> {
    match value {
        "" => return Err(MissingVariable::Empty(name.to_owned())),
        "." | ".." => return Err(MissingVariable::DotSegment(name.to_owned())),
        _ => {}
    }
    if value.chars().any(|it| it.is_control() || matches!(it, '/' | '\\' | ';')) {
        return Err(MissingVariable::Character(name.to_owned()));
    }
    if looks_encoded(value) {
        return Err(MissingVariable::Encoded(name.to_owned()));
    }
    encode(value, path);
    Ok(())
}

/// Whether a decoded text would decode to something else once more: a percent sign with two hex
/// digits behind it.
pub fn looks_encoded(text: &str) -> bool {
    let is_hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    text.split('%').skip(1).map(str::as_bytes).any(|it| is_hex(it.first()) && is_hex(it.get(1)))
}

/// Keeps RFC 3986's unreserved characters, and of the others those that no server gives a meaning
/// within a segment (not `+`, which some read as a space).
fn encode(text: &str, path: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let hex = |digit: u8| char::from(HEX.get(usize::from(digit)).copied().unwrap_or(b'0'));
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$'()*,=:@&".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.extend(['%', hex(byte >> 4), hex(byte & 15)]);
        }
    }
}

#[cfg(test)]
mod tests;
