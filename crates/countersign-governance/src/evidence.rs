//! Evidence of access reviews (R20): one deterministic archive per campaign, which shows what was
//! reviewed, by whom, with what result, and proves each step by an entry of the ledger; and a verifier
//! that needs nothing but the archive. A pack is a function of facts that no longer change: asking
//! twice gives the same bytes.

pub(crate) mod archive;
mod controls;
mod digests;
mod facts;
mod gather;
mod lines;
mod page;
mod places;
mod reconcile;
mod render;
mod sample;
mod tables;
mod verify;

pub use archive::{ArchiveFault, FILES_MAX, PACK_BYTES_MAX, read as read_archive};
pub use gather::{Pack, SampleView};
pub use places::ProveError;
pub use sample::{SAMPLE_MAX, SEED_CHARS_MAX, draw};
pub use verify::{PackFault, PackOptions, PackVerified, verify_pack};
