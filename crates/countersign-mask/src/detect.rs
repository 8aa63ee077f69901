//! Finding personal data in text that may still go on. Each detector is an exact function of the
//! text: a verdict that would need a byte that is not there yet is no verdict, so the answer does
//! not depend on where chunks end. It never changes a text.
//!
//! What is found, and what is left alone on purpose:
//!
//! | detector | found | left alone |
//! |---|---|---|
//! | e-mail | dot-atoms (RFC 5321) with a dotted domain, Unicode too; the last 64 bytes of a longer local part | quoted local parts, `user@localhost`, address literals; `=`, `/`, `?`, `&`, `\|`, braces and backticks delimit |
//! | card | 13–19 digits, single spaces or dashes between groups, a known issuer, Luhn | digits next to letters, fractions |
//! | IBAN | country, its length, mod 97; plain or in fours | other grouping |
//! | phone | `+` and 8–15 digits; `(415) 555-2671`, `415-555-2671`, `030/1234567`, `01 42 68 53 00` and the like | bare digits, dates, times, versions, prices, identifiers |
//! | IP | four octets; IPv6 in every form that has a digit, three groups or a long group | versions with five parts, clock times, MAC addresses, `::` alone |
//! | JWT | `eyJ`, two to four dots (RFC 7515, RFC 7516) | a first part beyond 8 KiB |

pub(crate) mod card;
mod digits;
pub(crate) mod email;
mod iban;
mod ip;
mod jwt;
mod phone;

use std::fmt;
use std::str::FromStr;

use crate::bytes::{byte_at, tail};
use crate::plan::{Detectors, Hit};

/// A kind of personal data that is found by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Detector {
    /// An e-mail address.
    Email,
    /// A payment card number.
    Card,
    /// An international bank account number (ISO 13616).
    Iban,
    /// A telephone number.
    Phone,
    /// An IP address, version 4 or 6.
    Ip,
    /// A JSON web token.
    Jwt,
}

impl Detector {
    /// Every detector.
    pub const ALL: [Self; 6] =
        [Self::Email, Self::Card, Self::Iban, Self::Phone, Self::Ip, Self::Jwt];

    /// The name in the catalog.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Card => "card",
            Self::Iban => "iban",
            Self::Phone => "phone",
            Self::Ip => "ip",
            Self::Jwt => "jwt",
        }
    }

    /// The position in [`Detector::ALL`].
    #[must_use]
    pub fn index(self) -> usize {
        match self {
            Self::Email => 0,
            Self::Card => 1,
            Self::Iban => 2,
            Self::Phone => 3,
            Self::Ip => 4,
            Self::Jwt => 5,
        }
    }
}

impl fmt::Display for Detector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Detector {
    type Err = UnknownDetector;

    fn from_str(name: &str) -> Result<Self, UnknownDetector> {
        Self::ALL.into_iter().find(|detector| detector.name() == name).ok_or(UnknownDetector)
    }
}

/// The name is not one of [`Detector::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a data type: known are email, card, iban, phone, ip and jwt")]
pub struct UnknownDetector;

/// Whether more text may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    Closed,
}

/// A text as a detector sees it: bytes before `from` are context that was decided before.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'t> {
    pub(crate) bytes: &'t [u8],
    pub(crate) from: usize,
    pub(crate) end: End,
}

/// What stands at a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Peek {
    Byte(u8),
    /// The text ends here.
    End,
    /// The text goes on, but not yet.
    Unknown,
}

impl<'t> View<'t> {
    /// A whole text.
    pub(crate) fn closed(bytes: &'t [u8]) -> Self {
        Self { bytes, from: 0, end: End::Closed }
    }

    fn peek(&self, position: usize) -> Peek {
        match (byte_at(self.bytes, position), self.end) {
            (Some(byte), End::Open | End::Closed) => Peek::Byte(byte),
            (None, End::Closed) => Peek::End,
            (None, End::Open) => Peek::Unknown,
        }
    }

    /// The byte before a position; 0 at the beginning of the text.
    fn before(&self, position: usize) -> u8 {
        position.checked_sub(1).and_then(|before| byte_at(self.bytes, before)).unwrap_or(0)
    }

    fn is_open(&self) -> bool {
        self.end == End::Open
    }
}

/// What a detector says about one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    No,
    Yes {
        start: usize,
        end: usize,
    },
    /// More text is needed to say; nothing from here on may leave.
    Undecided {
        start: usize,
    },
}

/// A stretch of text to be masked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// The detector to count it for.
    pub(crate) detector: Detector,
    /// `None` where finds of several detectors were joined.
    pub(crate) shape: Option<Detector>,
    pub(crate) hit: Hit,
}

/// A token that is longer than any limit, from this position on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLong(pub(crate) usize);

