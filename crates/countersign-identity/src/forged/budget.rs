//! Token buckets for checks that fail, in memory of a fixed size: who fails more often than the
//! bucket refills has to wait. A bucket is kept as the moment at which all that was taken from it
//! will have been paid back, so that it is one number.
//!
//! Whoever is counted has a place in each of two rows, by a keyed hash, and is judged by the better
//! one: to be taken for somebody else, two others have to meet them in both. Nothing is ever
//! evicted, so nobody gets rid of what they did by making room.

use countersign_model::{Span, Timestamp};
use std::{
    hash::{BuildHasher, Hash, RandomState},
    sync::atomic::{AtomicI64, Ordering},
};

/// How many checks may fail.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    /// How long one failed check takes to be paid back, in microseconds.
    cost: i64,
    /// How much may be owed.
    owed_max: i64,
}

/// Who has to wait for whom, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// For what they failed themselves.
    Own(Span),
    /// For what all failed together.
    All(Span),
}

pub(super) struct Budget {
    seed: RandomState,
    rows: [Box<[Place]>; 2],
    /// Microseconds since the epoch: when all that failed is paid back.
    all: AtomicI64,
    each_may: Allowance,
    all_may: Allowance,
}

struct Place {
    /// Microseconds since the epoch: when what failed is paid back.
    paid_at: AtomicI64,
    /// The same: when one last failed.
    failed_at: AtomicI64,
}

impl Allowance {
    pub(super) fn per_second(checks: u32) -> Self {
        let cost = SECOND / i64::from(checks.max(1));
        Self { cost: cost.max(1), owed_max: AT_ONCE_SECONDS * SECOND }
    }

    /// Of what is owed until `paid_at`, how much is owed now. More than can have been booked is the
    /// clock's doing, which was set back: that is nobody's debt.
    fn owed(self, paid_at: i64, now: i64) -> i64 {
        let owed = paid_at.saturating_sub(now).max(0);
        if owed > self.bound() { 0 } else { owed }
    }

    fn booked(self, paid_at: i64, now: i64) -> i64 {
        now.saturating_add((self.owed(paid_at, now) + self.cost).min(self.bound()))
    }

    /// Checks that ran together may have failed beyond what may be owed.
    fn bound(self) -> i64 {
        self.owed_max.saturating_mul(2)
    }

    fn wait(self, owed: i64, owed_max: i64) -> Option<Span> {
        let over = owed + self.cost - owed_max;
        (over > 0).then(|| Span::from_millis((over + 999) / 1000))
    }
}

impl Budget {
    pub(super) fn new(each_may: Allowance, all_may: Allowance) -> Self {
        let row = || std::iter::repeat_with(Place::new).take(PLACES).collect();
        Self {
            seed: RandomState::new(),
            rows: [row(), row()],
            all: AtomicI64::new(i64::MIN),
            each_may,
            all_may,
        }
    }

    /// Whether one more check may fail for whoever this is. Of what all may fail together, half is
    /// kept for those who have not failed lately.
    pub(super) fn look(&self, whose: &impl Hash, now: Timestamp) -> Result<(), Over> {
        self.look_alone(whose, now).map_err(Over::Own)?;
        let now = micros(now);
        let clean = self.places(whose).any(|it| it.is_clean(now));
        let owed_max = if clean { self.all_may.owed_max } else { self.all_may.owed_max / 2 };
        let owed = self.all_may.owed(self.all.load(Ordering::Relaxed), now);
        self.all_may.wait(owed, owed_max).map_or(Ok(()), |wait| Err(Over::All(wait)))
    }

    /// The same, whatever all others do.
    pub(super) fn look_alone(&self, whose: &impl Hash, now: Timestamp) -> Result<(), Span> {
        let now = micros(now);
        let may = self.each_may;
        let owed = self.places(whose).map(|it| may.owed(it.paid_at.load(Ordering::Relaxed), now));
        may.wait(owed.min().unwrap_or(i64::MAX / 4), may.owed_max).map_or(Ok(()), Err)
    }

    /// Books a check that failed.
    pub(super) fn book(&self, whose: &impl Hash, now: Timestamp) {
        self.book_alone(whose, now);
        book(&self.all, self.all_may, micros(now));
    }

    /// The same, without telling all.
    pub(super) fn book_alone(&self, whose: &impl Hash, now: Timestamp) {
        let now = micros(now);
        for place in self.places(whose) {
            book(&place.paid_at, self.each_may, now);
            place.failed_at.store(now, Ordering::Relaxed);
        }
    }

    fn places(&self, whose: &impl Hash) -> impl Iterator<Item = &Place> {
        let hash = self.seed.hash_one(whose);
        let halves = [hash >> 32, hash & u64::from(u32::MAX)];
        self.rows.iter().zip(halves).filter_map(|(row, half)| {
            let place = usize::try_from(half).ok()?.checked_rem(row.len())?;
            row.get(place)
        })
    }
}

impl Place {
    fn new() -> Self {
        Self { paid_at: AtomicI64::new(i64::MIN), failed_at: AtomicI64::new(i64::MIN) }
    }

    fn is_clean(&self, now: i64) -> bool {
        let since = now.saturating_sub(self.failed_at.load(Ordering::Relaxed));
        !(0..LATELY_SECONDS * SECOND).contains(&since)
    }
}

fn book(paid_at: &AtomicI64, may: Allowance, now: i64) {
    let order = Ordering::Relaxed;
    // There always is a next value, so this can't fail.
    let _ = paid_at.fetch_update(order, order, |it| Some(may.booked(it, now)));
}

fn micros(at: Timestamp) -> i64 {
    at.millis().saturating_mul(1000)
}

/// In microseconds.
const SECOND: i64 = 1_000_000;
/// As many checks may fail at once as are paid back in so long.
pub(super) const AT_ONCE_SECONDS: i64 = 10;
/// How long somebody who failed is told from those who have not.
const LATELY_SECONDS: i64 = 600;
/// Of one row: both are half a MiB.
const PLACES: usize = 16_384;
