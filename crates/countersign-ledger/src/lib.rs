//! The ledger: an append-only log that anyone can verify, and the recordings beside it.
//!
//! A log is an RFC 6962 Merkle tree in the C2SP `tlog-tiles` layout with signed checkpoints. An entry
//! is acknowledged when it is durable in the journal, one sync for all that wait ([`Writer`]); tiles
//! and a checkpoint follow within a second. [`verify`] works offline, on a copy, without any key of
//! ours. Entries are opaque bytes here; payloads are kept apart, encrypted per session
//! ([`Recording`]), so that destroying a key erases them and keeps the proof.
//!
//! ```text
//! LOG/ log.vkey     the verifier key, as C2SP text
//!      checkpoint   the signed head
//!      tile/…       tiles of hashes, and bundles of entries
//!      journal/…    entries on their way into tiles
//!      aside/       files that are being written
//!      lock         held by the one writer
//! ```
//!
//! This crate knows nothing of calls, reads no clock, draws no randomness of its own, and stores no
//! secret key.

mod checkpoint;
mod entries;
mod error;
mod files;
mod hash;
mod journal;
mod keys;
mod log;
mod note;
mod proof;
mod proof_text;
mod publisher;
mod recording;
mod tile;
mod tree;
mod verify;
mod writer;

pub use checkpoint::Checkpoint;
pub use entries::{Entries, entries, entries_from, read_published};
pub use error::{LedgerError, OpenError};
pub use hash::{Hash, leaf_hash, node_hash};
pub use keys::{KEY_BYTES, KeyError, MasterKey, SessionKey, SigningKey};
pub use log::{Log, LogOptions};
pub use note::{NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NoteError, VerifierKey, is_name};
pub use proof::{
    PROOF_HASHES_MAX, ProofMismatch, consistency, inclusion, verify_consistency, verify_inclusion,
};
pub use proof_text::{
    ProofFault, Proven, Prover, consistency_proof, inclusion_proof, verify_proof,
};
pub use recording::{
    Entropy, FrameIndex, Frames, ItemIndex, PAYLOAD_BYTES_MAX, Payload, Place, Recording,
    RecordingError, SegmentOptions, SegmentReader, Segments, commitment,
};
pub use tile::ENTRY_BYTES_MAX;
pub use tree::{Tree, empty_root};
pub use verify::{Fault, Verified, VerifyOptions, verify};
pub use writer::{Closer, Head, Health, Receipt, Writer, WriterOptions};

const CHECKPOINT_FILE: &str = "checkpoint";
const VERIFIER_KEY_FILE: &str = "log.vkey";
const LOCK_FILE: &str = "lock";
const JOURNAL_DIRECTORY: &str = "journal";
const ASIDE_DIRECTORY: &str = "aside";
