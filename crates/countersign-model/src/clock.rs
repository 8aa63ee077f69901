//! Time and randomness as values that the binary hands in. Nothing here reads either by itself.

use serde::{Deserialize, Serialize};
use std::{
    fmt,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
};

/// A moment, in milliseconds since the Unix epoch, UTC. Written as RFC 3339.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the Unix epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This moment plus a span; saturates at the ends of time.
    pub const fn plus(self, span: crate::Span) -> Self {
        Self(self.0.saturating_add(span.millis()))
    }

    /// This moment minus a span; saturates at the ends of time.
    pub const fn minus(self, span: crate::Span) -> Self {
        Self(self.0.saturating_sub(span.millis()))
    }

    /// The time from `earlier` to this moment, in milliseconds; negative if `earlier` is later.
    pub const fn since(self, earlier: Self) -> crate::Span {
        crate::Span::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// Of a date as HTTP writes it (RFC 9110 §5.6.7): `Mon, 30 Nov 2026 08:00:00 GMT`.
    pub fn of_http_date(text: &str) -> Option<Self> {
        let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
        Some(Self(zoned.timestamp().as_millisecond()))
    }

    /// The date alone, `2026-11-22`, in UTC.
    pub fn date(self) -> String {
        self.to_string().chars().take(10).collect()
    }
}

impl Timestamp {
    /// RFC 3339 with milliseconds, in one piece: the ledger writes one for each entry. Years beyond
    /// 0000 to 9999 have no such form.
    fn with_text<T>(self, then: impl FnOnce(&str) -> T) -> T {
        self.with_ascii(|text| then(std::str::from_utf8(text).unwrap_or_default()))
    }

    /// The same as bytes, all of them ASCII, for what is written into a text of bytes.
    pub(crate) fn with_ascii<T>(self, then: impl FnOnce(&[u8]) -> T) -> T {
        let (days, millis) = (self.0.div_euclid(86_400_000), self.0.rem_euclid(86_400_000));
        let (year, month, day) = civil(days);
        if !(0..=9999).contains(&year) {
            return then(format!("{}ms", self.0).as_bytes());
        }
        let (seconds, minutes) = (millis / 1000, millis / 60_000);
        let [year, century] = [two(year % 100), two(year / 100)];
        let [month, day] = [two(month), two(day)];
        let [hour, minute, second] = [two(minutes / 60), two(minutes % 60), two(seconds % 60)];
        let [tens, ones] = two(millis % 100);
        let [_, hundreds] = two(millis % 1000 / 100);
        let text = [
            century[0], century[1], year[0], year[1], b'-', month[0], month[1], b'-', day[0],
            day[1], b'T', hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1],
            b'.', hundreds, tens, ones, b'Z',
        ];
        then(&text)
    }
}

/// The two digits of a number below 100.
fn two(value: i64) -> [u8; 2] {
    let value = u8::try_from(value).unwrap_or(0);
    [b'0' + value / 10, b'0' + value % 10]
}

/// Year, month and day of a day since 1970-01-01, in the proleptic Gregorian calendar. Years begin
/// in March here, so that the leap day is the last: then each month's start is a linear rule.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (month, later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year_of_era + era * 400 + later, month, day)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.write_str(text))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is neither an RFC 3339 time nor a date.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a time like 2026-11-22T09:30:00Z nor a date like 2026-11-22")]
pub struct BadTimestamp(String);

impl FromStr for Timestamp {
    type Err = BadTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
            return Ok(Self(timestamp.as_millisecond()));
        }
        text.parse::<jiff::civil::Date>()
            .ok()
            .and_then(|date| date.to_zoned(jiff::tz::TimeZone::UTC).ok())
            .map(|zoned| Self(zoned.timestamp().as_millisecond()))
            .ok_or_else(|| BadTimestamp(text.to_owned()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.with_text(|text| serializer.serialize_str(text))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Tells the time. Made by the binary, or by a test from a value that it moves.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock that answers what `now` answers.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// A clock that stands still.
    pub fn stopped_at(moment: Timestamp) -> Self {
        Self::new(move || moment)
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Fills buffers with random bytes fit for keys. Made by the binary from the system's generator.
#[derive(Clone)]
pub struct Entropy(Arc<Fill>);

type Fill = dyn Fn(&mut [u8]) + Send + Sync;

impl Entropy {
    /// A source that fills each buffer with `fill`.
    pub fn new(fill: impl Fn(&mut [u8]) + Send + Sync + 'static) -> Self {
        Self(Arc::new(fill))
    }

    /// The same bytes, drawn 4 KiB at a time: a call needs some dozens, and each draw from a system's
    /// generator costs more than the bytes. What was handed out is wiped here.
    #[must_use]
    pub fn in_batches(self) -> Self {
        let batch = Mutex::new(Batch { bytes: vec![0; BATCH_BYTES], left: 0 });
        Self::new(move |out| {
            if out.len() > BATCH_BYTES {
                return self.fill(out);
            }
            let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
            if batch.left < out.len() {
                self.fill(&mut batch.bytes);
                batch.left = BATCH_BYTES;
            }
            let start = batch.left - out.len();
            let left = batch.left;
            if let Some(drawn) = batch.bytes.get_mut(start..left) {
                out.copy_from_slice(drawn);
                drawn.fill(0);
            }
            batch.left = start;
        })
    }

    /// Fills a buffer.
    pub fn fill(&self, bytes: &mut [u8]) {
        (self.0)(bytes);
    }

    /// The next `N` random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.0)(&mut bytes);
        bytes
    }
}

const BATCH_BYTES: usize = 4096;

/// Random bytes that are not handed out yet: the first `left`.
struct Batch {
    bytes: Vec<u8>,
    left: usize,
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy")
    }
}

#[cfg(test)]
mod tests;
