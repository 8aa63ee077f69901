//! Reading bytes without ever indexing out of range, and the two hot loops of the crate: the
//! search for the end of a plain run, and the check of UTF-8 across chunk boundaries.
//! It never allocates.

/// The byte at a position, if there is one.
pub(crate) fn byte_at(bytes: &[u8], position: usize) -> Option<u8> {
    bytes.get(position).copied()
}

/// The bytes of a span; empty where the span leaves the slice.
pub(crate) fn span(bytes: &[u8], start: usize, end: usize) -> &[u8] {
    bytes.get(start..end).unwrap_or_default()
}

/// The bytes from a position to the end.
pub(crate) fn tail(bytes: &[u8], start: usize) -> &[u8] {
    bytes.get(start..).unwrap_or_default()
}

/// A length or position as the unit of offsets and counts.
pub(crate) fn wide(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// How far the inside of a JSON string runs without a quote, backslash or control character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlainRun {
    pub(crate) length: usize,
    pub(crate) ascii: bool,
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Finds the end of the plain run eight bytes at a time.
///
/// The zero-byte trick may report a byte above a true hit, never below it, and only the lowest
/// hit is used, so the answer is exact.
#[inline]
pub(crate) fn plain_run(bytes: &[u8]) -> PlainRun {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut high = 0_u64;
    let mut length = 0_usize;
    for word in words {
        let word = u64::from_le_bytes(*word);
        let quote = word ^ (ONES * 0x22);
        let backslash = word ^ (ONES * 0x5c);
        let stop = ((quote.wrapping_sub(ONES) & !quote)
            | (backslash.wrapping_sub(ONES) & !backslash)
            | (word.wrapping_sub(ONES * 0x20) & !word))
            & HIGHS;
        if stop != 0 {
            let bits = stop.trailing_zeros() & !7;
            high |= word & ((1_u64 << bits) - 1);
            let ascii = high & HIGHS == 0;
            return PlainRun { length: length + usize::try_from(bits / 8).unwrap_or(0), ascii };
        }
        high |= word;
        length += 8;
    }
    let mut ascii = high & HIGHS == 0;
    for byte in rest {
        if *byte < 0x20 || *byte == b'"' || *byte == b'\\' {
            break;
        }
        ascii &= byte.is_ascii();
        length += 1;
    }
    PlainRun { length, ascii }
}

/// Checks UTF-8 that arrives in pieces; keeps at most the three bytes of an unfinished character.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Utf8 {
    kept: [u8; 4],
    length: usize,
}

/// The bytes are not UTF-8; the position is where the fault was seen, relative to the piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotUtf8(pub(crate) usize);

impl Utf8 {
    /// Takes the next piece.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Result<(), NotUtf8> {
        let mut used = 0;
        while self.length > 0 {
            let Some(byte) = byte_at(piece, used) else { return Ok(()) };
            let Some(slot) = self.kept.get_mut(self.length) else { return Err(NotUtf8(used)) };
            *slot = byte;
            self.length += 1;
            used += 1;
            match std::str::from_utf8(span(&self.kept, 0, self.length)) {
                Ok(_) => self.length = 0,
                Err(error) if error.error_len().is_some() => return Err(NotUtf8(used - 1)),
                Err(_) => {}
            }
        }
        let Err(error) = std::str::from_utf8(tail(piece, used)) else { return Ok(()) };
        let valid = used + error.valid_up_to();
        if error.error_len().is_some() {
            return Err(NotUtf8(valid));
        }
        for (slot, byte) in self.kept.iter_mut().zip(tail(piece, valid)) {
            *slot = *byte;
        }
        self.length = piece.len() - valid;
        Ok(())
    }

    /// Whether no character is unfinished.
    pub(crate) fn is_whole(self) -> bool {
        self.length == 0
    }
}

/// Writes text as the inside of a JSON string (RFC 8259 section 7).
pub(crate) fn escape_json(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let run = plain_run(rest).length;
        out.extend_from_slice(span(rest, 0, run));
        let Some(byte) = byte_at(rest, run) else { return };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
                out.extend_from_slice(b"\\u00");
                let mut buffer = [0; 4];
                for nibble in [byte >> 4, byte & 15] {
                    out.extend_from_slice(digit(nibble).encode_utf8(&mut buffer).as_bytes());
                }
            }
        }
        rest = tail(rest, run + 1);
    }
}

#[cfg(test)]
mod tests;
