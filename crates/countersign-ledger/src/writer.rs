//! The one thread that adds to a log and to its recordings, and the handle that many callers append
//! through. Whatever waits at one moment shares one sync. A receipt is given only for what is durable;
//! a recording is durable no later than the entry that commits to it: the journal's record has both. A
//! second thread syncs segments and makes tiles and checkpoints, so that no caller waits for them.

use std::fmt;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

use crate::error::LedgerError;
use crate::files::FileError;
use crate::hash::Hash;
use crate::log::Log;
use crate::publisher::Added;
use crate::recording::{PAYLOAD_BYTES_MAX, Place, Recording, Restored, Segments};
use crate::tile::ENTRY_BYTES_MAX;

mod commit;
mod deliver;
mod publish;
mod queue;

use commit::Committer;
use deliver::Delivery;
use publish::{Published, Publishing};
use queue::{Job, Queue};

/// How the writer works.
#[derive(Debug, Clone, Copy)]
pub struct WriterOptions {
    /// The time between two checkpoints while there are new entries, in milliseconds.
    pub checkpoint_interval_ms: u64,
    /// New entries after which a checkpoint is made without waiting for the interval. Each checkpoint
    /// writes and syncs some partial tiles, so this is a bound on what waits, not a rhythm.
    pub checkpoint_entries_max: u64,
    /// Entries that share one sync at most.
    pub group_entries_max: usize,
    /// Entries that wait at most; more are refused as [`LedgerError::Overloaded`].
    pub queue_entries_max: usize,
    /// Bytes of entries and payloads that wait at most.
    pub queue_bytes_max: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            checkpoint_interval_ms: 1_000,
            checkpoint_entries_max: 65_536,
            group_entries_max: 4_096,
            queue_entries_max: 16_384,
            queue_bytes_max: 128 * 1024 * 1024,
        }
    }
}

/// The proof that an entry is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// The number of the entry.
    pub index: u64,
    /// Its RFC 6962 leaf hash.
    pub leaf_hash: Hash,
    /// Where its recording is, when it came with one.
    pub place: Option<Place>,
}

/// What the log holds at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Durable entries.
    pub size: u64,
    /// Entries that the last checkpoint covers.
    pub checkpoint_size: u64,
    /// The root of the last checkpoint.
    pub checkpoint_root: Hash,
    /// Whether the log takes entries and makes checkpoints.
    pub health: Health,
}

/// How the writer does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The last group was written, and the last checkpoint too.
    Writable,
    /// The last group was written; the last checkpoint could not be. It is tried again.
    CheckpointLate,
    /// The last group could not be written. It is tried again with the next group.
    NotWritable,
    /// The writer was closed or has ended.
    Closed,
}

/// A handle to append through. Clones are the same writer.
#[derive(Clone)]
pub struct Writer {
    queue: Arc<Queue>,
    published: Arc<Published>,
    delivery: Arc<Delivery>,
}

/// Ends the writer. Dropping it ends the writer too, without waiting for it.
pub struct Closer {
    writer: Writer,
    publishing: Arc<Publishing>,
    threads: Vec<JoinHandle<()>>,
}

impl Writer {
    /// Starts the threads of a log and its recordings. On a tokio runtime, callers of that runtime
    /// are answered by a task of it, which costs less than to wake each from outside.
    ///
    /// Recordings that only the journal has for certain, after a crash, are restored before.
    ///
    /// # Errors
    /// [`LedgerError::NotWritable`] when recordings can't be restored or a thread can't be started.
    pub fn start(
        log: Log,
        segments: Segments,
        options: WriterOptions,
    ) -> Result<(Self, Closer), LedgerError> {
        let Log { journal, mut publisher, lock, .. } = log;
        let mut segments = segments;
        match publisher.restore(segments.directory(), journal.next())? {
            Restored::Frames => segments.find_end()?,
            Restored::Nothing => {}
        }
        publisher.publish(&mut Added::entries(journal.next()))?;
        let directory = journal.files().directory;
        let published = Arc::new(Published::new(publisher.published(), journal.next()));
        let publishing = Arc::new(Publishing::new(options, Arc::clone(&published)));
        let queue = Arc::new(Queue::new(options));
        let delivery = Delivery::start();
        let spare = journal.spare();
        let committer = Committer {
            journal,
            segments,
            queue: Arc::clone(&queue),
            publishing: Arc::clone(&publishing),
            delivery: Arc::clone(&delivery),
        };
        let publishes = Arc::clone(&publishing);
        let failed = |source| FileError { path: directory.clone(), source };
        let publisher = thread::Builder::new()
            .name("ledger-publish".to_owned())
            .spawn(move || {
                publishes.run(publisher, &spare);
                // This thread ends last, so no other writer comes before all is written.
                drop(lock);
            })
            .map_err(failed)?;
        let writer = Self { queue, published, delivery };
        let mut closer =
            Closer { writer: writer.clone(), publishing, threads: Vec::from([publisher]) };
        // From here on an error drops the closer, which ends the thread that runs already.
        let committer = thread::Builder::new()
            .name("ledger-commit".to_owned())
            .spawn(move || committer.run())
            .map_err(failed)?;
        closer.threads.insert(0, committer);
        Ok((writer, closer))
    }

