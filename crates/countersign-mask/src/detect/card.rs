//! Payment card numbers: a known issuer, a length that the issuer uses, and the Luhn digit
//! (ISO/IEC 7812-1).

use super::{Peek, Verdict, View, is_word};
use crate::bytes::span;

const DIGITS_MIN: usize = 13;
const DIGITS_MAX: usize = 19;

/// The card number that starts with the digit at a position, if one does.
pub(super) fn at(view: &View<'_>, start: usize) -> Verdict {
    if !may_start(view, start) {
        return Verdict::No;
    }
    let mut digits = [0_u8; DIGITS_MAX];
    let mut count = 0;
    let mut group = 0;
    let mut best = None;
    let mut position = start;
    loop {
        match view.peek(position) {
            Peek::Unknown => return Verdict::Undecided { start },
            Peek::Byte(byte) if byte.is_ascii_digit() => {
                let Some(slot) = digits.get_mut(count) else { break };
                *slot = byte - b'0';
                count += 1;
                group += 1;
                position += 1;
                continue;
            }
            Peek::Byte(byte) if is_word(byte) => break,
            Peek::Byte(byte) => {
                best = ends(&digits, count, position).or(best);
                // In one piece, or in groups of three to six.
                if !matches!(byte, b' ' | b'-') || !(3..=6).contains(&group) {
                    break;
                }
            }
            Peek::End => {
                best = ends(&digits, count, position).or(best);
                break;
            }
        }
        match view.peek(position + 1) {
            Peek::Unknown => return Verdict::Undecided { start },
            Peek::Byte(byte) if byte.is_ascii_digit() => {
                position += 1;
                group = 0;
            }
            Peek::Byte(_) | Peek::End => break,
        }
    }
    best.map_or(Verdict::No, |end| Verdict::Yes { start, end })
}

/// Whether digits, without separators, are a card number.
pub(crate) fn is_card(digits: &[u8]) -> bool {
    let mut values = [0; DIGITS_MAX];
    for (slot, digit) in values.iter_mut().zip(digits) {
        *slot = digit.wrapping_sub(b'0');
    }
    digits.len() <= DIGITS_MAX && ends(&values, digits.len(), 0).is_some()
}

fn may_start(view: &View<'_>, start: usize) -> bool {
    let before = view.before(start);
    let in_fraction = before == b'.' && view.before(start - 1).is_ascii_digit();
    !is_word(before) && !in_fraction
}

fn ends(digits: &[u8; DIGITS_MAX], count: usize, end: usize) -> Option<usize> {
    let digits = span(digits, 0, count);
    (count >= DIGITS_MIN && is_issued(digits) && luhn(digits)).then_some(end)
}

fn luhn(digits: &[u8]) -> bool {
    let mut sum = 0_u32;
    for (position, digit) in digits.iter().rev().enumerate() {
        let digit = u32::from(*digit);
        let doubled = if digit > 4 { digit * 2 - 9 } else { digit * 2 };
        sum += if position % 2 == 1 { doubled } else { digit };
    }
    sum.is_multiple_of(10)
}

/// Whether a scheme issues numbers of this beginning and length.
fn is_issued(digits: &[u8]) -> bool {
    let prefix = |length: usize| {
        span(digits, 0, length).iter().fold(0_u32, |sum, digit| sum * 10 + u32::from(*digit))
    };
    let (two, three, four) = (prefix(2), prefix(3), prefix(4));
    let count = digits.len();
    let visa = prefix(1) == 4 && matches!(count, 13 | 16 | 19);
    let mastercard = ((51..=55).contains(&two) || (2221..=2720).contains(&four)) && count == 16;
    let amex = matches!(two, 34 | 37) && count == 15;
    let discover = (four == 6011 || two == 65 || (644..=649).contains(&three)) && count >= 16;
    let jcb = (3528..=3589).contains(&four) && count >= 16;
    let diners = ((300..=305).contains(&three) || four == 3095 || matches!(two, 36 | 38 | 39))
        && count >= 14;
    let union_pay = matches!(two, 62 | 81) && count >= 16;
    let maestro = matches!(four, 5018 | 5020 | 5038 | 5893 | 6304 | 6759 | 6761..=6763);
    visa || mastercard || amex || discover || jcb || diners || union_pay || maestro
}
