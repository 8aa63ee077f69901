//! What the gateway hands over on the way of a call: the arguments that it has recorded. Bounded, and
//! nobody ever waits for it.

use countersign_model::{CallId, Timestamp};
use serde_json::Value;
use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicI64, AtomicU64, Ordering},
};
use tokio::sync::mpsc;

/// Calls whose arguments wait to be looked at.
const WAITING_MAX: usize = 4096;

/// Arguments of one call on their way to be counted.
#[derive(Debug)]
pub(crate) struct Note {
    pub(crate) call: CallId,
    pub(crate) arguments: Value,
    pub(crate) hidden: Vec<String>,
}

/// How far a gateway has counted its own ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageProgress {
    /// Entries that are counted.
    pub entries: u64,
    /// Entries under a checkpoint that are not.
    pub behind: u64,
    /// Until when everything is counted; the Unix epoch before the first look.
    pub counted_until: Timestamp,
    /// Calls whose arguments were not seen because too many waited, since the start.
    pub arguments_missed: u64,
}

/// What waits, and how far counting is.
#[derive(Debug)]
pub(crate) struct Inbox {
    sender: mpsc::Sender<Note>,
    /// Until the one who counts takes it.
    receiver: Mutex<Option<mpsc::Receiver<Note>>>,
    missed: AtomicU64,
    entries: AtomicU64,
    counted_until: AtomicI64,
}

impl Default for Inbox {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
            missed: AtomicU64::new(0),
            entries: AtomicU64::new(0),
            counted_until: AtomicI64::new(0),
        }
    }
}

impl Inbox {
    pub(crate) fn saw(&self, call: CallId, arguments: Value, hidden: Vec<String>) {
        if self.sender.try_send(Note { call, arguments, hidden }).is_err() {
            self.missed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// What waits, for the one who counts. A second one gets nothing: it sees no arguments.
    pub(crate) fn take(&self) -> Option<mpsc::Receiver<Note>> {
        self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// For who counts next, such as after the first one ended.
    pub(crate) fn give_back(&self, receiver: mpsc::Receiver<Note>) {
        *self.receiver.lock().unwrap_or_else(PoisonError::into_inner) = Some(receiver);
    }

    pub(crate) fn counted(&self, entries: u64, until: Timestamp) {
        self.entries.store(entries, Ordering::Relaxed);
        self.counted_until.store(until.millis(), Ordering::Relaxed);
    }

    pub(crate) fn progress(&self, published: u64) -> UsageProgress {
        let entries = self.entries.load(Ordering::Relaxed);
        UsageProgress {
            entries,
            behind: published.saturating_sub(entries),
            counted_until: Timestamp::from_millis(self.counted_until.load(Ordering::Relaxed)),
            arguments_missed: self.missed.load(Ordering::Relaxed),
        }
    }
}