    /// Adds an entry. `Ok` means that it is durable. When the future is dropped before, the entry may
    /// still be added.
    ///
    /// # Errors
    /// [`LedgerError::Overloaded`] at once; [`LedgerError::NotWritable`] when the disk fails.
    pub async fn append(&self, entry: Vec<u8>) -> Result<Receipt, LedgerError> {
        self.send(entry, None).await
    }

    /// Adds an entry together with the recording that it commits to; the recording is durable when the
    /// entry is.
    ///
    /// # Errors
    /// As [`Writer::append`], and [`LedgerError::PayloadTooLarge`], [`LedgerError::Encryption`].
    pub async fn append_with(
        &self,
        entry: Vec<u8>,
        recording: Recording,
    ) -> Result<Receipt, LedgerError> {
        self.send(entry, Some(recording)).await
    }

    /// What the log holds at this moment. Never waits for the disk.
    #[must_use]
    pub fn try_head(&self) -> Head {
        self.published.head(self.queue.health())
    }

    /// Whether the last group could be written: an entry that is appended now has a chance.
    #[must_use]
    pub fn healthy(&self) -> bool {
        match self.try_head().health {
            Health::Writable | Health::CheckpointLate => true,
            Health::NotWritable | Health::Closed => false,
        }
    }

    async fn send(
        &self,
        entry: Vec<u8>,
        recording: Option<Recording>,
    ) -> Result<Receipt, LedgerError> {
        if entry.len() > ENTRY_BYTES_MAX {
            return Err(LedgerError::EntryTooLarge { bytes: entry.len() });
        }
        if let Some(recording) = &recording
            && recording.payload.len() > PAYLOAD_BYTES_MAX
        {
            return Err(LedgerError::PayloadTooLarge { bytes: recording.payload.len() });
        }
        let (answer, receiver) = oneshot::channel();
        let way = self.delivery.way();
        if let Some(wake) = self.queue.push(Job { entry, recording, answer, way })? {
            // All tasks that are ready now add theirs before the writer is woken, and share its sync.
            tokio::task::yield_now().await;
            drop(wake);
        }
        receiver.await.unwrap_or(Err(LedgerError::Closed))
    }
}

impl Closer {
    /// Takes no more entries, writes what waits, makes the last checkpoint and gives back the lock.
    /// Blocks until then.
    ///
    /// # Errors
    /// [`LedgerError::NotWritable`] when the last checkpoint could not be made: all acknowledged
    /// entries are durable in the journal nevertheless. [`LedgerError::Closed`] when a thread failed.
    pub fn close(mut self) -> Result<Head, LedgerError> {
        self.writer.queue.close();
        for thread in self.threads.drain(..) {
            // The committer ends first, and tells the publisher to.
            thread.join().map_err(|_| LedgerError::Closed)?;
        }
        match self.publishing.last_error() {
            Some(error) => Err(error),
            None => Ok(self.writer.try_head()),
        }
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        self.writer.queue.close();
        if self.threads.len() == 1 {
            // The committer was never started, so nobody else ends the publisher and the task.
            self.publishing.close();
            self.writer.delivery.end();
        }
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Writer").field("head", &self.try_head()).finish()
    }
}

impl fmt::Debug for Closer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Closer").field("writer", &self.writer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
