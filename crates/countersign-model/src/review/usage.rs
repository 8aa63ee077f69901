//! What a grant was really used for: the summary that reviewers see and recommendations rest on.

use crate::{FunctionName, Subject, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What a grant was used for within a look-back. Only calls that ran and succeeded count as use (R17).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GrantUsage {
    /// From when on calls are counted: the look-back's beginning, or later where counting began later.
    pub since: Timestamp,
    /// Until when calls are counted; long ago if a gateway is late with counting.
    #[serde(default)]
    pub until: Timestamp,
    /// Calls that ran and succeeded (status below 400).
    pub used: u64,
    /// Calls that ran and failed at the target, or of whose end nobody knows.
    pub failed: u64,
    /// Calls of the holder to these functions that did not run, by reason code.
    pub denied: BTreeMap<String, u64>,
    /// The first use within the look-back.
    pub first_used_at: Option<Timestamp>,
    /// The last use ever, also before the look-back.
    pub last_used_at: Option<Timestamp>,
    /// Approvals that calls used up.
    pub approvals: u64,
    /// Successful calls by week, oldest first, for a small chart; the last one ends now.
    pub weeks: Vec<u64>,
    /// By function.
    pub functions: BTreeMap<FunctionName, FunctionUsage>,
    /// Who used it: for a group's grant its members. The most frequent, at most [`SUBJECTS_MAX`].
    pub subjects: BTreeMap<Subject, u64>,
    /// How many there are beside those.
    pub more_subjects: u64,
    /// What was used since it was last widened, if that was within the look-back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widened: Option<WidenedUsage>,
}

/// What a grant was used for since it permits what it permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WidenedUsage {
    /// When it was changed last to permit something else.
    pub at: Timestamp,
    /// Calls that ran and succeeded from that day on.
    pub used: u64,
}

/// What one function was used for under a grant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FunctionUsage {
    /// Calls that ran and succeeded.
    pub used: u64,
    /// The last of them.
    pub last_used_at: Option<Timestamp>,
    /// Calls that succeeded in the time that arguments are kept for, which may begin before the look-back.
    #[serde(default)]
    pub arguments_of: u64,
    /// Of these, those whose arguments were seen. The rest ran before a crash, in a flood, or under a rule
    /// that records nothing.
    pub arguments_seen: u64,
    /// Top-level arguments by name, as masked for recordings.
    pub arguments: BTreeMap<String, ArgumentUsage>,
    /// Values that were masked in answers.
    pub masked: u64,
}

impl FunctionUsage {
    /// Whether the arguments of every call were seen, so that they can be narrowed to.
    pub fn is_complete(&self) -> bool {
        self.arguments_of > 0 && self.arguments_seen >= self.arguments_of
    }
}

/// Which values an argument had.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArgumentUsage {
    /// In how many calls it was present.
    pub present: u64,
    /// Distinct values with their counts, while there are at most [`VALUES_MAX`] small ones.
    pub values: Vec<(Value, u64)>,
    /// Whether there were other values than those.
    pub more_values: bool,
    /// The least number, if all values were numbers.
    pub least: Option<f64>,
    /// The greatest number, if all values were numbers.
    pub greatest: Option<f64>,
    /// Whether the values are hidden by the function's masks: then nothing can be reduced to them.
    pub hidden: bool,
}

/// Subjects of one grant's use that are named.
pub const SUBJECTS_MAX: usize = 10;
/// Distinct values of an argument that are kept.
pub const VALUES_MAX: usize = 10;
