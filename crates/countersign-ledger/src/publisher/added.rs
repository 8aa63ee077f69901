//! What the writer tells the publisher of: how far the journal is durable, which segments are not
//! synced, and the newest entries with their leaf hashes, so that they need not be read and hashed
//! again. It holds a bounded number of bytes; what it forgets the publisher reads from the journal.

use crate::hash::Hash;
use crate::journal::Committed;
use crate::recording::SegmentFile;
use crate::tile::take_entry;

/// Bytes of entries that are kept for the publisher at most, beyond those of one group.
pub(crate) const FRESH_BYTES_MAX: usize = 8 * 1024 * 1024;

/// What became durable in the journal since the publisher was last told.
#[derive(Debug, Default)]
pub(crate) struct Added {
    /// The number of durable entries.
    pub(crate) size: u64,
    /// Segments with frames of these entries, each once.
    pub(crate) segments: Vec<SegmentFile>,
    pub(crate) fresh: Fresh,
}

/// The newest durable entries, without a gap.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    first: u64,
    /// The entries as in a bundle.
    bytes: Vec<u8>,
    leaves: Vec<Hash>,
}

impl Added {
    /// That the journal is durable so far, and all else is known.
    pub(crate) fn entries(size: u64) -> Self {
        Self { size, ..Self::default() }
    }

    /// Forgets all but the room that it took.
    pub(crate) fn clear(&mut self) {
        self.segments.clear();
        self.fresh.clear();
    }

    /// Adds a group that is durable, and the segment of its recordings.
    pub(crate) fn add(&mut self, group: &Committed<'_>, segment: Option<SegmentFile>) {
        let count = u64::try_from(group.leaves.len()).unwrap_or(u64::MAX);
        self.size = group.first.saturating_add(count);
        self.fresh.add(group);
        if let Some(segment) = segment
            && self.segments.last().is_none_or(|last| last.number() != segment.number())
        {
            self.segments.push(segment);
        }
    }
}

impl Fresh {
    fn add(&mut self, group: &Committed<'_>) {
        if self.bytes.len() + group.entries.len() > FRESH_BYTES_MAX {
            // The publisher is late. It reads what is forgotten here from the journal.
            self.clear();
        }
        if self.leaves.is_empty() {
            self.first = group.first;
        }
        self.bytes.extend_from_slice(group.entries);
        self.leaves.extend_from_slice(group.leaves);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.leaves.clear();
    }

    /// The bytes that are kept.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The number of the first entry that is kept.
    pub(crate) fn first(&self) -> Option<u64> {
        (!self.leaves.is_empty()).then_some(self.first)
    }

    /// The entries with their numbers and leaf hashes.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (u64, &[u8], Hash)> {
        let mut rest = self.bytes.as_slice();
        (self.first..)
            .zip(&self.leaves)
            .map_while(move |(index, leaf)| Some((index, take_entry(&mut rest)?, *leaf)))
    }
}
