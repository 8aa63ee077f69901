//! Denials: what somebody may not call, whatever their grants say. They take rights away where a
//! grant comes from elsewhere, and from one member of a group that holds a grant (R11).

use crate::{DenialId, Function, FunctionName, GrantId, Holder, Subject, Timestamp, catalog::Tag};
use serde::{Deserialize, Serialize};

/// A denial that stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// Its name.
    pub id: DenialId,
    /// To whom: one subject, or every member of a group.
    pub whom: Holder,
    /// What.
    pub what: Denied,
    /// Who denied it.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// Why; callers are told.
    pub why: String,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What is denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Denied {
    /// Calls that rest on this grant. Another grant may carry them.
    Grant(GrantId),
    /// Calls of these functions, whatever carries them.
    Functions {
        /// By name.
        #[serde(default)]
        functions: Vec<FunctionName>,
        /// By tag, as the catalog has them at each call.
        #[serde(default)]
        tags: Vec<Tag>,
    },
}

impl Denial {
    /// Whether it has not ended.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|it| now < it)
    }

    /// Whether it denies a function as such.
    pub fn names(&self, function: &Function) -> bool {
        match &self.what {
            Denied::Grant(_) => false,
            Denied::Functions { functions, tags } => {
                functions.contains(&function.name)
                    || tags.iter().any(|tag| function.tags.contains(tag))
            }
        }
    }

    /// Whether it denies what this grant carries.
    pub fn is_of(&self, grant: GrantId) -> bool {
        match &self.what {
            Denied::Grant(id) => *id == grant,
            Denied::Functions { .. } => false,
        }
    }
}
