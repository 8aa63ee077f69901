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

/// Thousandths of a call that are left, and as of when.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    left_millis: i64,
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
    fn take(
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
                bucket.refilled(rate, now).left_millis < full(rate)
            });
        }
        let fresh = Bucket { left_millis: full(rate), at: now };
        let key = (subject.clone(), function.clone(), rate.calls, rate.per);
        let bucket = buckets.entry(key).or_insert(fresh);
        *bucket = bucket.refilled(rate, now);
        if bucket.left_millis < 1000 {
            let missing = 1000 - bucket.left_millis;
            let millis = missing.saturating_mul(rate.per.millis()) / full(rate).max(1);
            return Taken::UsedUp { retry_after: Span::from_millis(millis.saturating_add(1)) };
        }
        bucket.left_millis -= 1000;
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
        let passed = passed.min(rate.per.millis());
        let more = passed.saturating_mul(full(rate)) / rate.per.millis().max(1);
        Self { left_millis: self.left_millis.saturating_add(more).min(full(rate)), at: now }
    }
}

fn full(rate: Rate) -> i64 {
    i64::from(rate.calls).saturating_mul(1000)
}

#[cfg(test)]
mod tests;
