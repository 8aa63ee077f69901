//! Telephone numbers: E.164 with `+`, and the national ways of writing that nothing else looks like.
//! When in doubt it is not a phone number: bare digits, dates, times, versions and prices never are.

use super::{Peek, Verdict, View, is_word};
use crate::bytes::byte_at;

/// E.164 section 6: at most 15 digits; the shortest numbers in use have 8 with the country.
const DIGITS_MIN: usize = 8;
const DIGITS_MAX: usize = 15;
/// National forms with an international prefix of `00`.
const PREFIXED_MAX: usize = 17;
const GROUPS_MAX: usize = 8;

/// The number that starts with the group of digits at a position, or with its `+` or `(`.
pub(super) fn at(view: &View<'_>, digit: usize) -> Verdict {
    let before = view.before(digit);
    let lead = match before {
        b'+' => Lead::Plus,
        b'(' => Lead::Parenthesis,
        _ => Lead::None,
    };
    let start = match lead {
        Lead::None => digit,
        Lead::Plus | Lead::Parenthesis => digit - 1,
    };
    if !may_start(view, start, lead) {
        return Verdict::No;
    }
    let Some(groups) = Groups::read(view, digit) else {
        return Verdict::Undecided { start }.unless_before(view.from);
    };
    let end = match lead {
        Lead::Plus => groups.international(),
        Lead::Parenthesis | Lead::None => match view.peek(groups.end + 1) {
            Peek::Unknown if groups.ends_softly => {
                return Verdict::Undecided { start }.unless_before(view.from);
            }
            // A path, a fraction, an identifier or a range goes on.
            Peek::Byte(next) if groups.ends_softly && is_word(next) => None,
            Peek::Byte(_) | Peek::End | Peek::Unknown => {
                groups.national(lead).then_some(groups.end)
            }
        },
    };
    end.map_or(Verdict::No, |end| Verdict::Yes { start, end }).unless_before(view.from)
}

/// What stands before the first digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lead {
    None,
    Plus,
    Parenthesis,
}

fn may_start(view: &View<'_>, start: usize, lead: Lead) -> bool {
    let before = view.before(start);
    if is_word(before) || before == b'_' {
        return false;
    }
    match lead {
        Lead::Plus => before != b'+',
        Lead::None | Lead::Parenthesis => {
            let in_time = before == b':' && view.before(start - 1).is_ascii_digit();
            !matches!(before, b'.' | b'-' | b'/' | b'+' | b'#' | b'$') && !in_time
        }
    }
}

/// What stands between two groups.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Separator {
    #[default]
    Space,
    Dash,
    Dot,
    Slash,
    Open,
    Close,
}

/// Groups of digits with single separators between them.
#[derive(Debug, Default)]
struct Groups {
    lengths: [usize; GROUPS_MAX],
    ends: [usize; GROUPS_MAX],
    separators: [Separator; GROUPS_MAX],
    count: usize,
    digits: [u8; PREFIXED_MAX],
    digits_count: usize,
    /// After the last group that counts.
    end: usize,
    /// The run of groups goes on beyond what a number can have, or into a word.
    goes_on: bool,
    /// A byte follows that would join another group.
    ends_softly: bool,
}

impl Groups {
    /// Reads from the first digit; nothing if the text ends before the groups do.
    fn read(view: &View<'_>, digit: usize) -> Option<Self> {
        let mut groups = Self::default();
        let mut position = digit;
        loop {
            let start = position;
            while let Peek::Byte(byte @ b'0'..=b'9') = view.peek(position) {
                let Some(slot) = groups.digits.get_mut(groups.digits_count) else {
                    groups.goes_on = true;
                    return Some(groups);
                };
                *slot = byte;
                groups.digits_count += 1;
                position += 1;
            }
            match view.peek(position) {
                Peek::Unknown => return None,
                Peek::Byte(byte) if is_word(byte) || byte == b'_' => {
                    groups.digits_count -= position - start;
                    groups.goes_on = true;
                    return Some(groups);
                }
                Peek::Byte(_) | Peek::End => {}
            }
            let count = groups.count;
            let (Some(length), Some(end)) =
                (groups.lengths.get_mut(count), groups.ends.get_mut(count))
            else {
                groups.goes_on = true;
                return Some(groups);
            };
            (*length, *end) = (position - start, position);
            groups.count += 1;
            groups.end = position;
            let (separator, width) = match separator(view, position) {
                Next::Group(separator, width) => (separator, width),
                Next::Unknown => return None,
                Next::Other => {
                    let next = view.peek(position);
                    groups.ends_softly = matches!(next, Peek::Byte(b'-' | b'.' | b'/' | b':'));
                    return Some(groups);
                }
            };
            if let Some(slot) = groups.separators.get_mut(count) {
                *slot = separator;
            }
            position += width;
        }
    }

