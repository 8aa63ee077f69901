//! What this gateway counts, in the Prometheus text format, and how many calls it has in hand.

use crate::respond::Answer;
use countersign_model::{Reason, Span};
use std::{
    fmt::Write as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};
use tokio::sync::Notify;

/// Upper bounds of the buckets of call durations, in milliseconds.
const BUCKETS_MS: [i64; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 30_000, 300_000];

/// Counters of one gateway.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    in_hand: AtomicUsize,
    held: AtomicUsize,
    leaving: AtomicUsize,
    draining: AtomicBool,
    drain_began: Notify,
    empty: Notify,
    by_reason: ByReason,
    broken_off: ByReason,
    masked: AtomicU64,
    durations: [AtomicU64; BUCKETS_MS.len()],
    duration_millis: AtomicU64,
    durations_all: AtomicU64,
}

#[derive(Debug)]
struct ByReason(Vec<AtomicU64>);

impl ByReason {
    fn count(&self, reason: Reason) {
        let place = Reason::ALL.iter().position(|it| *it == reason);
        if let Some(count) = place.and_then(|it| self.0.get(it)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn write(&self, out: &mut String, name: &str, help: &str) {
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} counter");
        for (reason, count) in Reason::ALL.iter().zip(&self.0) {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}{{reason=\"{reason}\"}} {count}");
        }
    }
}

impl Default for ByReason {
    fn default() -> Self {
        Self(Reason::ALL.iter().map(|_| AtomicU64::new(0)).collect())
    }
}

/// A call that the gateway has in hand, until this is dropped.
#[derive(Debug)]
pub(crate) struct InHand<'a>(&'a Metrics);

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.one_less(&self.0.in_hand);
    }
}

/// A call that may have left and is not recorded yet, until this is dropped. Its caller may have
/// gone, or have its answer in part.
#[derive(Debug)]
pub(crate) struct Leaving(Arc<Metrics>);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.one_less(&self.0.leaving);
    }
}

/// A call that is held, until this is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a>(&'a Metrics);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Metrics {
    /// Takes a call in hand, unless the gateway is ending or has as many as it may.
    pub(crate) fn enter(&self, calls_max: usize) -> Result<InHand<'_>, Reason> {
        let before = self.in_hand.fetch_add(1, Ordering::AcqRel);
        let in_hand = InHand(self);
        if self.draining.load(Ordering::Acquire) {
            return Err(Reason::Draining);
        }
        // A streamed answer is out of hand at its head, and goes on nevertheless.
        if before.max(self.leaving.load(Ordering::Acquire)) >= calls_max {
            return Err(Reason::Overloaded);
        }
        Ok(in_hand)
    }

    /// Counts a call as on its way to the target, until it is recorded.
    pub(crate) fn leave(self: &Arc<Self>) -> Leaving {
        self.leaving.fetch_add(1, Ordering::AcqRel);
        Leaving(Arc::clone(self))
    }

    fn one_less(&self, count: &AtomicUsize) {
        if count.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.empty.notify_waiters();
        }
    }

    /// Counts a call as held.
    pub(crate) fn hold(&self) -> Held<'_> {
        self.held.fetch_add(1, Ordering::Relaxed);
        Held(self)
    }

    /// Counts an answer and how long it took until its head.
    pub(crate) fn answered(&self, answer: &Answer, took: Span) {
        self.by_reason.count(answer.reason);
        let millis = took.millis().max(0);
        let bucket = BUCKETS_MS.iter().position(|bound| millis <= *bound);
        if let Some(count) = bucket.and_then(|it| self.durations.get(it)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.duration_millis.fetch_add(millis.unsigned_abs(), Ordering::Relaxed);
        self.durations_all.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a streamed answer that broke off after its head, which was counted as answered.
    pub(crate) fn broke_off(&self, reason: Reason) {
        self.broken_off.count(reason);
    }

    /// Counts masked values.
    pub(crate) fn masked(&self, values: u64) {
        self.masked.fetch_add(values, Ordering::Relaxed);
    }

    /// Lets no call in any more, and waits until there is none, nor any that is not recorded.
    pub(crate) async fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.drain_began.notify_waiters();
        loop {
            let empty = self.empty.notified();
            // In this order: a call is on its way to the target before it is out of hand.
            let in_hand = self.in_hand.load(Ordering::Acquire);
            if in_hand == 0 && self.leaving.load(Ordering::Acquire) == 0 {
                return;
            }
            empty.await;
        }
    }

    /// Whether the gateway is ending.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Waits until the gateway begins to end.
    pub(crate) async fn drains(&self) {
        // Made before the look: it is woken by what comes after.
        let began = self.drain_began.notified();
        if !self.is_draining() {
            began.await;
        }
    }

    /// Appends the series. Writing to a string can't fail.
    pub(crate) fn write(&self, out: &mut String) {
        let help = "Calls by the reason of their answer.";
        self.by_reason.write(out, "countersign_calls_total", help);
        let help = "Streamed answers that broke off after their head, by reason.";
        self.broken_off.write(out, "countersign_answers_broken_off_total", help);
        let gauge = |out: &mut String, name: &str, help: &str, value: usize| {
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
        };
        let in_hand = self.in_hand.load(Ordering::Relaxed);
        gauge(out, "countersign_calls_in_hand", "Calls that are not answered yet.", in_hand);
        let held = self.held.load(Ordering::Relaxed);
        gauge(out, "countersign_calls_held", "Calls that wait for a human.", held);
        let leaving = self.leaving.load(Ordering::Relaxed);
        gauge(
            out,
            "countersign_calls_leaving",
            "Calls that left and are not recorded yet.",
            leaving,
        );
        let masked = self.masked.load(Ordering::Relaxed);
        let _ = writeln!(
            out,
            "# HELP countersign_masked_values_total Values that were masked in answers.\n\
             # TYPE countersign_masked_values_total counter\n\
             countersign_masked_values_total {masked}"
        );
        self.write_durations(out);
    }

    fn write_durations(&self, out: &mut String) {
        out.push_str(
            "# HELP countersign_call_seconds Time from a call to the head of its answer.\n\
             # TYPE countersign_call_seconds histogram\n",
        );
        let mut sum = 0;
        for (bound, count) in BUCKETS_MS.iter().zip(&self.durations) {
            sum += count.load(Ordering::Relaxed);
            let (whole, rest) = (bound / 1000, bound % 1000);
            let _ =
                writeln!(out, "countersign_call_seconds_bucket{{le=\"{whole}.{rest:03}\"}} {sum}");
        }
        let all = self.durations_all.load(Ordering::Relaxed);
        let millis = self.duration_millis.load(Ordering::Relaxed);
        let (whole, rest) = (millis / 1000, millis % 1000);
        let _ = writeln!(
            out,
            "countersign_call_seconds_bucket{{le=\"+Inf\"}} {all}\n\
             countersign_call_seconds_sum {whole}.{rest:03}\n\
             countersign_call_seconds_count {all}"
        );
    }
}
