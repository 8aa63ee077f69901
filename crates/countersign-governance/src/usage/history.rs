//! When calls were made: by day for a quarter of a year before the newest, by week before that, for more
//! than a year. A few bytes a day. However calls are put together into batches, the same bytes come out.

/// What is counted in one stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Calls that ran and succeeded.
    pub(crate) used: u64,
    /// Calls that ran and failed, or of whose end nobody knows.
    pub(crate) failed: u64,
    /// Approvals that calls used up.
    pub(crate) approvals: u64,
    /// Values that were masked in answers.
    pub(crate) masked: u64,
}

impl Counts {
    pub(crate) fn add(&mut self, other: Self) {
        self.used = self.used.saturating_add(other.used);
        self.failed = self.failed.saturating_add(other.failed);
        self.approvals = self.approvals.saturating_add(other.approvals);
        self.masked = self.masked.saturating_add(other.masked);
    }
}

/// How long a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Width {
    Day,
    Week,
}

/// Calls of one day or week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Its first day, since 1970-01-01.
    pub(crate) day: i64,
    pub(crate) width: Width,
    pub(crate) counts: Counts,
}

/// Calls by time, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History(Vec<Bucket>);

/// Days that are kept one by one before the newest.
pub(crate) const DAYS_KEPT: i64 = 92;
/// Days after which weeks are forgotten; the totals stay.
const WEEKS_KEPT_DAYS: i64 = 58 * 7;

/// The first day of a day's week: weeks begin on Thursdays, as 1970 did.
pub(crate) fn week_of(day: i64) -> i64 {
    day - day.rem_euclid(7)
}

impl History {
    /// Adds calls of days.
    pub(crate) fn add(&mut self, days: impl IntoIterator<Item = (i64, Counts)>) {
        let added = days.into_iter().map(|(day, counts)| Bucket { day, width: Width::Day, counts });
        self.0.extend(added);
        let newest = self.0.iter().map(|it| it.day).max().unwrap_or(0);
        for bucket in &mut self.0 {
            if bucket.day < newest - DAYS_KEPT {
                bucket.day = week_of(bucket.day);
                bucket.width = Width::Week;
            }
        }
        self.0.retain(|it| it.day >= newest - WEEKS_KEPT_DAYS);
        self.0.sort_by_key(|it| (it.day, it.width));
        self.0.dedup_by(|later, earlier| {
            let same = (later.day, later.width) == (earlier.day, earlier.width);
            if same {
                earlier.counts.add(later.counts);
            }
            same
        });
    }

    pub(crate) fn buckets(&self) -> &[Bucket] {
        &self.0
    }

    /// The bytes of a row.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len() * 4);
        let mut before = 0;
        for Bucket { day, width, counts } in &self.0 {
            let step = u64::try_from(day - before).unwrap_or(0);
            before = *day;
            let rest = [counts.failed, counts.approvals, counts.masked];
            let mut flags = match width {
                Width::Day => 0,
                Width::Week => WEEK,
            };
            for (place, count) in rest.iter().enumerate() {
                if *count > 0 {
                    flags |= 2 << place;
                }
            }
            write(&mut out, step << FLAG_BITS | flags);
            write(&mut out, counts.used);
            rest.into_iter().filter(|it| *it > 0).for_each(|it| write(&mut out, it));
        }
        out
    }

    /// Reads what [`Self::to_bytes`] wrote; `None` for anything else.
    pub(crate) fn from_bytes(mut bytes: &[u8]) -> Option<Self> {
        let (mut buckets, mut before) = (Vec::new(), 0_i64);
        while !bytes.is_empty() {
            let head = read(&mut bytes)?;
            let day = before.checked_add(i64::try_from(head >> FLAG_BITS).ok()?)?;
            before = day;
            let width = if head & WEEK == 0 { Width::Day } else { Width::Week };
            let mut counts = Counts { used: read(&mut bytes)?, ..Counts::default() };
            let rest = [&mut counts.failed, &mut counts.approvals, &mut counts.masked];
            for (place, count) in rest.into_iter().enumerate() {
                if head & (2 << place) != 0 {
                    *count = read(&mut bytes)?;
                }
            }
            buckets.push(Bucket { day, width, counts });
        }
        Some(Self(buckets))
    }
}

const FLAG_BITS: u32 = 4;
const WEEK: u64 = 1;

/// Seven bits a byte, the lowest first (LEB128).
fn write(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7F).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7F).checked_shl(shift)?;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
