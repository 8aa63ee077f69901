//! International bank account numbers (ISO 13616): country, length of the country, mod 97.

use super::{Peek, Verdict, View, is_word};
use crate::bytes::byte_at;

/// The IBAN whose check digits start at a position, if one does.
pub(super) fn at(view: &View<'_>, digit: usize) -> Verdict {
    let Some(start) = digit.checked_sub(2).filter(|start| *start >= view.from) else {
        return Verdict::No;
    };
    let letter =
        |position| byte_at(view.bytes, position).map_or(0, |byte| byte.to_ascii_uppercase());
    let country = [letter(start), letter(start + 1)];
    if is_word(view.before(start)) || !country.iter().all(u8::is_ascii_uppercase) {
        return Verdict::No;
    }
    let Some(length) = length_of(country) else { return Verdict::No };
    let mut read = 0;
    let mut position = start;
    // The first four characters move to the end before the remainder is taken.
    let mut head = [0_u8; 4];
    let mut remainder = 0;
    while read < length {
        match view.peek(position) {
            Peek::Unknown => return Verdict::Undecided { start },
            Peek::Byte(b' ') if read > 0 && read % 4 == 0 => match view.peek(position + 1) {
                Peek::Unknown => return Verdict::Undecided { start },
                Peek::Byte(byte) if is_word(byte) => {}
                Peek::Byte(_) | Peek::End => return Verdict::No,
            },
            Peek::Byte(byte) if is_word(byte) => {
                if (read == 2 || read == 3) && !byte.is_ascii_digit() {
                    return Verdict::No;
                }
                match head.get_mut(read) {
                    Some(slot) => *slot = byte,
                    None => remainder = append(remainder, byte),
                }
                read += 1;
            }
            Peek::Byte(_) | Peek::End => return Verdict::No,
        }
        position += 1;
    }
    match view.peek(position) {
        Peek::Unknown => return Verdict::Undecided { start },
        Peek::Byte(byte) if is_word(byte) => return Verdict::No,
        Peek::Byte(_) | Peek::End => {}
    }
    if head.into_iter().fold(remainder, append) == 1 {
        Verdict::Yes { start, end: position }
    } else {
        Verdict::No
    }
}

/// Where a text that goes on must be held, for letters at its end may be a country.
pub(super) fn open_end(view: &View<'_>) -> usize {
    let end = view.bytes.len();
    for width in [2, 1] {
        let Some(start) = end.checked_sub(width).filter(|start| *start >= view.from) else {
            continue;
        };
        let letters = view.bytes.iter().skip(start).all(u8::is_ascii_alphabetic);
        if letters && !is_word(view.before(start)) {
            return start;
        }
    }
    end
}

fn append(remainder: u32, byte: u8) -> u32 {
    match byte {
        b'0'..=b'9' => (remainder * 10 + u32::from(byte - b'0')) % 97,
        _ => (remainder * 100 + u32::from(byte.to_ascii_uppercase().wrapping_sub(b'A')) + 10) % 97,
    }
}

/// The length of a country's IBANs, from the registry of SWIFT.
fn length_of(country: [u8; 2]) -> Option<usize> {
    let position = LENGTHS.binary_search_by(|(code, _)| (*code).cmp(&country)).ok()?;
    LENGTHS.get(position).map(|(_, length)| *length)
}

#[rustfmt::skip]
const LENGTHS: [(&[u8; 2], usize); 92] = [
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16),
    (b"BG", 22), (b"BH", 22), (b"BI", 27), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22),
    (b"CY", 28), (b"CZ", 24), (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28), (b"EE", 20),
    (b"EG", 29), (b"ES", 24), (b"FI", 18), (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GB", 22),
    (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27), (b"GT", 28), (b"HN", 28), (b"HR", 21),
    (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26), (b"IT", 27), (b"JO", 30),
    (b"KW", 30), (b"KZ", 20), (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20),
    (b"LV", 21), (b"LY", 25), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MG", 27), (b"MK", 19),
    (b"MN", 20), (b"MR", 27), (b"MT", 31), (b"MU", 30), (b"NI", 28), (b"NL", 18), (b"NO", 15),
    (b"OM", 23), (b"PK", 24), (b"PL", 28), (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24),
    (b"RS", 22), (b"RU", 33), (b"SA", 24), (b"SC", 31), (b"SD", 18), (b"SE", 24), (b"SI", 19),
    (b"SK", 24), (b"SM", 27), (b"SN", 28), (b"SO", 23), (b"ST", 25), (b"SV", 28), (b"TL", 23),
    (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24), (b"XK", 20), (b"YE", 30),
    (b"ZA", 28),
];

#[cfg(test)]
pub(super) fn is_sorted() -> bool {
    LENGTHS.is_sorted()
}