/// Finds everything the detectors look for. Overlapping finds are joined and take the stricter way,
/// so that no rest of one survives beside the other.
///
/// Returns up to where the text is decided; finds that reach beyond are left for later.
pub(crate) fn find(
    view: View<'_>,
    detectors: &Detectors,
    token_bytes_max: usize,
    found: &mut Vec<Found>,
) -> Result<usize, TooLong> {
    found.clear();
    let mut search = Search { view, detectors, found, limit: view.bytes.len() };
    let hints = hints(view);
    if detectors.wants(Detector::Email) && (hints & AT != 0 || view.is_open()) {
        email::find(&mut search);
    }
    if hints & DIGIT != 0 || view.is_open() {
        digits::find(&mut search);
    }
    if detectors.wants(Detector::Ip) && (hints & COLON != 0 || view.is_open()) {
        ip::find_v6(&mut search);
    }
    if detectors.wants(Detector::Jwt) && (hints & JAY != 0 || view.is_open()) {
        jwt::find(&mut search, token_bytes_max)?;
    }
    let limit = search.limit;
    Ok(join(found, limit))
}

/// Whether anything at all may be found in a whole text: the quick answer for most strings.
#[inline]
pub(crate) fn may_find(text: &[u8]) -> bool {
    hints(View::closed(text)) != 0
}

/// A search under way.
struct Search<'s> {
    view: View<'s>,
    detectors: &'s Detectors,
    found: &'s mut Vec<Found>,
    limit: usize,
}

impl Search<'_> {
    fn wants(&self, detector: Detector) -> bool {
        self.detectors.wants(detector)
    }

    fn hold_from(&mut self, start: usize) {
        self.limit = self.limit.min(start.max(self.view.from));
    }

    /// Takes a verdict and says where the detector may look again.
    fn take(&mut self, detector: Detector, verdict: Verdict) -> Option<usize> {
        match verdict {
            Verdict::No => None,
            Verdict::Undecided { start } => {
                self.hold_from(start);
                Some(usize::MAX)
            }
            Verdict::Yes { start, end } => {
                if let Some(hit) = self.detectors.hit(detector) {
                    let shape = Some(detector);
                    self.found.push(Found { start, end, detector, shape, hit });
                }
                Some(end)
            }
        }
    }
}

/// Sorts and joins, and cuts off what is not decided yet.
fn join(found: &mut Vec<Found>, mut limit: usize) -> usize {
    if found.len() > 1 {
        found.sort_unstable_by_key(|find| (find.start, find.end, find.detector));
        found.dedup_by(|next, kept| {
            if next.start >= kept.end {
                return false;
            }
            if kept.detector != next.detector {
                // The longer find names the whole when it covers the other one.
                let covered = (next.start == kept.start && next.end >= kept.end)
                    .then_some(next.shape)
                    .or((next.end <= kept.end).then_some(kept.shape));
                kept.shape = covered.flatten();
            }
            if next.hit.how > kept.hit.how {
                kept.hit = next.hit;
                kept.detector = next.detector;
            }
            kept.end = kept.end.max(next.end);
            true
        });
    }
    while let Some(last) = found.last().filter(|last| last.end > limit) {
        limit = limit.min(last.start);
        found.pop();
    }
    limit
}

/// Bytes from which on a text is looked at in blocks: most strings are shorter.
const BLOCK_BYTES: usize = 16;
const DIGIT: u8 = 1;
const AT: u8 = 2;
const COLON: u8 = 4;
const JAY: u8 = 8;

/// Which detectors are worth asking at all. It may only say too much.
fn hints(view: View<'_>) -> u8 {
    let bytes = tail(view.bytes, view.from);
    if bytes.len() < BLOCK_BYTES {
        let known = |byte: &u8| HINTS.get(usize::from(*byte)).copied().unwrap_or(u8::MAX);
        return bytes.iter().fold(0, |all, byte| all | known(byte));
    }
    // Without early exits, so that the compiler may look at many bytes at once.
    bytes.iter().fold(0, |all, byte| all | hint(*byte))
}

#[expect(clippy::as_conversions, reason = "a bool is 0 or 1, and From is not const")]
const fn hint(byte: u8) -> u8 {
    ((byte.wrapping_sub(b'0') < 10) as u8 * DIGIT)
        | ((byte == b'@') as u8 * AT)
        | ((byte == b':') as u8 * COLON)
        | ((byte == b'J') as u8 * JAY)
}

/// [`hint`] of every byte, for short strings.
#[expect(clippy::as_conversions, clippy::indexing_slicing, reason = "made by the compiler")]
static HINTS: [u8; 256] = {
    let mut hints = [0; 256];
    let mut byte = 0_u8;
    loop {
        hints[byte as usize] = hint(byte);
        if byte == u8::MAX {
            break hints;
        }
        byte += 1;
    }
};

/// A letter or digit of ASCII: what makes a neighbour part of the same word.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// How many decided bytes the detectors may look back at.
pub(crate) const CONTEXT_BYTES: usize = 72;

#[cfg(test)]
mod tests;
