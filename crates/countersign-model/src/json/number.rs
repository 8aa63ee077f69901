//! Numbers as decimals: which texts mean one double and no other, and how ECMAScript writes it.

use super::FaultKind;
use serde_json::Number;

/// Digits after which no decimal is the shortest of a double.
const DIGITS_MAX: usize = 17;

/// The largest integer of which a double knows the neighbours (RFC 7493, section 2.2).
const INTEGER_MAX: u64 = (1 << 53) - 1;

/// ECMAScript writes integers of up to this many digits in full.
const FULL_DIGITS_MAX: i32 = 21;

/// How a number was written.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// Digits only.
    Whole,
    /// With a point or an exponent.
    Fraction,
}

/// What a number's text, which the grammar took, means.
pub(super) fn read(text: &str, form: Form) -> Result<Number, FaultKind> {
    let negative = text.starts_with('-');
    match form {
        Form::Whole => {
            let digits = text.trim_start_matches('-');
            // Fails only when it is too large: the grammar saw digits.
            let size = digits.parse().map_err(|_| FaultKind::IntegerTooLarge)?;
            integer(negative, size)
        }
        Form::Fraction => {
            let decimal = Decimal::read(text).ok_or(FaultKind::AmbiguousNumber)?;
            match decimal.integer() {
                Integer::Fits(size) => integer(negative, size),
                Integer::TooLarge => Err(FaultKind::IntegerTooLarge),
                Integer::Not => double(text, &decimal),
            }
        }
    }
}

/// Writes a double as ECMAScript's `Number::toString` does (RFC 8785, section 3.2.2.3).
pub(super) fn write_double(double: f64, out: &mut Vec<u8>) {
    let mut buffer = ryu::Buffer::new();
    let shortest = buffer.format_finite(double);
    let Some(decimal) = Decimal::read(shortest) else {
        // The shortest decimal has at most 17 digits, so this is never reached.
        return out.extend_from_slice(shortest.as_bytes());
    };
    let digits = decimal.digits();
    if digits.is_empty() {
        return out.push(b'0');
    }
    if double.is_sign_negative() {
        out.push(b'-');
    }
    let point = decimal.point;
    if (1..=FULL_DIGITS_MAX).contains(&point) {
        let whole = usize::try_from(point).unwrap_or(0);
        match digits.split_at_checked(whole) {
            Some((whole, [])) => out.extend_from_slice(whole),
            Some((whole, fraction)) => {
                out.extend_from_slice(whole);
                out.push(b'.');
                out.extend_from_slice(fraction);
            }
            None => {
                out.extend_from_slice(digits);
                out.extend(std::iter::repeat_n(b'0', whole - digits.len()));
            }
        }
    } else if (-5..=0).contains(&point) {
        out.extend_from_slice(b"0.");
        let zeros = usize::try_from(point.unsigned_abs()).unwrap_or(0);
        out.extend(std::iter::repeat_n(b'0', zeros));
        out.extend_from_slice(digits);
    } else {
        let (first, more) = digits.split_at_checked(1).unwrap_or((digits, &[]));
        out.extend_from_slice(first);
        if !more.is_empty() {
            out.push(b'.');
            out.extend_from_slice(more);
        }
        let exponent = point - 1;
        out.extend_from_slice(if exponent < 0 { b"e-" } else { b"e+" });
        out.extend_from_slice(itoa::Buffer::new().format(exponent.unsigned_abs()).as_bytes());
    }
}

fn integer(negative: bool, size: u64) -> Result<Number, FaultKind> {
    match i64::try_from(size) {
        Ok(0) if negative => Err(FaultKind::NegativeZero),
        Ok(signed) if size <= INTEGER_MAX => {
            Ok(Number::from(if negative { -signed } else { signed }))
        }
        Ok(_) | Err(_) => Err(FaultKind::IntegerTooLarge),
    }
}

/// The double of a text that is no integer, if the text is the shortest that says it.
fn double(text: &str, decimal: &Decimal) -> Result<Number, FaultKind> {
    let double: f64 = text.parse().map_err(|_| FaultKind::BadNumber)?;
    // Infinity, which an overflow became, is no `Number`.
    let number = Number::from_f64(double).ok_or(FaultKind::AmbiguousNumber)?;
    // Decimals of up to 15 digits have a double each, as long as that is a normal one.
    let surely_shortest = decimal.length <= 15 && (-300..=300).contains(&decimal.point);
    if surely_shortest {
        return Ok(number);
    }
    match Decimal::read(ryu::Buffer::new().format_finite(double)) {
        Some(shortest) if shortest == *decimal => Ok(number),
        Some(_) | None => Err(FaultKind::AmbiguousNumber),
    }
}

/// The size of a decimal number without needless zeros: 0.`digits` × 10^`point`.
#[derive(Debug, PartialEq, Eq)]
struct Decimal {
    digits: [u8; DIGITS_MAX],
    length: usize,
    point: i32,
}

enum Integer {
    Fits(u64),
    TooLarge,
    Not,
}

impl Decimal {
    /// Reads what RFC 8259 calls a number; `None` when it has more digits than any double's
    /// shortest decimal. An exponent that is out of all bounds stays out of all bounds.
    fn read(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let mut decimal = Self { digits: [0; DIGITS_MAX], length: 0, point: 0 };
        let (mut zeros_behind, mut zeros_before) = (0_usize, 0_usize);
        for digit in whole.bytes().chain(fraction.bytes()) {
            match digit {
                b'0' if decimal.length == 0 => zeros_before += 1,
                b'0' => zeros_behind += 1,
                _ => {
                    decimal.length += zeros_behind + 1;
                    *decimal.digits.get_mut(decimal.length - 1)? = digit;
                    zeros_behind = 0;
                }
            }
        }
        // Zeros between other digits were counted, not written.
        decimal.digits.iter_mut().take(decimal.length).for_each(|it| *it = (*it).max(b'0'));
        if decimal.length > 0 {
            let shift = i32::try_from(whole.len()).ok()? - i32::try_from(zeros_before).ok()?;
            decimal.point = saturating(exponent).saturating_add(shift);
        }
        Some(decimal)
    }

    fn digits(&self) -> &[u8] {
        self.digits.get(..self.length).unwrap_or_default()
    }

    fn integer(&self) -> Integer {
        let length = i32::try_from(self.length).unwrap_or(i32::MAX);
        if self.point < length || self.point > FULL_DIGITS_MAX {
            return Integer::Not;
        }
        let padding = u32::try_from(self.point - length).unwrap_or(u32::MAX);
        let size = self.digits().iter().try_fold(0_u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit.saturating_sub(b'0')))
        });
        match size.zip(10_u64.checked_pow(padding)).and_then(|(size, by)| size.checked_mul(by)) {
            Some(size) => Integer::Fits(size),
            None => Integer::TooLarge,
        }
    }
}

/// An exponent's text as a number; beyond what an `i32` holds, something far out on that side.
fn saturating(exponent: &str) -> i32 {
    const FAR: i32 = 1_000_000_000;
    let far = if exponent.starts_with('-') { -FAR } else { FAR };
    exponent.parse().map_or(far, |it: i32| it.clamp(-FAR, FAR))
}
