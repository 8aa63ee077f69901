//! Folding: what entries of the ledger add to the rows. A function of the entries in their order; how
//! they are cut into batches changes nothing.

use super::{
    arguments::{Arguments, CallArguments},
    history::{Counts, History, week_of},
    lines::{Intent, Line, Outcome, Refused},
};
use countersign_model::{CallId, FunctionName, GrantId, Subject, Timestamp};
use countersign_store::{DeniedRow, UsageKey, UsageRow};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

/// Status from which on a call failed (RFC 9110 §15.5).
const FAILED_FROM: u16 = 400;

/// Intents without an outcome, and what a batch adds.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    open: HashMap<CallId, Intent>,
    batch: Batch,
}

/// What is to be written, all of it or nothing.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    rows: HashMap<UsageKey, Delta>,
    denied: BTreeMap<(Subject, FunctionName, &'static str, i64), u64>,
    /// Intents of this batch that are still open.
    opened: HashSet<CallId>,
    /// Intents of earlier batches that are not open any more.
    closed: Vec<CallId>,
    pub(crate) unreadable: u64,
}

/// What a batch adds to one row.
#[derive(Debug, Default)]
pub(crate) struct Delta {
    days: BTreeMap<i64, Counts>,
    /// Successful calls in their order: the day, and the arguments that were seen.
    calls: Vec<(i64, Option<Arc<CallArguments>>)>,
    first_used_at: Option<Timestamp>,
    last_used_at: Option<Timestamp>,
}

/// The day of a moment, since 1970-01-01, UTC.
pub(crate) fn day_of(at: Timestamp) -> i64 {
    at.millis().div_euclid(DAY_MILLIS)
}

/// The beginning of a day.
pub(crate) fn day_begins(day: i64) -> Timestamp {
    Timestamp::from_millis(day.saturating_mul(DAY_MILLIS))
}

pub(crate) const DAY_MILLIS: i64 = 86_400_000;

impl Fold {
    /// Goes on with intents that were open.
    pub(crate) fn with_open(open: HashMap<CallId, Intent>) -> Self {
        Self { open, batch: Batch::default() }
    }

    /// Takes the next entry. `seen` gives the arguments of a call, if they were seen.
    pub(crate) fn take(
        &mut self,
        line: Line,
        seen: &mut impl FnMut(CallId) -> Option<CallArguments>,
    ) {
        match line {
            Line::Intent(call, intent) => {
                self.open.insert(call, intent);
                self.batch.opened.insert(call);
            }
            Line::Outcome(call, outcome) => {
                let arguments = seen(call);
                if let Some(intent) = self.close(call) {
                    self.batch.ended(&intent, &outcome, arguments);
                }
            }
            Line::Refused(refused) => self.batch.refused(refused),
            Line::Started => {
                // Each adds for itself, so their order does not matter.
                let open: Vec<CallId> = self.open.keys().copied().collect();
                for call in open {
                    if let Some(intent) = self.close(call) {
                        self.batch.ended(&intent, &UNKNOWN, None);
                    }
                }
            }
            Line::Other => {}
            Line::Unreadable => self.batch.unreadable += 1,
        }
    }

    /// How many rows the batch touches.
    pub(crate) fn rows(&self) -> usize {
        self.batch.rows.len() + self.batch.denied.len()
    }

    /// What is to be written now; from here on the next batch is gathered.
    pub(crate) fn batch(&mut self) -> (Batch, Vec<(CallId, String)>) {
        let batch = std::mem::take(&mut self.batch);
        let opened = batch.opened.iter().filter_map(|call| {
            let intent = self.open.get(call)?;
            Some((*call, intent.to_text()))
        });
        let opened = opened.collect();
        (batch, opened)
    }

    fn close(&mut self, call: CallId) -> Option<Intent> {
        let intent = self.open.remove(&call)?;
        if !self.batch.opened.remove(&call) {
            self.batch.closed.push(call);
        }
        Some(intent)
    }
}

/// The gateway ended in the middle of the call.
const UNKNOWN: Outcome = Outcome { status: 0, masked: 0 };