    fn digit(&self, position: usize) -> u8 {
        byte_at(&self.digits, position).unwrap_or(0)
    }

    /// The end of the longest prefix that E.164 allows.
    fn international(&self) -> Option<usize> {
        if !(b'1'..=b'9').contains(&self.digit(0)) {
            return None;
        }
        let mut total = 0;
        let mut best = None;
        for (length, end) in self.lengths.iter().zip(&self.ends).take(self.count) {
            total += length;
            if (DIGITS_MIN..=DIGITS_MAX).contains(&total) {
                best = Some(*end);
            }
        }
        best
    }

    /// Whether the groups are a number as it is written in its own country.
    fn national(&self, lead: Lead) -> bool {
        if self.goes_on || self.count < 2 {
            return false;
        }
        let lengths = self.lengths.get(..self.count).unwrap_or_default();
        let separators = self.separators.get(..self.count - 1).unwrap_or_default();
        let even = |separators: &[Separator]| {
            let first = separators.first();
            separators.iter().all(|separator| Some(separator) == first)
                && matches!(first, Some(Separator::Space | Separator::Dash | Separator::Dot))
        };
        let high = |position| (b'2'..=b'9').contains(&self.digit(position));
        let closed = separators.first() == Some(&Separator::Close);
        let total = self.digits_count;
        match (lead, lengths) {
            // (415) 555-2671 and (11) 91234-5678
            (Lead::Parenthesis, [3, 3, 4]) if closed && self.digit(0) != b'0' => high(0) && high(3),
            (Lead::Parenthesis, [2, 4 | 5, 4]) if closed => self.digit(0) != b'0',
            (Lead::Parenthesis, [3..=6, rest @ ..]) => {
                closed && self.trunk(1) && (8..=13).contains(&total) && rest.iter().all(|x| *x >= 2)
            }
            // 415-555-2671
            (Lead::None, [3, 3, 4]) if self.digit(0) != b'0' => {
                even(separators) && high(0) && high(3)
            }
            (Lead::None, [1, 3, 3, 4]) => {
                self.digit(0) == b'1' && high(1) && high(4) && separators.iter().all(|x| x.joins())
            }
            // 1 (415) 555-2671 has its parenthesis inside, and is covered above.
            // 01 42 68 53 00 and 02 9374 4000
            (Lead::None, [2, 2, 2, 2, 2] | [2, 4, 4]) => self.trunk(1) && even(separators),
            // 0049 30 1234567
            (Lead::None, [4..=6, rest @ ..]) if self.digit(1) == b'0' => {
                self.trunk(2) && total >= 10 && rest.iter().all(|x| *x >= 2)
            }
            // 030/1234567, 0151-12345678, 020 7946 0958
            (Lead::None, [3..=6, rest @ ..]) => {
                self.trunk(1) && (9..=12).contains(&total) && rest.iter().all(|x| *x >= 2)
            }
            _ => false,
        }
    }

    /// Whether exactly this many zeros stand at the beginning.
    fn trunk(&self, zeros: usize) -> bool {
        (0..zeros).all(|position| self.digit(position) == b'0')
            && (b'1'..=b'9').contains(&self.digit(zeros))
    }
}

impl Separator {
    fn joins(self) -> bool {
        match self {
            Self::Space | Self::Dash | Self::Dot | Self::Open | Self::Close => true,
            Self::Slash => false,
        }
    }
}

/// What stands behind a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// A separator of this width, and another group.
    Group(Separator, usize),
    Other,
    /// The text ends too early to say.
    Unknown,
}

fn separator(view: &View<'_>, position: usize) -> Next {
    let separator = match view.peek(position) {
        Peek::Unknown => return Next::Unknown,
        Peek::Byte(b' ') => Separator::Space,
        Peek::Byte(b'-') => Separator::Dash,
        Peek::Byte(b'.') => Separator::Dot,
        Peek::Byte(b'/') => Separator::Slash,
        Peek::Byte(b'(') => Separator::Open,
        Peek::Byte(b')') => Separator::Close,
        Peek::Byte(_) | Peek::End => return Next::Other,
    };
    let next = match view.peek(position + 1) {
        Peek::Unknown => return Next::Unknown,
        Peek::Byte(b'0'..=b'9') => return Next::Group(separator, 1),
        Peek::Byte(next) => next,
        Peek::End => return Next::Other,
    };
    let pair = match (separator, next) {
        (Separator::Space | Separator::Dash, b'(') => Separator::Open,
        (Separator::Close, b' ' | b'-' | b'/' | b'.') => Separator::Close,
        _ => return Next::Other,
    };
    match view.peek(position + 2) {
        Peek::Unknown => Next::Unknown,
        Peek::Byte(b'0'..=b'9') => Next::Group(pair, 2),
        Peek::Byte(_) | Peek::End => Next::Other,
    }
}
