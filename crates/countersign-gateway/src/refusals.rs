//! Says in the log which tokens and calls were refused, and not more often than somebody could read:
//! whoever sends many must not be able to fill the disk. How many there were is in the metrics, and who
//! called stands in the ledger, under the call's id.

use crate::respond::{Details, Stop};
use countersign_identity::Refused;
use countersign_model::{CallId, Reason, Timestamp};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What was said in this second: of tokens, and of calls, so that a flood of the one leaves the other
/// to be seen.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    tokens: Lines,
    calls: Lines,
}

#[derive(Debug, Default)]
struct Lines {
    second: AtomicI64,
    written: AtomicU64,
    left_out: AtomicU64,
}

impl Refusals {
    /// Says why a token was refused, unless this second has had its lines.
    pub(crate) fn token(&self, refused: &Refused, call: CallId, now: Timestamp) {
        if let Some(left_out) = self.tokens.turn(now) {
            let (code, detail) = (refused.code(), refused.detail());
            tracing::info!(%call, code, detail, left_out, "token refused");
        }
    }

    /// Says why a call was refused, unless this second has had its lines. What was wrong with a token
    /// was said where it was read.
    pub(crate) fn call(&self, stop: &Stop, now: Timestamp) {
        if stop.reason == Reason::Unidentified {
            return;
        }
        let Some(left_out) = self.calls.turn(now) else { return };
        let Details { call, function, approval, .. } = &*stop.details;
        tracing::info!(
            call = call.map(display),
            function = function.as_ref().map(display),
            approval = approval.map(display),
            reason = stop.reason.code(),
            left_out,
            "call refused"
        );
    }
}

impl Lines {
    /// Whether there is a line to write, and how many were left out before it.
    fn turn(&self, now: Timestamp) -> Option<u64> {
        let second = now.seconds();
        if self.second.swap(second, Ordering::Relaxed) != second {
            self.written.store(0, Ordering::Relaxed);
        }
        if self.written.fetch_add(1, Ordering::Relaxed) < LINES_A_SECOND_MAX {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        None
    }
}

const LINES_A_SECOND_MAX: u64 = 20;

#[cfg(test)]
mod tests;