impl Batch {
    fn ended(&mut self, intent: &Intent, outcome: &Outcome, arguments: Option<CallArguments>) {
        let Intent { at, function, grants, approvals } = intent;
        let is_used = (1..FAILED_FROM).contains(&outcome.status);
        let counts = Counts {
            used: u64::from(is_used),
            failed: u64::from(!is_used),
            approvals: *approvals,
            masked: outcome.masked,
        };
        let arguments = arguments.map(Arc::new);
        for (grant, subject) in grants {
            let (grant, subject, function) = (*grant, subject.clone(), function.clone());
            let delta = self.rows.entry(UsageKey { grant, function, subject }).or_default();
            let day = day_of(*at);
            delta.days.entry(day).or_default().add(counts);
            if is_used {
                delta.calls.push((day, arguments.clone()));
                delta.first_used_at = earlier(delta.first_used_at, Some(*at));
                delta.last_used_at = delta.last_used_at.max(Some(*at));
            }
        }
    }

    fn refused(&mut self, refused: Refused) {
        let Refused { at, subject, function, reason } = refused;
        // What was not found in the catalog is of no function.
        let Some(function) = function else { return };
        let key = (subject, function, reason.code(), week_of(day_of(at)));
        *self.denied.entry(key).or_default() += 1;
    }

    /// The rows that the batch touches.
    pub(crate) fn keys(&self) -> Vec<UsageKey> {
        let mut keys: Vec<UsageKey> = self.rows.keys().cloned().collect();
        // In the order of the index.
        keys.sort_unstable();
        keys
    }

    /// The first use of each row's grant in the batch.
    pub(crate) fn first_uses(&self) -> impl Iterator<Item = (GrantId, Timestamp)> {
        self.rows.iter().filter_map(|(key, delta)| Some((key.grant, delta.first_used_at?)))
    }

    /// Intents of earlier batches that are not open any more.
    pub(crate) fn closed(&self) -> &[CallId] {
        &self.closed
    }

    /// Calls that did not run.
    pub(crate) fn denied(&self) -> Vec<DeniedRow> {
        let row = |((subject, function, reason, week), calls): (
            &(Subject, FunctionName, &'static str, i64),
            &u64,
        )| DeniedRow {
            subject: subject.clone(),
            function: function.clone(),
            reason: (*reason).to_owned(),
            week: *week,
            calls: *calls,
        };
        self.denied.iter().map(row).collect()
    }

    /// The rows of [`Self::keys`] as they are to be written, from those that stand. `None` if one that
    /// stands can't be read.
    pub(crate) fn onto(
        &self,
        keys: Vec<UsageKey>,
        standing: Vec<UsageRow>,
    ) -> Option<Vec<UsageRow>> {
        let mut standing: HashMap<UsageKey, UsageRow> =
            standing.into_iter().map(|it| (it.key.clone(), it)).collect();
        keys.into_iter()
            .map(|key| {
                let delta = self.rows.get(&key)?;
                let row = standing.remove(&key);
                delta.onto(row.unwrap_or_else(|| empty(key)))
            })
            .collect()
    }
}

fn empty(key: UsageKey) -> UsageRow {
    UsageRow {
        key,
        used: 0,
        failed: 0,
        first_used_at: None,
        last_used_at: None,
        history: History::default().to_bytes(),
        arguments: Arguments::default().to_bytes(),
    }
}

impl Delta {
    fn onto(&self, mut row: UsageRow) -> Option<UsageRow> {
        let mut history = History::from_bytes(&row.history)?;
        let mut arguments = Arguments::from_bytes(&row.arguments)?;
        for counts in self.days.values() {
            row.used = row.used.saturating_add(counts.used);
            row.failed = row.failed.saturating_add(counts.failed);
        }
        history.add(self.days.iter().map(|(day, counts)| (*day, *counts)));
        for (day, call) in &self.calls {
            arguments.add(*day, call.as_deref());
        }
        row.history = history.to_bytes();
        row.arguments = arguments.to_bytes();
        row.first_used_at = earlier(row.first_used_at, self.first_used_at);
        row.last_used_at = row.last_used_at.max(self.last_used_at);
        Some(row)
    }
}

fn earlier(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
