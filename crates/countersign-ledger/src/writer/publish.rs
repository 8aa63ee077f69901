//! The thread that publishes: tiles and a signed checkpoint at each interval, or sooner after many
//! entries, and at the end. What it could not write it tries again at the next interval. It also makes
//! the journal's next file ahead.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Head, Health, WriterOptions};
use crate::checkpoint::Checkpoint;
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::journal::{Committed, Spare};
use crate::publisher::{Added, FRESH_BYTES_MAX, Publisher};
use crate::recording::SegmentFile;

/// What is durable and what is published, for everybody to see.
#[derive(Debug)]
pub(super) struct Published {
    size: AtomicU64,
    checkpoint: Mutex<Latest>,
}

#[derive(Debug, Clone, Copy)]
struct Latest {
    size: u64,
    root: Hash,
    is_late: bool,
}

impl Published {
    pub(super) fn new(checkpoint: &Checkpoint, size: u64) -> Self {
        let latest = Latest { size: checkpoint.size, root: checkpoint.root, is_late: false };
        Self { size: AtomicU64::new(size), checkpoint: Mutex::new(latest) }
    }

    pub(super) fn set_size(&self, size: u64) {
        self.size.store(size, Ordering::Release);
    }

    pub(super) fn head(&self, health: Health) -> Head {
        let latest = *self.lock();
        let health = match health {
            Health::Writable if latest.is_late => Health::CheckpointLate,
            Health::Writable | Health::CheckpointLate => Health::Writable,
            Health::NotWritable => Health::NotWritable,
            Health::Closed => Health::Closed,
        };
        Head {
            // Read after the checkpoint, so that it is never the smaller of the two.
            size: self.size.load(Ordering::Acquire),
            checkpoint_size: latest.size,
            checkpoint_root: latest.root,
            health,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Latest> {
        self.checkpoint.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the publishing thread waits for.
#[derive(Debug)]
pub(super) struct Publishing {
    options: WriterOptions,
    published: std::sync::Arc<Published>,
    added: Mutex<Added>,
    work: Mutex<Work>,
    changed: Condvar,
    /// The size at which a checkpoint is made without waiting for the interval.
    soon_at: AtomicU64,
}

#[derive(Debug, Default)]
struct Work {
    is_soon: bool,
    is_closed: bool,
    error: Option<LedgerError>,
}

impl Publishing {
    pub(super) fn new(options: WriterOptions, published: std::sync::Arc<Published>) -> Self {
        let size = published.size.load(Ordering::Acquire);
        let soon_at = AtomicU64::new(size.saturating_add(options.checkpoint_entries_max));
        Self {
            options,
            published,
            added: Mutex::new(Added::entries(size)),
            work: Mutex::default(),
            changed: Condvar::new(),
            soon_at,
        }
    }

    /// Is told of a group that is durable, and of the segment whose frames are not synced yet. Wakes
    /// the publisher only when much came.
    pub(super) fn added(&self, group: &Committed<'_>, segment: Option<SegmentFile>) {
        let mut added = self.lock_added();
        let before = added.fresh.bytes();
        added.add(group, segment);
        let (size, after) = (added.size, added.fresh.bytes());
        drop(added);
        self.published.set_size(size);
        let is_half_full = before < FRESH_BYTES_SOON && after >= FRESH_BYTES_SOON;
        if is_half_full || size >= self.soon_at.load(Ordering::Relaxed) {
            let next = size.saturating_add(self.options.checkpoint_entries_max);
            self.soon_at.store(next, Ordering::Relaxed);
            self.lock().is_soon = true;
            self.changed.notify_one();
        }
    }

    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    pub(super) fn last_error(&self) -> Option<LedgerError> {
        self.lock().error.clone()
    }

    pub(super) fn run(&self, mut publisher: Publisher, spare: &Spare) {
        let interval = Duration::from_millis(self.options.checkpoint_interval_ms.max(1));
        let mut added = Added::default();
        let mut is_last = false;
        while !is_last {
            let guard = self.lock();
            let waiting = |work: &mut Work| !work.is_soon && !work.is_closed;
            let (mut work, _) = self
                .changed
                .wait_timeout_while(guard, interval, waiting)
                .unwrap_or_else(PoisonError::into_inner);
            work.is_soon = false;
            // Nothing is added after the committer closed this, so one more round covers all.
            is_last = work.is_closed;
            drop(work);
            self.take_added(&mut added);
            let outcome = publisher.publish(&mut added);
            let mut latest = self.published.lock();
            latest.size = publisher.published().size;
            latest.root = publisher.published().root;
            latest.is_late = outcome.is_err();
            drop(latest);
            self.lock().error = outcome.err().map(LedgerError::from);
            if !is_last {
                spare.make_if_wanted();
            }
        }
    }

    /// Takes what was added, and leaves the room of what was published before: neither thread touches
    /// fresh memory in the long run.
    fn take_added(&self, published: &mut Added) {
        published.clear();
        let mut added = self.lock_added();
        published.size = added.size;
        std::mem::swap(&mut *added, published);
    }

    fn lock_added(&self) -> MutexGuard<'_, Added> {
        self.added.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes of entries that wait in memory after which they are published without waiting for the interval.
const FRESH_BYTES_SOON: usize = FRESH_BYTES_MAX / 2;
