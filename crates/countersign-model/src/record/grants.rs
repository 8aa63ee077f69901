//! What the ledger says about grants, about requests for them, and about what is denied over them.

use super::StopState;
use crate::{DenialId, Digest, GrantId, GrantRef, GrantRequestId, Subject};
use serde::{Deserialize, Serialize};

/// A grant was made, certified, changed or revoked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantChanged {
    /// The grant.
    pub grant: GrantId,
    /// Its version after the change.
    pub version: u32,
    /// `made`, `certified`, `revoked`, and so on.
    pub change: GrantChange,
    /// Who did it.
    pub by: Subject,
    /// Digest of the grant's canonical JSON after the change.
    pub digest: Digest,
}

/// What happened to a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantChange {
    /// It was made.
    Made,
    /// Somebody responsible confirmed it.
    Certified,
    /// A confirmation was taken back; the one before it counts again.
    Uncertified,
    /// It permits less.
    Narrowed,
    /// It permits other things than before, or more.
    Widened,
    /// It ends at another date.
    Renewed,
    /// It ended, and another holder has a grant that was made from it.
    Transferred,
    /// It carries no calls for now.
    Suspended,
    /// It carries calls again.
    Resumed,
    /// It was ended.
    Revoked,
    /// Its end was undone.
    Restored,
}

/// Somebody asked for a grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantRequested {
    /// The request.
    pub request: GrantRequestId,
    /// Who asked.
    pub by: Subject,
    /// Digest of the request's canonical JSON.
    pub digest: Digest,
}

/// A request for a grant was answered, withdrawn or lapsed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GrantRequestChanged {
    /// The request.
    pub request: GrantRequestId,
    /// Who did it; absent when time did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Subject>,
    /// `pending` after a yes that is not the last, else `approved`, `denied`, `withdrawn`, `lapsed`.
    pub now: String,
    /// The grant that was made or renewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantRef>,
    /// Digest of the request's canonical JSON after the change.
    pub digest: Digest,
}

/// Something was denied to somebody whatever their grants say, or a denial was lifted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DenialChanged {
    /// The denial.
    pub denial: DenialId,
    /// To whom: a subject, or `group:` and a group's name.
    pub whom: String,
    /// What: functions, `tag:…`, or one grant.
    pub what: Vec<String>,
    /// Who did it.
    pub by: Subject,
    /// `stopped` or `resumed`.
    pub now: StopState,
    /// Why.
    pub why: String,
}
