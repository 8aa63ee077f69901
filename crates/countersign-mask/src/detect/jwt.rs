//! JSON web tokens: JWS (RFC 7515 section 7.1) and JWE (RFC 7516 section 7.1) in compact form.

use memchr::memchr;

use super::{Detector, Peek, Search, TooLong, Verdict, View};
use crate::bytes::{span, tail};

/// The longest first part that is taken for the header of a token. Base64 of a whole JSON file
/// begins alike, and has no dot.
const HEADER_BYTES_MAX: usize = 8 * 1024;

pub(super) fn find(search: &mut Search<'_>, token_bytes_max: usize) -> Result<(), TooLong> {
    let view = search.view;
    let mut position = view.from;
    // `J` is rarer than the letters before it.
    while let Some(next) = memchr(b'J', tail(view.bytes, position)) {
        let jay = position + next;
        position = jay + 1;
        let Some(start) = jay.checked_sub(2).filter(|start| *start >= view.from) else { continue };
        if span(view.bytes, start, jay) != b"ey" || is_base64url(view.before(start)) {
            continue;
        }
        let verdict = at(&view, start, token_bytes_max)?;
        if let Some(next) = search.take(Detector::Jwt, verdict) {
            if next == usize::MAX {
                return Ok(());
            }
            position = next;
        }
    }
    if view.is_open() {
        for beginning in [&b"ey"[..], b"e"] {
            let start = view.bytes.len().saturating_sub(beginning.len());
            if view.bytes.ends_with(beginning) && !is_base64url(view.before(start)) {
                search.hold_from(start);
            }
        }
    }
    Ok(())
}

/// The token that starts at a position. Its first bytes, `eyJ`, are base64url of `{"`.
fn at(view: &View<'_>, start: usize, token_bytes_max: usize) -> Result<Verdict, TooLong> {
    let mut dots = 0_u32;
    let mut part = start;
    let mut end = None;
    let mut position = start;
    loop {
        let run = tail(view.bytes, position).iter().take_while(|byte| is_base64url(**byte)).count();
        position += run;
        let length = position - part;
        if dots == 0 && length > HEADER_BYTES_MAX {
            return Ok(Verdict::No);
        }
        if position - start > token_bytes_max && dots > 0 {
            return Err(TooLong(start));
        }
        let next = view.peek(position);
        if next == Peek::Unknown {
            return Ok(Verdict::Undecided { start });
        }
        // The header and the claims can't be empty, nor of a length that base64 never has.
        if dots < 2 && (length < 2 || length % 4 == 1) {
            return Ok(end.map_or(Verdict::No, |end| Verdict::Yes { start, end }));
        }
        // Two dots: signed, the signature perhaps empty. Four: encrypted.
        if dots == 2 || dots == 4 {
            end = Some(position);
        }
        if next != Peek::Byte(b'.') || dots == 4 {
            break;
        }
        dots += 1;
        position += 1;
        part = position;
    }
    Ok(end.map_or(Verdict::No, |end| Verdict::Yes { start, end }))
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}
