//! The grammar of RFC 8259, read from the left without looking back.

use super::{DEPTH_CEILING, Fault, FaultKind, Limits, number};
use serde_json::{Map, Number, Value, map::Entry};

/// Reads a whole document.
pub(super) fn document(text: &str, limits: Limits) -> Result<Value, Fault> {
    let mut parser = Parser {
        text,
        bytes: text.as_bytes(),
        at: 0,
        depth_left: limits.depth_max.min(DEPTH_CEILING),
        members_left: limits.members_max,
    };
    parser.skip_space();
    if parser.peek().is_none() {
        return Err(parser.fault(FaultKind::Empty));
    }
    let value = parser.value()?;
    parser.skip_space();
    match parser.peek() {
        None => Ok(value),
        Some(_) => Err(parser.fault(FaultKind::TrailingBytes)),
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth_left: usize,
    members_left: usize,
}

impl<'a> Parser<'a> {
    fn value(&mut self) -> Result<Value, Fault> {
        match self.peek() {
            Some(b'"') => self.string().map(Value::String),
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(_) => Err(self.fault(FaultKind::Expected("a value"))),
            None => Err(self.fault(FaultKind::UnexpectedEnd)),
        }
    }

    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Value, Fault>,
    ) -> Result<Value, Fault> {
        self.depth_left =
            self.depth_left.checked_sub(1).ok_or_else(|| self.fault(FaultKind::TooDeep))?;
        self.at += 1;
        self.skip_space();
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, Fault> {
        let mut members = Map::new();
        if self.skip(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.count_member()?;
            let offset = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.expected("a member name"));
            }
            let name = self.string()?;
            let slot = match members.entry(name) {
                Entry::Vacant(slot) => slot,
                Entry::Occupied(taken) => {
                    let kind = FaultKind::DuplicateMember(short(taken.key()));
                    return Err(Fault { kind, offset });
                }
            };
            self.skip_space();
            if !self.skip(b':') {
                return Err(self.expected("a colon"));
            }
            self.skip_space();
            slot.insert(self.value()?);
            self.skip_space();
            if self.skip(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.skip(b',') {
                return Err(self.expected("a comma or the end of the object"));
            }
            self.skip_space();
        }
    }

    fn array(&mut self) -> Result<Value, Fault> {
        let mut elements = Vec::new();
        if self.skip(b']') {
            return Ok(Value::Array(elements));
        }
        loop {
            self.count_member()?;
            elements.push(self.value()?);
            self.skip_space();
            if self.skip(b']') {
                return Ok(Value::Array(elements));
            }
            if !self.skip(b',') {
                return Err(self.expected("a comma or the end of the array"));
            }
            self.skip_space();
        }
    }

    fn number(&mut self) -> Result<Number, Fault> {
        let start = self.at;
        self.skip(b'-');
        let whole = self.skip_digits();
        if whole == 0 || (whole > 1 && self.bytes.get(self.at - whole) == Some(&b'0')) {
            return Err(Fault { kind: FaultKind::BadNumber, offset: start });
        }
        let mut form = number::Form::Whole;
        if self.skip(b'.') {
            form = number::Form::Fraction;
            if self.skip_digits() == 0 {
                return Err(Fault { kind: FaultKind::BadNumber, offset: start });
            }
        }
        if self.skip(b'e') || self.skip(b'E') {
            form = number::Form::Fraction;
            if !self.skip(b'-') {
                self.skip(b'+');
            }
            if self.skip_digits() == 0 {
                return Err(Fault { kind: FaultKind::BadNumber, offset: start });
            }
        }
        number::read(self.between(start, self.at), form)
            .map_err(|kind| Fault { kind, offset: start })
    }

    fn string(&mut self) -> Result<String, Fault> {
        let start = self.at + 1;
        self.at = self.run_end(start);
        let mut decoded = self.between(start, self.at).to_owned();
        loop {
            match self.peek() {
                Some(b'"') => break self.at += 1,
                Some(b'\\') => {
                    decoded.push(self.escape()?);
                    let run = self.at;
                    self.at = self.run_end(run);
                    decoded.push_str(self.between(run, self.at));
                }
                Some(_) => return Err(self.fault(FaultKind::ControlCharacter)),
                None => return Err(self.fault(FaultKind::UnexpectedEnd)),
            }
        }
        if !decoded.is_ascii() && decoded.chars().any(is_noncharacter) {
            return Err(Fault { kind: FaultKind::Noncharacter, offset: start });
        }
        Ok(decoded)
    }

    /// One escape, from its backslash on.
    fn escape(&mut self) -> Result<char, Fault> {
        let offset = self.at;
        let bad = |kind| Fault { kind, offset };
        self.at += 2;
        let plain = match self.bytes.get(offset + 1) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                let first = self.hex4().ok_or_else(|| bad(FaultKind::BadEscape))?;
                if !(0xD800..0xE000).contains(&first) {
                    return char::from_u32(first).ok_or_else(|| bad(FaultKind::BadEscape));
                }
                let second = if first < 0xDC00 && self.skip(b'\\') && self.skip(b'u') {
                    self.hex4().ok_or_else(|| bad(FaultKind::BadEscape))?
                } else {
                    return Err(bad(FaultKind::LoneSurrogate));
                };
                if !(0xDC00..0xE000).contains(&second) {
                    return Err(bad(FaultKind::LoneSurrogate));
                }
                let scalar = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                return char::from_u32(scalar).ok_or_else(|| bad(FaultKind::LoneSurrogate));
            }
            Some(_) => return Err(bad(FaultKind::BadEscape)),
            None => return Err(Fault { kind: FaultKind::UnexpectedEnd, offset: offset + 1 }),
        };
        Ok(plain)
    }

    fn hex4(&mut self) -> Option<u32> {
        let digits = self.bytes.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.iter().try_fold(0, |sum, byte| Some(sum << 4 | char::from(*byte).to_digit(16)?))
    }

    fn word(&mut self, word: &'static str, value: Value) -> Result<Value, Fault> {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        if !rest.starts_with(word.as_bytes()) {
            return Err(self.fault(FaultKind::Expected("a value")));
        }
        self.at += word.len();
        Ok(value)
    }

    fn count_member(&mut self) -> Result<(), Fault> {
        self.members_left = self
            .members_left
            .checked_sub(1)
            .ok_or_else(|| self.fault(FaultKind::TooManyMembers))?;
        Ok(())
    }

    /// Where the run of plain string bytes ends that begins at `from`.
    fn run_end(&self, from: usize) -> usize {
        from + plain_length(self.bytes.get(from..).unwrap_or_default())
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn skip_digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn skip(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    /// The text between two places that hold ASCII bytes, so that no character is cut.
    fn between(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn expected(&self, what: &'static str) -> Fault {
        match self.peek() {
            Some(_) => self.fault(FaultKind::Expected(what)),
            None => self.fault(FaultKind::UnexpectedEnd),
        }
    }

    fn fault(&self, kind: FaultKind) -> Fault {
        Fault { kind, offset: self.at }
    }
}

/// How many bytes stand before the first that a JSON string can't hold as it is: a quote, a
/// backslash or a control character. Eight bytes a step.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let is_special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    let (words, _) = bytes.as_chunks::<8>();
    let plain = words.iter().take_while(|word| !any_special(u64::from_le_bytes(**word)));
    let start = 8 * plain.count();
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Whether one of eight bytes is special. The borrow trick may name too many bytes, but is never
/// wrong about whether there is one.
fn any_special(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let below = |word: u64, bound: u8| word.wrapping_sub(ONES * u64::from(bound)) & !word & HIGHS;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\')) != 0
}

/// Unicode's noncharacters (section 23.7): the last two of each plane, and U+FDD0 to U+FDEF.
fn is_noncharacter(scalar: char) -> bool {
    u32::from(scalar) & 0xFFFE == 0xFFFE || ('\u{FDD0}'..='\u{FDEF}').contains(&scalar)
}

/// A stranger's name, fit to stand in a log: ASCII, escaped, and cut.
fn short(name: &str) -> String {
    const NAME_CHARS_MAX: usize = 32;
    let mut escaped = name.escape_default();
    let mut cut: String = escaped.by_ref().take(NAME_CHARS_MAX).collect();
    if escaped.next().is_some() {
        cut.truncate(NAME_CHARS_MAX - 3);
        cut.push_str("...");
    }
    cut
}
