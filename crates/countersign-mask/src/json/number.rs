//! The grammar of a JSON number (RFC 8259 section 6), byte by byte, and the card number that a number
//! may be.

use crate::detect::card;

/// How far a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    /// After the minus.
    Minus,
    /// After a leading zero.
    Zero,
    /// In the digits before the point.
    Whole,
    /// After the point.
    Point,
    /// In the digits behind the point.
    Fraction,
    /// After the `e`.
    Exponent,
    /// After the sign of the exponent.
    Sign,
    /// In the digits of the exponent.
    Power,
}

impl Number {
    /// The state after the first byte.
    pub(super) fn start(byte: u8) -> Self {
        match byte {
            b'-' => Self::Minus,
            b'0' => Self::Zero,
            _ => Self::Whole,
        }
    }

    /// The state after another byte; none if the byte is no part of a number here.
    pub(super) fn step(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Minus, b'0') => Some(Self::Zero),
            (Self::Minus, b'1'..=b'9') | (Self::Whole, b'0'..=b'9') => Some(Self::Whole),
            (Self::Zero | Self::Whole, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::Sign),
            (Self::Exponent | Self::Sign | Self::Power, b'0'..=b'9') => Some(Self::Power),
            _ => None,
        }
    }

    /// Whether a number may end here.
    pub(super) fn is_whole(self) -> bool {
        match self {
            Self::Zero | Self::Whole | Self::Fraction | Self::Power => true,
            Self::Minus | Self::Point | Self::Exponent | Self::Sign => false,
        }
    }
}

/// Whether a number is a card number, however it is written: `4111111111111111`, with a zero
/// fraction, or as `4.111111111111111e15`, which some languages make of it.
pub(super) fn is_card(number: &[u8]) -> bool {
    if number.len() < 13 {
        return false;
    }
    let mut digits = [0_u8; 40];
    let mut count = 0_usize;
    let mut whole = None;
    let mut exponent = 0_usize;
    let mut bytes = number.iter();
    for byte in bytes.by_ref() {
        match byte {
            b'0'..=b'9' => {
                if let Some(slot) = digits.get_mut(count) {
                    *slot = *byte;
                } else if *byte != b'0' {
                    return false;
                }
                count += 1;
            }
            b'.' => whole = Some(count),
            b'e' | b'E' => break,
            _ => {}
        }
    }
    for byte in bytes {
        match byte {
            b'0'..=b'9' => exponent = (exponent * 10 + usize::from(byte - b'0')).min(100),
            b'-' => return false,
            _ => {}
        }
    }
    let length = whole.unwrap_or(count) + exponent;
    let (Some(integer), Some(fraction)) = (digits.get(..length), digits.get(length..)) else {
        return false;
    };
    // Digits that were never written are zeros of the exponent.
    let mut padded = [b'0'; 40];
    for (slot, digit) in padded.iter_mut().zip(integer).take(count) {
        *slot = *digit;
    }
    let fraction_is_zero = fraction.iter().all(|digit| matches!(digit, 0 | b'0'));
    fraction_is_zero && card::is_card(padded.get(..length).unwrap_or_default())
}
