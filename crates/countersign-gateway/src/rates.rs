//! Counts calls against rates: a token bucket for each subject, function and rate. The counters
//! are this gateway's own: with n gateways a subject may make n times as many calls.

use countersign_model::{
    Snapshot, Span, Subject, Timestamp,
    catalog::{FunctionIx, FunctionName, Rate},
    decide::{Meter, Taken},
};
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Buckets at most; beyond it, buckets that are full again are forgotten.
const BUCKETS_MAX: usize = 100_000;

type Key = (Subject, FunctionName, u32, Span);

/// The buckets of all subjects.
#[derive(Debug, Default)]
pub(crate) struct Rates(Mutex<HashMap<Key, Bucket>>);

/// What is left, and as of when. A call costs as many units as its period has milliseconds, and
/// each millisecond gives as many units as the period has calls: whole numbers, so that nothing is
/// lost however often somebody asks.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: i128,
    at: Timestamp,
}

/// Rates as the decision asks for them at one moment.
#[derive(Debug)]
pub(crate) struct MeterOf<'a> {
    rates: &'a Rates,
    snapshot: &'a Snapshot,
    now: Timestamp,
}

impl<'a> MeterOf<'a> {
    pub(crate) fn new(rates: &'a Rates, snapshot: &'a Snapshot, now: Timestamp) -> Self {
        Self { rates, snapshot, now }
    }
}

impl Meter for MeterOf<'_> {
    fn take(&self, subject: &Subject, function: FunctionIx, rate: Rate) -> Taken {
        match self.snapshot.catalog().function(function) {
            Some(function) => self.rates.take(subject, &function.name, rate, self.now),
            None => Taken::UsedUp { retry_after: rate.per },
        }
    }
}

/// For a call that was counted before.
#[derive(Debug)]
pub(crate) struct NoMeter;

impl Meter for NoMeter {
    fn take(&self, _: &Subject, _: FunctionIx, _: Rate) -> Taken {
        Taken::Within
    }
}

impl Rates {
    /// Takes one from what `subject` may do under this name.
    pub(crate) fn take(
        &self,
        subject: &Subject,
        function: &FunctionName,
        rate: Rate,
        now: Timestamp,
    ) -> Taken {
        let mut buckets = self.buckets();
        if buckets.len() >= BUCKETS_MAX {
            buckets.retain(|(_, _, calls, per), bucket| {
                let rate = Rate { calls: *calls, per: *per };
                bucket.refilled(rate, now).left < full(rate)
            });
        }
        let fresh = Bucket { left: full(rate), at: now };
        let key = (subject.clone(), function.clone(), rate.calls, rate.per);
        let bucket = buckets.entry(key).or_insert(fresh);
        *bucket = bucket.refilled(rate, now);
        let missing = cost(rate) - bucket.left;
        if missing > 0 {
            let each = i128::from(rate.calls).max(1);
            let millis = i64::try_from((missing + each - 1) / each).unwrap_or(i64::MAX);
            return Taken::UsedUp { retry_after: Span::from_millis(millis) };
        }
        bucket.left = -missing;
        Taken::Within
    }

    fn buckets(&self) -> MutexGuard<'_, HashMap<Key, Bucket>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    /// A clock that steps back adds nothing and takes nothing.
    fn refilled(self, rate: Rate, now: Timestamp) -> Self {
        let passed = now.since(self.at).millis();
        if passed <= 0 {
            return self;
        }
        let more = i128::from(passed) * i128::from(rate.calls);
        Self { left: self.left.saturating_add(more).min(full(rate)), at: now }
    }
}

fn cost(rate: Rate) -> i128 {
    i128::from(rate.per.millis().max(1))
}

fn full(rate: Rate) -> i128 {
    i128::from(rate.calls) * cost(rate)
}

#[cfg(test)]
mod tests;
