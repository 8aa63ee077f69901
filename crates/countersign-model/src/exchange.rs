//! The recording of a call: the masked request and response, as they are sealed beside the ledger
//! and shown at replay.

use crate::{
    ApprovalId, CallId, FunctionName, GrantRef, Reason, SessionId, Timestamp, record::Who,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// One call as it may be shown. Everything in it went through the function's masks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// The call.
    pub call: CallId,
    /// The session it belongs to.
    pub session: SessionId,
    /// When it left for its target, or was refused.
    pub at: Timestamp,
    /// Milliseconds from then to the last byte.
    pub took_ms: u64,
    /// Who.
    pub who: Who,
    /// What.
    pub function: FunctionName,
    /// The request's method.
    pub method: String,
    /// The path template of the function: the values stand in `arguments`.
    pub path: String,
    /// The arguments, masked.
    pub arguments: Value,
    /// Pointers to arguments that are hidden.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<String>,
    /// Why it might run, or why it might not.
    pub reason: Reason,
    /// The approval that it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<ApprovalId>,
    /// The grants that carried it.
    pub grants: Vec<GrantRef>,
    /// The target's status; 0 when there was none.
    pub status: u16,
    /// The answer's headers that say what the body is.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The answer's body, masked; absent when the function's rule keeps none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
    /// Whether `response` was cut at the recording's limit.
    #[serde(default)]
    pub cut: bool,
    /// Bytes of the answer as it was delivered.
    pub bytes: u64,
    /// How many values were masked.
    pub masked: u64,
    /// The salt of this call's commitments in the ledger.
    pub salt: crate::digest::Salt,
}
