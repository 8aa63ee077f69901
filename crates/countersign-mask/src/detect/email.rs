//! E-mail addresses: dot-atoms of RFC 5321 section 4.1.2, with Unicode as RFC 6531 allows.

use memchr::memchr;

use super::{Detector, Peek, Search, Verdict, View};
use crate::bytes::{byte_at, span, tail};

/// The longest local part (RFC 5321 section 4.5.3.1.1); of a longer one the end is masked.
const LOCAL_BYTES_MAX: usize = 64;
/// The longest domain (RFC 5321 section 4.5.3.1.2).
const DOMAIN_BYTES_MAX: usize = 255;

pub(super) fn find(search: &mut Search<'_>) {
    let view = search.view;
    let mut from = view.from;
    let mut position = from;
    while let Some(next) = memchr(b'@', tail(view.bytes, position)) {
        let at = position + next;
        position = at + 1;
        let verdict = around(&view, from, at);
        if let Some(next) = search.take(Detector::Email, verdict) {
            if next == usize::MAX {
                return;
            }
            from = next;
            position = position.max(next);
        }
    }
    if view.is_open() {
        search.hold_from(local_start(&view, from, view.bytes.len()));
    }
}

/// Whether the text is one address and nothing else.
pub(crate) fn is_whole(text: &[u8]) -> bool {
    let Some(at) = memchr(b'@', text) else { return false };
    around(&View::closed(text), 0, at) == Verdict::Yes { start: 0, end: text.len() }
}

fn around(view: &View<'_>, from: usize, at: usize) -> Verdict {
    let mut start = local_start(view, from, at);
    while start < at && byte_at(view.bytes, start).is_some_and(is_lead) {
        start += 1;
    }
    if start == at {
        return Verdict::No;
    }
    let mut position = at + 1;
    let mut label = position;
    let mut dots = 0_u32;
    let mut end = None;
    loop {
        let byte = match view.peek(position) {
            Peek::Unknown if position - at <= DOMAIN_BYTES_MAX => {
                // Held from where the local part begins with its stripped lead.
                return Verdict::Undecided { start: local_start(view, from, at) };
            }
            Peek::Unknown | Peek::End => 0,
            Peek::Byte(byte) => byte,
        };
        let goes_on = position - at <= DOMAIN_BYTES_MAX;
        if goes_on && (byte.is_ascii_alphanumeric() || byte == b'-') {
            position += 1;
            continue;
        }
        let width = if goes_on { wide_letter(tail(view.bytes, position)) } else { Some(0) };
        match width {
            // The rest of a character is not there yet.
            None if view.is_open() => {
                return Verdict::Undecided { start: local_start(view, from, at) };
            }
            Some(width) if width > 0 => {
                position += width;
                continue;
            }
            Some(_) | None => {}
        }
        if dots > 0 {
            let width = top_level(span(view.bytes, label, position));
            end = width.map(|width| label + width).or(end);
        }
        if byte != b'.' || !goes_on || position == label {
            break;
        }
        dots += 1;
        position += 1;
        label = position;
    }
    end.map_or(Verdict::No, |end| Verdict::Yes { start, end })
}

/// Where the local part that ends before `end` begins.
fn local_start(view: &View<'_>, from: usize, end: usize) -> usize {
    let floor = from.max(end.saturating_sub(LOCAL_BYTES_MAX));
    let mut start = end;
    while start > floor {
        let byte = byte_at(view.bytes, start - 1).unwrap_or(0);
        if is_local(byte) {
            start -= 1;
            continue;
        }
        if byte.is_ascii() {
            break;
        }
        let mut first = start - 1;
        while first > floor && byte_at(view.bytes, first).is_some_and(|byte| byte & 0xc0 == 0x80) {
            first -= 1;
        }
        let character = span(view.bytes, first, start);
        // The end of the text may lie inside a character: then it still counts.
        let unfinished = start == end && std::str::from_utf8(character).is_err();
        if !unfinished && wide_letter(character) != Some(start - first) {
            break;
        }
        start = first;
    }
    start
}

/// The width of a character beyond ASCII that may stand in an address: 0 if it may not, nothing if
/// it is not complete.
fn wide_letter(bytes: &[u8]) -> Option<usize> {
    let lead = byte_at(bytes, 0).unwrap_or(0);
    let width = match lead {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Some(0),
    };
    let text = std::str::from_utf8(bytes.get(..width)?).ok()?;
    let character = text.chars().next()?;
    let punctuation = matches!(character,
        '\u{80}'..='\u{bf}' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{feff}'
        | '\u{ff00}'..='\u{ff0f}' | '\u{ff1a}'..='\u{ff20}' | '\u{ff3b}'..='\u{ff40}'
        | '\u{ff5b}'..='\u{ff65}');
    Some(if punctuation || character.is_whitespace() { 0 } else { width })
}

fn is_local(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'.' | b'_' | b'%' | b'+' | b'-' | b'!' | b'#' | b'$' | b'\'' | b'*' | b'^' | b'~'
        )
}

/// What rather belongs to the text around than to the address.
fn is_lead(byte: u8) -> bool {
    matches!(byte, b'.' | b'\'' | b'*' | b'#' | b'!' | b'~' | b'^' | b'$')
}

/// How much of a label may be a top-level domain: its letters at the beginning, at least two, or all
/// of it when it is in Punycode.
fn top_level(label: &[u8]) -> Option<usize> {
    let dashes = label.iter().rev().take_while(|byte| **byte == b'-').count();
    if label.get(..4).is_some_and(|lead| lead.eq_ignore_ascii_case(b"xn--")) {
        return Some(label.len() - dashes);
    }
    let letter = |byte: &&u8| byte.is_ascii_alphabetic() || !byte.is_ascii();
    let width = label.iter().take_while(letter).count();
    (width >= 2).then_some(width)
}
