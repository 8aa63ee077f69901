//! IP addresses: four octets, and every textual form of IPv6 (RFC 4291 section 2.2).

use std::net::Ipv6Addr;

use memchr::memchr;

use super::{Detector, Peek, Search, Verdict, View, is_word};
use crate::bytes::{byte_at, span, tail};

/// The longest run of hexadecimal digits, colons and dots that is looked at: an IPv6 address has at
/// most 45 characters.
const TOKEN_BYTES_MAX: usize = 64;

/// The IPv4 address that starts with the digit at a position, if one does.
pub(super) fn v4_at(view: &View<'_>, start: usize) -> Verdict {
    let before = view.before(start);
    if is_word(before) || matches!(before, b'.' | b'_') {
        return Verdict::No;
    }
    let mut position = start;
    for octet in 0..4 {
        if octet > 0 {
            match view.peek(position) {
                Peek::Unknown => return Verdict::Undecided { start },
                Peek::Byte(b'.') => position += 1,
                Peek::Byte(_) | Peek::End => return Verdict::No,
            }
        }
        let mut value = 0_u32;
        let mut width = 0_u32;
        while let Peek::Byte(byte @ b'0'..=b'9') = view.peek(position) {
            width += 1;
            value = value * 10 + u32::from(byte - b'0');
            if width > 3 || value > 255 {
                return Verdict::No;
            }
            position += 1;
        }
        if view.peek(position) == Peek::Unknown {
            return Verdict::Undecided { start };
        }
        if width == 0 {
            return Verdict::No;
        }
    }
    match view.peek(position) {
        Peek::Byte(byte) if is_word(byte) || byte == b'_' => return Verdict::No,
        // Another part: a version, or an address before the end of a sentence.
        Peek::Byte(b'.' | b'-') => match view.peek(position + 1) {
            Peek::Unknown => return Verdict::Undecided { start },
            Peek::Byte(next) if is_part(view, position, next) => return Verdict::No,
            Peek::Byte(_) | Peek::End => {}
        },
        Peek::Byte(_) | Peek::End | Peek::Unknown => {}
    }
    Verdict::Yes { start, end: position }
}

/// `1.2.3.4.5` and `1.2.3.4-beta` are versions, `10.0.0.1-10.0.0.9` is a range.
fn is_part(view: &View<'_>, position: usize, next: u8) -> bool {
    match byte_at(view.bytes, position) {
        Some(b'.') => next.is_ascii_digit(),
        _ => next.is_ascii_alphabetic(),
    }
}

pub(super) fn find_v6(search: &mut Search<'_>) {
    let view = search.view;
    let mut position = view.from;
    while let Some(next) = memchr(b':', tail(view.bytes, position)) {
        let colon = position + next;
        let start = token_start(&view, colon);
        let width = tail(view.bytes, colon).iter().take(TOKEN_BYTES_MAX + 1);
        let end = colon + width.take_while(|byte| is_token(**byte)).count();
        position = end;
        let too_long = end - start > TOKEN_BYTES_MAX;
        if !too_long && view.peek(end) == Peek::Unknown {
            search.hold_from(start);
            return;
        }
        if !too_long {
            let verdict = token(&view, start, end).unless_before(view.from);
            search.take(Detector::Ip, verdict);
        }
    }
    if view.is_open() {
        let end = view.bytes.len();
        let start = token_start(&view, end);
        search.hold_from(if end - start > TOKEN_BYTES_MAX { end } else { start });
    }
}

/// Where the run that ends before `end` begins, or one byte beyond what is looked at.
fn token_start(view: &View<'_>, end: usize) -> usize {
    let floor = end.saturating_sub(TOKEN_BYTES_MAX + 1);
    let run = span(view.bytes, floor, end).iter().rev().take_while(|byte| is_token(**byte));
    end - run.count()
}

fn token(view: &View<'_>, mut start: usize, mut end: usize) -> Verdict {
    if is_word(view.before(start)) || view.before(start) == b'_' {
        // A word runs into the token: `id:fe80::1` is the label of an address, `std::1` is not.
        let Some(colon) = memchr(b':', span(view.bytes, start, end)) else { return Verdict::No };
        start += colon + 1;
        if byte_at(view.bytes, start) == Some(b':') {
            return Verdict::No;
        }
    } else if byte_at(view.bytes, start) == Some(b':')
        && byte_at(view.bytes, start + 1) != Some(b':')
    {
        start += 1;
    }
    if let Peek::Byte(next) = view.peek(end)
        && (is_word(next) || next == b'_')
    {
        return Verdict::No;
    }
    while end > start && view.before(end) == b'.' {
        end -= 1;
    }
    if view.before(end) == b':' && view.before(end - 1) != b':' {
        end -= 1;
    }
    let text = span(view.bytes, start, end);
    let parsed = std::str::from_utf8(text).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
    if parsed.is_some() && is_telling(text) { Verdict::Yes { start, end } } else { Verdict::No }
}

/// `a::b` is an address, and a path in half the programming languages.
fn is_telling(text: &[u8]) -> bool {
    let groups = text.split(|byte| *byte == b':').filter(|group| !group.is_empty());
    text.iter().any(u8::is_ascii_digit)
        || groups.clone().count() >= 3
        || groups.clone().any(|group| group.len() >= 3)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
}
