//! The index of recordings: which segments hold recordings of which session. The gateway writes it
//! down as it goes, a second late; what a crash or a restored database left out is found again here,
//! from the segments themselves. It never opens a recording and needs no key.

use crate::{Governance, Unavailable};
use countersign_ledger::{RecordingError, SegmentReader};
use countersign_model::SessionId;
use std::{
    collections::BTreeSet,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// What can be said of the index of this gateway's recordings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingsIndex {
    /// It was compared with the segments since this gateway started, and names all that they held.
    Whole,
    /// It was not compared yet, and what the last run of this gateway recorded last may be missing.
    Unchecked,
}

/// Whether the index was compared since the start.
#[derive(Debug, Default)]
pub(crate) struct Compared(AtomicBool);

/// Why the index can't be compared.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The segments can't be read.
    #[error("the recordings can't be read")]
    Recordings(#[from] RecordingError),
    /// The store can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The thread that reads has failed.
    #[error("reading the recordings has failed")]
    Failed,
}

impl Governance {
    /// What can be said of the index of this gateway's recordings.
    pub fn recordings_index(&self) -> RecordingsIndex {
        if self.0.compared.0.load(Ordering::Acquire) {
            RecordingsIndex::Whole
        } else {
            RecordingsIndex::Unchecked
        }
    }

    /// Compares the index with the segments, once, and writes down what it misses. What can't be done
    /// is tried again every minute.
    pub async fn keep_recordings_index(self, directory: &Path) {
        loop {
            match self.index_recordings(directory).await {
                Ok(0) => return,
                Ok(segments) => {
                    tracing::info!(
                        segments,
                        "the index of recordings was behind, and is whole again"
                    );
                    return;
                }
                Err(error) => {
                    tracing::warn!(
                        cause = crate::policy::chain(&error),
                        "the index of recordings can't be compared with the segments",
                    );
                }
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }

    /// Compares the index with the segments, and gives the number of segments that it was behind.
    ///
    /// It goes back from the newest until so many in a row are whole, and from there forward again, so
    /// that one that is ended halfway is begun anew.
    ///
    /// # Errors
    /// [`IndexError`]; what was written before stays.
    pub async fn index_recordings(&self, directory: &Path) -> Result<usize, IndexError> {
        let reader = SegmentReader::open(directory);
        let segments = reader.segments()?;
        let (mut behind, mut whole) = (Vec::new(), 0);
        for segment in segments.into_iter().rev() {
            let sessions = sessions_in(&reader, segment).await?;
            let mut view = self.store().view().await.map_err(Unavailable::from)?;
            if !view.is_indexed(segment, &sessions).await.map_err(Unavailable::from)? {
                behind.push(segment);
                whole = 0;
            } else if !sessions.is_empty() {
                whole += 1;
            }
            if whole == WHOLE_ENOUGH {
                break;
            }
        }
        for segment in behind.iter().rev() {
            let sessions = sessions_in(&reader, *segment).await?;
            let indexed = self.store().index_segment(*segment, &sessions).await;
            indexed.map_err(Unavailable::from)?;
        }
        self.0.compared.0.store(true, Ordering::Release);
        Ok(behind.len())
    }
}

/// The sessions that a segment holds recordings of. A damaged frame says no more whose it was.
async fn sessions_in(reader: &SegmentReader, segment: u64) -> Result<Vec<SessionId>, IndexError> {
    let reader = reader.clone();
    let read =
        tokio::task::spawn_blocking(move || -> Result<BTreeSet<SessionId>, RecordingError> {
            let (frames, _) = reader.frames_in(segment, 0)?;
            Ok(frames.flatten().map(|frame| SessionId::from_bytes(frame.session_id)).collect())
        });
    let sessions = read.await.map_err(|_| IndexError::Failed)??;
    Ok(sessions.into_iter().collect())
}

/// The gateway writes the index each second, and a segment takes longer to fill than that: behind so
/// many that are whole there was no crash.
const WHOLE_ENOUGH: usize = 2;
const AGAIN_AFTER: Duration = Duration::from_secs(60);
