//! When a schedule's campaigns open: a pure function of the calendar. Time zones are those that the
//! program was built with, so that every gateway counts alike, also on a machine that has none.

use super::schedule::Recurrence;
use crate::Timestamp;
use jiff::{
    ToSpan as _,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase},
};
use std::sync::LazyLock;

/// One date of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The date in the schedule's own time zone, `2027-01-15`: it names the campaign.
    pub date: String,
    /// When the campaign opens.
    pub opens_at: Timestamp,
}

/// A recurrence that has no dates.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRecurrence {
    /// So many months are none of 1 to 12.
    #[error("every {0} months: between 1 and {MONTHS_MAX}")]
    Months(u8),
    /// No date.
    #[error("`{0}` is no date; write it like 2027-01-15")]
    From(String),
    /// No time zone.
    #[error("`{0}` is no time zone; write an IANA name such as Europe/Berlin, or UTC")]
    TimeZone(String),
    /// No time of day.
    #[error("`{0}` is no time of day; write it like 09:00")]
    At(String),
    /// Beyond the calendar.
    #[error("the calendar ends before the next date")]
    EndOfTime,
}

/// Months between two dates of a schedule at most.
pub const MONTHS_MAX: u8 = 12;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

impl Recurrence {
    /// Everything that is wrong with it.
    pub fn faults(&self) -> Vec<BadRecurrence> {
        let parts = [
            Self { months: self.months, ..Self::sound() },
            Self { from: self.from.clone(), ..Self::sound() },
            Self { time_zone: self.time_zone.clone(), ..Self::sound() },
            Self { at: self.at.clone(), ..Self::sound() },
        ];
        parts.iter().filter_map(|it| Calendar::of(it).err()).collect()
    }

    /// One without a fault, to judge each part of another in.
    fn sound() -> Self {
        let [from, time_zone, at] = ["2027-01-15", "UTC", "09:00"].map(str::to_owned);
        Self { months: 1, from, time_zone, at }
    }

    /// The first date whose opening is strictly after a moment. Dates are counted from the first one, so
    /// that the 31st comes back after a shorter month, and a late question does not move them.
    ///
    /// # Errors
    /// [`BadRecurrence`]; never for what a catalog was compiled from, short of the year 9999.
    pub fn next_after(&self, after: Timestamp) -> Result<Occurrence, BadRecurrence> {
        let calendar = Calendar::of(self)?;
        let mut count = calendar.dates_before(after)?;
        loop {
            let occurrence = calendar.occurrence(count)?;
            if occurrence.opens_at > after {
                return Ok(occurrence);
            }
            count += 1;
        }
    }

    /// The next review: the first date strictly after both the due date and the closing (R14). A campaign
    /// that closes late skips a date rather than opening twice, one that closes early waits for the next.
    ///
    /// # Errors
    /// As [`Self::next_after`].
    pub fn next_review(
        &self,
        due_at: Timestamp,
        closed_at: Timestamp,
    ) -> Result<Occurrence, BadRecurrence> {
        self.next_after(due_at.max(closed_at))
    }

    /// So many dates whose opening is strictly after a moment; fewer where the calendar ends.
    ///
    /// # Errors
    /// As [`Self::next_after`].
    pub fn upcoming(
        &self,
        after: Timestamp,
        count: usize,
    ) -> Result<Vec<Occurrence>, BadRecurrence> {
        let mut dates: Vec<Occurrence> = Vec::with_capacity(count);
        for _ in 0..count {
            let last = dates.last().map_or(after, |it| it.opens_at);
            dates.push(self.next_after(last)?);
        }
        Ok(dates)
    }
}

/// A recurrence, read.
struct Calendar {
    months: i32,
    first: Date,
    at: Time,
    zone: TimeZone,
}

impl Calendar {
    fn of(it: &Recurrence) -> Result<Self, BadRecurrence> {
        if !(1..=MONTHS_MAX).contains(&it.months) {
            return Err(BadRecurrence::Months(it.months));
        }
        let first = written(&it.from, 10).ok_or_else(|| BadRecurrence::From(it.from.clone()))?;
        let at = written(&it.at, 5).ok_or_else(|| BadRecurrence::At(it.at.clone()))?;
        let zone =
            ZONES.get(&it.time_zone).map_err(|_| BadRecurrence::TimeZone(it.time_zone.clone()))?;
        Ok(Self { months: i32::from(it.months), first, at, zone })
    }

    /// How many dates certainly lie before a moment: one or two fewer than there are.
    fn dates_before(&self, after: Timestamp) -> Result<i32, BadRecurrence> {
        let moment = jiff::Timestamp::from_millisecond(after.millis())
            .map_err(|_| BadRecurrence::EndOfTime)?;
        let then = self.zone.to_datetime(moment);
        let months = |date: Date| i32::from(date.year()) * 12 + i32::from(date.month());
        let gone = (months(then.date()) - months(self.first)) / self.months;
        Ok((gone - 1).max(0))
    }

    fn occurrence(&self, count: i32) -> Result<Occurrence, BadRecurrence> {
        let months = i64::from(self.months) * i64::from(count);
        // Counted from the first date: the last day of a month where it has no such day, that month only.
        let date = self
            .first
            .checked_add(
                jiff::Span::new().try_months(months).map_err(|_| BadRecurrence::EndOfTime)?,
            )
            .map_err(|_| BadRecurrence::EndOfTime)?;
        let opens_at = self.moment(date.to_datetime(self.at)).ok_or(BadRecurrence::EndOfTime)?;
        Ok(Occurrence { date: date.to_string(), opens_at })
    }

    /// The moment that the clocks of the zone show so: the first of two, or where they jump over it, the
    /// moment of the jump.
    fn moment(&self, at: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(at);
        let moment = match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => {
                ambiguous.earlier().ok()?
            }
            AmbiguousOffset::Gap { .. } => {
                let after = ambiguous.later().ok()?.checked_add(1.second()).ok()?;
                self.zone.preceding(after).next()?.timestamp()
            }
        };
        Some(Timestamp::from_millis(moment.as_millisecond()))
    }
}

/// A text of exactly so many characters that reads as such a value: jiff itself reads more forms.
fn written<T: std::str::FromStr>(text: &str, length: usize) -> Option<T> {
    text.parse().ok().filter(|_| text.len() == length)
}

#[cfg(test)]
mod tests;
