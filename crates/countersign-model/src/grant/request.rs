//! A request for a grant: somebody asks, the functions' owners answer.

use super::{GrantRef, Terms};
use crate::{FunctionName, GrantId, GrantRequestId, Holder, Span, Subject, Timestamp};
use serde::{Deserialize, Serialize};

/// How long a request waits for an answer.
pub const REQUEST_WITHIN: Span = Span::from_days(14);

/// Somebody asks for a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantRequest {
    /// Its name.
    pub id: GrantRequestId,
    /// Who is to hold the grant.
    pub holder: Holder,
    /// What it is to permit. Whoever says yes may narrow it.
    pub terms: Terms,
    /// Why.
    pub reason: String,
    /// The grant that it asks to renew; `None`: a new one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renews: Option<GrantId>,
    /// Who asks.
    pub asked_by: Subject,
    /// When.
    pub asked_at: Timestamp,
    /// When it lapses unanswered.
    pub lapses_at: Timestamp,
    /// Who said yes so far.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub yes: Vec<Yes>,
    /// Where it stands.
    pub state: GrantRequestState,
}

/// An owner's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yes {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// What they said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub comment: String,
}

/// Where a request stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum GrantRequestState {
    /// Owners are asked.
    Pending,
    /// All functions have an owner's yes, and the grant is made.
    Approved {
        /// When.
        at: Timestamp,
        /// The grant.
        grant: GrantRef,
    },
    /// An owner said no.
    Denied {
        /// Who.
        by: Subject,
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// Whoever asked took it back.
    Withdrawn {
        /// Who.
        by: Subject,
        /// When.
        at: Timestamp,
    },
    /// Nobody answered in time.
    Lapsed {
        /// When.
        at: Timestamp,
    },
}

impl GrantRequestState {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved { .. } => "approved",
            Self::Denied { .. } => "denied",
            Self::Withdrawn { .. } => "withdrawn",
            Self::Lapsed { .. } => "lapsed",
        }
    }
}

impl GrantRequest {
    /// Whether it waits for an answer at this moment.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.state == GrantRequestState::Pending && now < self.lapses_at
    }

    /// The functions that no owner has said yes to yet. `owns` says who owns what at this moment:
    /// a yes of somebody who is no owner any more does not count.
    pub fn open(&self, owns: impl Fn(&Subject, &FunctionName) -> bool) -> Vec<FunctionName> {
        let answered = |name: &&FunctionName| !self.yes.iter().any(|it| owns(&it.by, name));
        self.terms.functions.iter().filter(answered).cloned().collect()
    }
}
