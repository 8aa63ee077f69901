//! A time of day in a place: when digests are due.

use crate::Timestamp;
use jiff::{Zoned, civil, tz::TimeZone};

/// A time of day in a time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Daily {
    at: civil::Time,
    zone: TimeZone,
}

/// A text that is no time of day, or a time zone that nobody knows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDaily {
    /// The time.
    #[error("`{0}` is no time of day; write hours and minutes, such as 08:00")]
    Time(String),
    /// The zone.
    #[error("`{0}` is no time zone; write one of the IANA names, such as Europe/Berlin, or UTC")]
    Zone(String),
}

impl Daily {
    /// Of `08:00` and `Europe/Berlin`.
    ///
    /// # Errors
    /// [`BadDaily`].
    pub fn new(at: &str, zone: &str) -> Result<Self, BadDaily> {
        let at = read_time(at).ok_or_else(|| BadDaily::Time(at.to_owned()))?;
        let zone = TimeZone::get(zone).map_err(|_| BadDaily::Zone(zone.to_owned()))?;
        Ok(Self { at, zone })
    }

    /// The date, `2026-11-30`, whose time of day was the last that came before `now`. A time that the
    /// clocks skip on a day comes when they have skipped it.
    pub fn last(&self, now: Timestamp) -> Option<String> {
        let now = jiff::Timestamp::from_millisecond(now.millis()).ok()?;
        let today = now.to_zoned(self.zone.clone()).date();
        let comes = |day: civil::Date| -> Option<Zoned> {
            day.to_datetime(self.at).to_zoned(self.zone.clone()).ok()
        };
        let yesterday = today.yesterday().ok();
        let days = [Some(today), yesterday];
        let due = |day: &civil::Date| comes(*day).is_some_and(|it| it.timestamp() <= now);
        days.into_iter().flatten().find(due).map(|day| day.to_string())
    }
}

impl Default for Daily {
    /// 08:00 UTC.
    fn default() -> Self {
        Self { at: civil::Time::constant(8, 0, 0, 0), zone: TimeZone::UTC }
    }
}

fn read_time(text: &str) -> Option<civil::Time> {
    let (hours, minutes) = text.split_once(':')?;
    let two = |it: &str| it.len() == 2 && it.bytes().all(|it| it.is_ascii_digit());
    if !two(hours) || !two(minutes) {
        return None;
    }
    civil::Time::new(hours.parse().ok()?, minutes.parse().ok()?, 0, 0).ok()
}
