//! What waits for the writer: bounded in entries and in bytes, and taken in groups. A full queue
//! answers at once; it never blocks a caller.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;

use super::deliver::{Answer, Way};
use super::{Health, Receipt, WriterOptions};
use crate::error::LedgerError;
use crate::journal::GROUP_BYTES_MAX;
use crate::recording::{FRAME_OVERHEAD_BYTES_MAX, Recording};

/// One entry that waits, and who waits for it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) entry: Vec<u8>,
    pub(super) recording: Option<Recording>,
    pub(super) answer: oneshot::Sender<Result<Receipt, LedgerError>>,
    pub(super) way: Way,
}

/// What there is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    /// A group of entries.
    Group,
    /// Nothing came for a while, and the last group could not be written.
    Nothing,
    /// The queue is closed and empty.
    End,
}

#[derive(Debug)]
pub(super) struct Queue {
    options: WriterOptions,
    waiting: Mutex<Waiting>,
    arrived: Condvar,
    health: AtomicU8,
}

/// The duty to wake the writer. Dropping it wakes, so that no way of leaving an append forgets it.
#[derive(Debug)]
#[must_use]
pub(super) struct Wake<'a>(&'a Condvar);

impl Drop for Wake<'_> {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[derive(Debug, Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    bytes: usize,
    writer: WriterIs,
    door: Door,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum WriterIs {
    #[default]
    Busy,
    Asleep,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Door {
    #[default]
    Open,
    Closed,
}

impl Queue {
    pub(super) fn new(options: WriterOptions) -> Self {
        Self {
            options,
            waiting: Mutex::default(),
            arrived: Condvar::new(),
            health: AtomicU8::new(WRITABLE),
        }
    }

    /// Adds a job. Whoever adds the first of a group gets the duty to wake the writer, and may let
    /// others add theirs before.
    pub(super) fn push(&self, job: Job) -> Result<Option<Wake<'_>>, LedgerError> {
        let mut waiting = self.lock();
        let bytes = waiting.bytes.saturating_add(job.bytes());
        if waiting.door == Door::Closed {
            return Err(LedgerError::Closed);
        }
        if waiting.jobs.len() >= self.options.queue_entries_max
            || bytes > self.options.queue_bytes_max
        {
            return Err(LedgerError::Overloaded);
        }
        waiting.bytes = bytes;
        waiting.jobs.push_back(job);
        // Only the first of a group pays for waking the writer.
        match std::mem::replace(&mut waiting.writer, WriterIs::Busy) {
            WriterIs::Asleep => Ok(Some(Wake(&self.arrived))),
            WriterIs::Busy => Ok(None),
        }
    }

    /// Waits for entries and moves a group of them into `group`. While the ledger is not writable it
    /// waits no longer than [`RETRY`].
    pub(super) fn take(&self, group: &mut Vec<Job>) -> Taken {
        let mut waiting = self.lock();
        while waiting.jobs.is_empty() {
            if waiting.door == Door::Closed {
                return Taken::End;
            }
            waiting.writer = WriterIs::Asleep;
            if self.health.load(Ordering::Relaxed) == WRITABLE {
                waiting = self.arrived.wait(waiting).unwrap_or_else(PoisonError::into_inner);
            } else {
                let woken = self.arrived.wait_timeout(waiting, RETRY);
                let timeout;
                (waiting, timeout) = woken.unwrap_or_else(PoisonError::into_inner);
                if timeout.timed_out() && waiting.jobs.is_empty() {
                    waiting.writer = WriterIs::Busy;
                    return Taken::Nothing;
                }
            }
        }
        waiting.writer = WriterIs::Busy;
        let mut bytes = 0;
        while group.len() < self.options.group_entries_max.max(1) && bytes < GROUP_BYTES_MAX {
            let Some(job) = waiting.jobs.pop_front() else { break };
            bytes += job.bytes();
            group.push(job);
        }
        waiting.bytes = waiting.bytes.saturating_sub(bytes);
        Taken::Group
    }

    pub(super) fn close(&self) {
        self.lock().door = Door::Closed;
        self.arrived.notify_all();
    }

    /// Refuses everything that waits and whatever comes.
    pub(super) fn end(&self) {
        self.close();
        let jobs = std::mem::take(&mut self.lock().jobs);
        for job in jobs {
            job.answered(Err(LedgerError::Closed)).give();
        }
    }

    pub(super) fn health(&self) -> Health {
        if self.lock().door == Door::Closed {
            return Health::Closed;
        }
        match self.health.load(Ordering::Relaxed) {
            WRITABLE => Health::Writable,
            _ => Health::NotWritable,
        }
    }

    pub(super) fn set_writable(&self) {
        self.health.store(WRITABLE, Ordering::Relaxed);
    }

    pub(super) fn set_not_writable(&self) {
        self.health.store(NOT_WRITABLE, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn bytes(&self) -> usize {
        let recorded = |it: &Recording| it.payload.len() + FRAME_OVERHEAD_BYTES_MAX;
        // Two bytes of length in the journal's record.
        self.entry.len() + 2 + self.recording.as_ref().map_or(0, recorded)
    }

    /// The answer to the caller.
    pub(super) fn answered(self, outcome: Result<Receipt, LedgerError>) -> Answer {
        Answer { to: self.answer, way: self.way, outcome }
    }
}

/// The time between two attempts to write again.
const RETRY: Duration = Duration::from_millis(500);
const WRITABLE: u8 = 0;
const NOT_WRITABLE: u8 = 1;
