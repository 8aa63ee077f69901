//! What the ledger says about people: who stands in for whom, and which passkeys they sign with.

use crate::{Digest, PasskeyId, Subject, Timestamp};
use serde::{Deserialize, Serialize};

/// Somebody stands in for a person in reviews, or does no more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DelegateChanged {
    /// For whom.
    pub of: Subject,
    /// Who.
    pub to: Subject,
    /// `set` or `ended`.
    pub change: DelegateChange,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Who said so.
    pub by: Subject,
}

/// What happened to a delegation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DelegateChange {
    /// It was made.
    Set,
    /// It was ended before its time.
    Ended,
}

/// A person added a passkey, or one was removed. What it signs between the two can be judged by this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasskeyChanged {
    /// The passkey.
    pub passkey: PasskeyId,
    /// Whose it is.
    pub subject: Subject,
    /// `added` or `removed`.
    pub change: PasskeyChange,
    /// Who did it.
    pub by: Subject,
    /// Its credential id (base64url).
    pub credential: String,
    /// SHA-256 of its public key as a `COSE_Key`.
    pub public_key: Digest,
    /// The host that it is for.
    pub party: String,
}

/// What happened to a passkey.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeyChange {
    /// It was registered.
    Added,
    /// It signs nothing any more.
    Removed,
}
