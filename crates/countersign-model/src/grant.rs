//! Grants: who may call what, why, within what, until when, and when somebody responsible last
//! confirmed it.

mod declared;
mod request;
mod steps;
mod terms;

pub use declared::{Applied, DeclaredGrant, Differs};
pub use request::{GrantRequest, GrantRequestState, REQUEST_WITHIN, Yes};
pub use steps::NotRestored;
pub use terms::{Certified, Terms, Wider};

use crate::{
    GrantId, GrantRequestId, Group, Span, Subject, Timestamp,
    catalog::{FunctionName, Rate, ReviewRule, Tag},
};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Functions and tags that one grant names at most.
pub const NAMES_MAX: usize = 500;
/// Constraints of one grant at most.
pub const CONSTRAINTS_MAX: usize = 16;

/// One version of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Stays the same through all versions.
    pub id: GrantId,
    /// Starts at 1 and grows with every change of what the grant permits.
    pub version: u32,
    /// Who holds it.
    pub holder: Holder,
    /// Functions by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<FunctionName>,
    /// Functions by tag, as the catalog has them at each call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Why.
    pub reason: String,
    /// CEL expressions that a call's arguments must satisfy, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub constraints: Vec<String>,
    /// How many calls the holder may make, for each function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// Who made it.
    pub made_by: Subject,
    /// When its first version was made.
    pub made_at: Timestamp,
    /// How it came to be.
    #[serde(default, skip_serializing_if = "GrantOrigin::is_direct")]
    pub origin: GrantOrigin,
    /// The grant of another holder that it was made from, and the version that ended then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor_of: Option<GrantRef>,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Its last certification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certified: Option<Certification>,
    /// Whether it stands.
    pub state: GrantState,
}

/// Somebody responsible confirmed a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certification {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// Which version it counts for: the one that they saw, or a narrower one that was made of it
    /// by somebody who could have certified it.
    pub version: u32,
}

/// How a grant came to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantOrigin {
    /// An owner or an administrator made it.
    #[default]
    Direct,
    /// Somebody asked for it, and the functions' owners said yes.
    Request {
        /// The request.
        id: GrantRequestId,
        /// Who asked.
        asked_by: Subject,
        /// Who said yes.
        approved_by: Vec<Subject>,
    },
    /// A catalog file has it.
    File {
        /// Its name there.
        name: String,
    },
}

impl GrantOrigin {
    fn is_direct(&self) -> bool {
        *self == Self::Direct
    }
}

/// Who holds a grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holder {
    /// One subject.
    Subject(Subject),
    /// Every member of a group.
    Group(Group),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Subject(name) => write!(f, "{name}"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

/// Whether a grant stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantState {
    /// It carries calls.
    Active,
    /// It carries no calls until somebody responsible says what should become of it.
    Suspended {
        /// Who.
        by: Subject,
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
    /// Somebody ended it.
    Revoked {
        /// Who.
        by: Subject,
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
        /// How it was suspended, if it was: undoing the revocation comes back to that.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suspended: Option<Box<Pause>>,
    },
}

/// How a grant was suspended when it was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub why: String,
}

/// The grant and version that a decision rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GrantRef {
    /// The grant.
    pub id: GrantId,
    /// Its version.
    pub version: u32,
}

/// How recent a grant's certification is, against its function's review rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Recent enough.
    Fresh {
        /// When it lapses.
        until: Timestamp,
    },
    /// Soon to lapse.
    Due {
        /// When it lapses.
        until: Timestamp,
    },
    /// Lapsed, or never certified.
    Overdue {
        /// Since when; `None` if this version was never certified.
        since: Option<Timestamp>,
    },
}

impl Freshness {
    /// Of a version that was certified then, or never.
    pub(crate) fn of(certified_at: Option<Timestamp>, rule: &ReviewRule, now: Timestamp) -> Self {
        let Some(at) = certified_at else { return Self::Overdue { since: None } };
        let until = at.plus(rule.every);
        if now >= until {
            Self::Overdue { since: Some(until) }
        } else if now >= until.minus(rule.due) {
            Self::Due { until }
        } else {
            Self::Fresh { until }
        }
    }
}

impl fmt::Display for Freshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fresh { .. } => "fresh",
            Self::Due { .. } => "due",
            Self::Overdue { .. } => "overdue",
        })
    }
}

impl Grant {
    /// The grant and version, for a decision to name.
    pub fn reference(&self) -> GrantRef {
        GrantRef { id: self.id, version: self.version }
    }

    /// How recent its certification is. A certification of an earlier, narrower or other version
    /// does not count (R2).
    pub fn freshness(&self, rule: &ReviewRule, now: Timestamp) -> Freshness {
        Freshness::of(self.certified_at(), rule, now)
    }

    /// When the version that stands was certified, if it was (R2).
    pub(crate) fn certified_at(&self) -> Option<Timestamp> {
        self.certified.as_ref().filter(|it| it.version == self.version).map(|it| it.at)
    }

    /// Why it carries no calls, if so: it has ended by date or by hand, or is suspended.
    pub fn ended(&self, now: Timestamp) -> Option<Ended> {
        match (&self.state, self.expires_at) {
            (GrantState::Revoked { by, at, .. }, _) => {
                Some(Ended::Revoked { by: by.clone(), at: *at })
            }
            (GrantState::Active | GrantState::Suspended { .. }, Some(at)) if now >= at => {
                Some(Ended::Expired { at })
            }
            (GrantState::Suspended { by, at, why }, Some(_) | None) => {
                Some(Ended::Suspended { by: by.clone(), at: *at, why: why.clone() })
            }
            (GrantState::Active, Some(_) | None) => None,
        }
    }

    /// Whether it is over: revoked or expired. One that is suspended may come back.
    pub fn is_over(&self, now: Timestamp) -> bool {
        match self.ended(now) {
            Some(Ended::Revoked { .. } | Ended::Expired { .. }) => true,
            Some(Ended::Suspended { .. }) | None => false,
        }
    }
}

/// Why a grant carries no calls.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// It ended by hand.
    #[error("the grant was revoked by {by} on {}", at.date())]
    Revoked {
        /// Who revoked it.
        by: Subject,
        /// When.
        at: Timestamp,
    },
    /// It ended by date.
    #[error("the grant expired on {}", at.date())]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// It has not ended, but waits.
    #[error("the grant is suspended by {by} since {}: {why}", at.date())]
    Suspended {
        /// Who suspended it.
        by: Subject,
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
}

/// Default of [`ReviewRule::due`].
pub const DUE_DEFAULT: Span = Span::from_days(14);

#[cfg(test)]
mod tests;
