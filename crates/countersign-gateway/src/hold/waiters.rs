//! How many calls of each subject wait here for people. Requests for approval have a cap of their
//! own; this one bounds the calls that join a request, so that no caller keeps the gateway to itself.

use countersign_model::Subject;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Calls of one subject that one gateway keeps waiting at most. Those beyond are answered at once.
pub(super) const WAITING_PER_CALLER_MAX: usize = 1_000;

/// Who waits, and how often.
#[derive(Debug, Default)]
pub(crate) struct Waiters(Mutex<HashMap<Subject, usize>>);

/// One call's place among those that wait, until this is dropped.
#[derive(Debug)]
pub(super) struct Place<'a> {
    waiters: &'a Waiters,
    subject: Subject,
}

impl Waiters {
    /// Takes a place, if the subject has not taken all that are its own.
    pub(super) fn enter(&self, subject: &Subject) -> Option<Place<'_>> {
        let mut waiting = self.waiting();
        let count = waiting.entry(subject.clone()).or_default();
        if *count >= WAITING_PER_CALLER_MAX {
            return None;
        }
        *count += 1;
        Some(Place { waiters: self, subject: subject.clone() })
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Subject, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut waiting = self.waiters.waiting();
        if let Some(count) = waiting.get_mut(&self.subject) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                waiting.remove(&self.subject);
            }
        }
    }
}

#[cfg(test)]
mod tests;
