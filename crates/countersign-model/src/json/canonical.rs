//! RFC 8785, the JSON Canonicalization Scheme: one text for each value.

use super::{number, parser::plain_length};
use serde_json::{Number, Value};
use std::cmp::Ordering;

/// The canonical text of a value (RFC 8785).
///
/// An integer beyond ±(2^53−1), which [`super::parse`] never makes, is written in full, where
/// RFC 8785 would round it to a double: two values never share a text.
pub fn canonical(value: &Value) -> String {
    let mut out = Vec::with_capacity(256);
    canonical_into(value, &mut out);
    // Never lossy: only UTF-8 was written.
    String::from_utf8(out)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Appends the canonical text of a value, as [`canonical`] makes it. Allocates nothing but room
/// in `out`, and a list for objects whose members stand in another order than RFC 8785's.
pub fn canonical_into(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => write_string(text, out),
        Value::Array(elements) => {
            out.push(b'[');
            for (place, element) in elements.iter().enumerate() {
                write_comma(place, out);
                canonical_into(element, out);
            }
            out.push(b']');
        }
        Value::Object(members) => {
            out.push(b'{');
            if members.keys().is_sorted_by(|a, b| utf16_order(a, b).is_le()) {
                write_members(members.iter(), out);
            } else {
                let mut sorted: Vec<(&String, &Value)> = members.iter().collect();
                sorted.sort_unstable_by(|(a, _), (b, _)| utf16_order(a, b));
                write_members(sorted.into_iter(), out);
            }
            out.push(b'}');
        }
    }
}

fn write_members<'a>(members: impl Iterator<Item = (&'a String, &'a Value)>, out: &mut Vec<u8>) {
    for (place, (name, member)) in members.enumerate() {
        write_comma(place, out);
        write_string(name, out);
        out.push(b':');
        canonical_into(member, out);
    }
}

fn write_comma(place: usize, out: &mut Vec<u8>) {
    if place > 0 {
        out.push(b',');
    }
}

/// RFC 8785, section 3.2.3: by UTF-16 code units, which differs from the order of UTF-8 only
/// between U+E000 and U+FFFF on one side and the planes above on the other.
fn utf16_order(a: &str, b: &str) -> Ordering {
    let different = a.bytes().zip(b.bytes()).find(|(a, b)| a != b);
    match different {
        // Bytes from 0xEE lead U+E000 to U+FFFF and, from 0xF0, the planes above: as UTF-16,
        // the latter begin with a surrogate, which is below U+E000.
        Some((a, b)) if a >= 0xEE && b >= 0xEE => (a < 0xF0).cmp(&(b < 0xF0)).then(a.cmp(&b)),
        Some((a, b)) => a.cmp(&b),
        None => a.len().cmp(&b.len()),
    }
}

fn write_number(number: &Number, out: &mut Vec<u8>) {
    if let Some(integer) = number.as_u64() {
        out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
    } else if let Some(integer) = number.as_i64() {
        out.extend_from_slice(itoa::Buffer::new().format(integer).as_bytes());
    } else if let Some(double) = number.as_f64() {
        number::write_double(double, out);
    }
}

/// RFC 8785, section 3.2.2.2: escapes only what must be, in its shortest form.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    while let Some((plain, [special, tail @ ..])) = rest.split_at_checked(plain_length(rest)) {
        out.extend_from_slice(plain);
        write_escape(*special, out);
        rest = tail;
    }
    out.extend_from_slice(rest);
    out.push(b'"');
}

fn write_escape(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let hex = |digit: u8| HEX.get(usize::from(digit)).copied().unwrap_or(b'0');
    let letter = match byte {
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0C => b'f',
        b'\r' => b'r',
        0..0x20 => {
            return out.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                hex(byte >> 4),
                hex(byte & 15),
            ]);
        }
        // A quote or a backslash.
        0x20.. => byte,
    };
    out.extend_from_slice(&[b'\\', letter]);
}
