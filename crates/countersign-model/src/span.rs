//! Lengths of time as people write them in a catalog: `90d`, `30m`, `1h30m`.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A length of time in milliseconds. A week is 7 days, a day is 24 hours.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(i64);

const UNITS: [(&str, i64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

impl Span {
    /// From milliseconds.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds; saturates.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000))
    }

    /// From days of 24 hours; saturates.
    pub const fn from_days(days: i64) -> Self {
        Self(days.saturating_mul(86_400_000))
    }

    /// Milliseconds.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// As a standard duration; a negative span is zero.
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(u64::try_from(self.0).unwrap_or(0))
    }
}

impl fmt::Display for Span {
    /// The largest two units that say it, such as `1h30m`; rounds down to them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let mut written = 0;
        for (unit, millis) in UNITS.iter().rev().filter(|(unit, _)| *unit != "w") {
            let millis = millis.unsigned_abs();
            let count = rest / millis;
            if count > 0 && written < 2 {
                write!(f, "{count}{unit}")?;
                rest %= millis;
                written += 1;
            } else if written > 0 {
                break;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a length of time; write a number and a unit, such as 30s, 15m, 8h, 90d")]
pub struct BadSpan(String);

impl FromStr for Span {
    type Err = BadSpan;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = || BadSpan(text.to_owned());
        let (mut rest, mut total) = (text, 0_i64);
        if rest.is_empty() {
            return Err(bad());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
            let (number, tail) = rest.split_at_checked(digits).ok_or_else(bad)?;
            let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
            let (unit, tail) = tail.split_at_checked(letters).ok_or_else(bad)?;
            let number: i64 = number.parse().map_err(|_| bad())?;
            let (_, millis) = UNITS.iter().find(|(it, _)| *it == unit).ok_or_else(bad)?;
            let part = number.checked_mul(*millis).ok_or_else(bad)?;
            total = total.checked_add(part).ok_or_else(bad)?;
            rest = tail;
        }
        Ok(Self(total))
    }
}

impl Serialize for Span {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Exact, so that a span survives a round trip; people see `Display`.
        match UNITS.iter().rev().find(|(_, millis)| self.0 % millis == 0) {
            Some((unit, millis)) => {
                serializer.collect_str(&format_args!("{}{unit}", self.0 / millis))
            }
            None => serializer.collect_str(&format_args!("{}ms", self.0)),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
