//! The thread that makes groups of entries durable: their recordings are written to segments, then
//! entries and recordings to the journal, whose sync makes both durable, then come the answers. It goes
//! on after every error, and tries again with the next group.

use std::sync::Arc;

use super::Receipt;
use super::deliver::{Answer, Delivery};
use super::publish::Publishing;
use super::queue::{Job, Queue, Taken};
use crate::error::LedgerError;
use crate::hash::Hash;
use crate::journal::Journal;
use crate::recording::{Place, Segments};

#[derive(Debug)]
pub(super) struct Committer {
    pub(super) journal: Journal,
    pub(super) segments: Segments,
    pub(super) queue: Arc<Queue>,
    pub(super) publishing: Arc<Publishing>,
    pub(super) delivery: Arc<Delivery>,
}

/// What a group is written with; the buffers are kept.
#[derive(Default)]
struct Group {
    jobs: Vec<Job>,
    gathered: Vec<Gathered>,
    answers: Vec<Answer>,
}

/// An entry of the group that is being written, with what its receipt needs.
struct Gathered {
    job: Job,
    leaf_hash: Hash,
    place: Option<Place>,
}

impl Committer {
    pub(super) fn run(mut self) {
        // However this thread ends, nobody is left waiting.
        let _ended = Ended {
            queue: Arc::clone(&self.queue),
            publishing: Arc::clone(&self.publishing),
            delivery: Arc::clone(&self.delivery),
        };
        let mut group = Group::default();
        loop {
            let taken = self.queue.take(&mut group.jobs);
            match taken {
                Taken::Group => {
                    self.commit(&mut group);
                    self.delivery.send(&mut group.answers);
                }
                Taken::Nothing => self.try_again(),
                Taken::End => return,
            }
        }
    }

    fn commit(&mut self, Group { jobs, gathered, answers }: &mut Group) {
        let (places, refused) = self.record(jobs);
        let mut places = places.into_iter();
        self.journal.begin();
        for job in jobs.drain(..) {
            let place = match (&job.recording, &refused) {
                (None, _) => None,
                (Some(_), None) => places.next(),
                (Some(_), Some(error)) => {
                    answers.push(job.answered(Err(error.clone())));
                    continue;
                }
            };
            match self.journal.push(&job.entry) {
                Some(leaf_hash) => gathered.push(Gathered { job, leaf_hash, place }),
                None => {
                    let bytes = job.entry.len();
                    answers.push(job.answered(Err(LedgerError::EntryTooLarge { bytes })));
                }
            }
        }
        match self.journal.commit(self.segments.written()) {
            Ok(committed) => {
                if refused.is_none() {
                    self.queue.set_writable();
                }
                let segment = self.segments.written().map(|_| self.segments.file());
                self.publishing.added(&committed, segment);
                let receipts = (committed.first..).zip(gathered.drain(..));
                answers.extend(receipts.map(|(index, Gathered { job, leaf_hash, place })| {
                    job.answered(Ok(Receipt { index, leaf_hash, place }))
                }));
            }
            Err(error) => {
                self.queue.set_not_writable();
                self.segments.retract();
                let error = LedgerError::from(error);
                let refused = gathered.drain(..);
                answers.extend(refused.map(|it| it.job.answered(Err(error.clone()))));
            }
        }
    }

    /// After an error, while nothing comes: whoever asks for health must not have to send an entry to
    /// learn that there is room again.
    fn try_again(&mut self) {
        if self.journal.prepare().is_ok() && self.segments.prepare().is_ok() {
            self.queue.set_writable();
        }
    }

    /// Writes the recordings of the group.
    fn record(&mut self, group: &[Job]) -> (Vec<Place>, Option<LedgerError>) {
        let recordings: Vec<_> = group.iter().filter_map(|job| job.recording.as_ref()).collect();
        match self.segments.write(&recordings) {
            Ok(places) => (places, None),
            Err(error) => {
                self.queue.set_not_writable();
                (Vec::new(), Some(error))
            }
        }
    }
}

/// Refuses what comes after, also when the thread panicked.
struct Ended {
    queue: Arc<Queue>,
    publishing: Arc<Publishing>,
    delivery: Arc<Delivery>,
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.queue.end();
        self.publishing.close();
        self.delivery.end();
    }
}
