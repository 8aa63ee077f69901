//! What was read of a sign-in, claim by claim: the notebook of the judge, kept for the person whom it
//! is about. It has what was read and which rule read it, shortened; never a token or an assertion,
//! and of a claim that nothing read only the name.

use crate::{
    Step, Verdict,
    explain::{Trace, shown_name},
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, fmt};

/// What was read of a sign-in that was accepted, and by which rules. Bounded: some dozens of steps,
/// [`Self::BYTES_MAX`] of text.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInNotes {
    /// What was looked at, in the order of the judgement.
    pub steps: Vec<Step>,
    /// Claims or attributes that nothing read, by name.
    pub unread: Vec<String>,
    /// Steps that there was no room for.
    pub left_out: usize,
}

impl SignInNotes {
    /// Bytes of all texts together, at most.
    pub const BYTES_MAX: usize = 16 * 1024;

    pub(crate) fn of(trace: Trace) -> Self {
        let (steps, unread) = trace.into_steps();
        Self::bounded(steps, unread)
    }

    /// The notes of what was accepted: what was looked at, what was read, what stood there, and the
    /// rule.
    pub(crate) fn accepted(
        rows: Vec<(&'static str, Vec<String>, String, String)>,
        unread: impl Iterator<Item = String>,
    ) -> Self {
        let steps = rows.into_iter().map(|(check, claims, found, rule)| Step {
            check: Cow::Borrowed(check),
            claims: claims.iter().map(|it| shown_name(it)).collect(),
            found,
            rule,
            verdict: Verdict::Accepted,
        });
        let unread = unread.take(UNREAD_MAX).map(|it| shown_name(&it)).collect();
        Self::bounded(steps.collect(), unread)
    }

    fn bounded(steps: Vec<Step>, mut unread: Vec<String>) -> Self {
        unread.truncate(UNREAD_MAX);
        let mut left: usize = Self::BYTES_MAX.saturating_sub(unread.iter().map(String::len).sum());
        let count = steps.len();
        let mut kept = Vec::with_capacity(count.min(STEPS_MAX));
        for step in steps.into_iter().take(STEPS_MAX) {
            let step = Step { found: shortened(step.found), rule: shortened(step.rule), ..step };
            let claims: usize = step.claims.iter().map(String::len).sum();
            let size = step.check.len() + claims + step.found.len() + step.rule.len();
            let Some(rest) = left.checked_sub(size) else { break };
            left = rest;
            kept.push(step);
        }
        let left_out = count - kept.len();
        Self { steps: kept, unread, left_out }
    }
}

/// What a person's provider says of them is nobody's business in a log.
impl fmt::Debug for SignInNotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignInNotes({} steps)", self.steps.len())
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(TEXT_CHARS_MAX) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

const STEPS_MAX: usize = 64;
const TEXT_CHARS_MAX: usize = 1_000;
const UNREAD_MAX: usize = 50;

#[cfg(test)]
mod tests;
