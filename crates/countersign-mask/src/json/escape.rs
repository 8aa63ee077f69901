//! One escape of a JSON string (RFC 8259 section 7), byte by byte. A surrogate pair is one escape.

use crate::bytes::{byte_at, span};

/// The bytes of an escape that is not complete yet.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Escape {
    bytes: [u8; 12],
    length: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escaped {
    /// More bytes are needed.
    Unfinished,
    /// It means this.
    Is(char),
    /// No escape.
    Bad,
    /// Half a pair.
    Lone,
}

impl Escape {
    pub(super) fn clear(&mut self) {
        self.length = 0;
    }

    pub(super) fn is_empty(self) -> bool {
        self.length == 0
    }

    pub(super) fn bytes(&self) -> &[u8] {
        span(&self.bytes, 0, self.length)
    }

    /// Takes the next byte; the first one is the backslash.
    pub(super) fn push(&mut self, byte: u8) -> Escaped {
        let Some(slot) = self.bytes.get_mut(self.length) else { return Escaped::Bad };
        *slot = byte;
        self.length += 1;
        match self.length {
            1 => Escaped::Unfinished,
            2 => match byte {
                b'u' => Escaped::Unfinished,
                b'"' | b'\\' | b'/' => Escaped::Is(char::from(byte)),
                b'b' => Escaped::Is('\u{8}'),
                b'f' => Escaped::Is('\u{c}'),
                b'n' => Escaped::Is('\n'),
                b'r' => Escaped::Is('\r'),
                b't' => Escaped::Is('\t'),
                _ => Escaped::Bad,
            },
            7 if byte != b'\\' => Escaped::Lone,
            8 if byte != b'u' => Escaped::Lone,
            3..=6 | 9..=12 if !byte.is_ascii_hexdigit() => Escaped::Bad,
            6 => match self.unit(2) {
                0xd800..=0xdbff => Escaped::Unfinished,
                unit => char::from_u32(unit).map_or(Escaped::Lone, Escaped::Is),
            },
            12 => match (self.unit(2), self.unit(8)) {
                (high, low @ 0xdc00..=0xdfff) => {
                    char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00))
                        .map_or(Escaped::Lone, Escaped::Is)
                }
                _ => Escaped::Lone,
            },
            _ => Escaped::Unfinished,
        }
    }

    fn unit(&self, position: usize) -> u32 {
        (position..position + 4).fold(0, |unit, position| {
            let digit = byte_at(&self.bytes, position).unwrap_or(0);
            unit * 16 + char::from(digit).to_digit(16).unwrap_or(0)
        })
    }
}
