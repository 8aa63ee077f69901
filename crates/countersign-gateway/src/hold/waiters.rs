//! Who waits here for people, and who may go to the store for it. However many calls are held, or
//! woken, at one moment, the store's queue stays short: people's answers, revocations and the
//! confirmation of the policy go through the same one.

use countersign_model::Subject;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Calls of one subject that one gateway keeps waiting at most. Those beyond are answered at once.
pub(super) const WAITING_PER_CALLER_MAX: usize = 1_000;

/// Requests for approval that are opened at once: enough that they share the ledger's sync.
const OPENED_AT_ONCE_MAX: usize = 32;
/// Approvals that are read at once: no more than the store reads at once anyway.
const READ_AT_ONCE_MAX: usize = 4;
/// How long a call waits for its turn at the store.
const TURN_WITHIN: Duration = Duration::from_secs(60);

/// Who waits, and how often. First come, first served.
#[derive(Debug)]
pub(crate) struct Waiters {
    waiting: Mutex<HashMap<Subject, usize>>,
    opening: Semaphore,
    reading: Semaphore,
}

impl Default for Waiters {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            opening: Semaphore::new(OPENED_AT_ONCE_MAX),
            reading: Semaphore::new(READ_AT_ONCE_MAX),
        }
    }
}

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

    /// A turn to open a request; `None` if it did not come in time.
    pub(super) async fn turn_to_open(&self) -> Option<SemaphorePermit<'_>> {
        turn(&self.opening).await
    }

    /// A turn to read an approval; `None` if it did not come in time.
    pub(super) async fn turn_to_read(&self) -> Option<SemaphorePermit<'_>> {
        turn(&self.reading).await
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Subject, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn turn(turns: &Semaphore) -> Option<SemaphorePermit<'_>> {
    tokio::time::timeout(TURN_WITHIN, turns.acquire()).await.ok()?.ok()
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
