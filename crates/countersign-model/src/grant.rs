//! Grants: who may call what, why, within what, until when, and when somebody responsible last
//! confirmed it.

use crate::{
    GrantId, Group, Span, Subject, Timestamp,
    catalog::{FunctionName, Rate, ReviewRule, Tag},
};
use serde::{Deserialize, Serialize};
use std::fmt;

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
    /// Which version they saw.
    pub version: u32,
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
    /// Somebody ended it.
    Revoked {
        /// Who.
        by: Subject,
        /// When.
        at: Timestamp,
        /// Why.
        why: String,
    },
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
        let Some(certified) = self.certified.as_ref().filter(|it| it.version == self.version)
        else {
            return Freshness::Overdue { since: None };
        };
        let until = certified.at.plus(rule.every);
        if now >= until {
            Freshness::Overdue { since: Some(until) }
        } else if now >= until.minus(rule.due) {
            Freshness::Due { until }
        } else {
            Freshness::Fresh { until }
        }
    }

    /// Whether it has ended by date or by hand.
    pub fn ended(&self, now: Timestamp) -> Option<Ended> {
        match (&self.state, self.expires_at) {
            (GrantState::Revoked { by, at, .. }, _) => {
                Some(Ended::Revoked { by: by.clone(), at: *at })
            }
            (GrantState::Active, Some(at)) if now >= at => Some(Ended::Expired { at }),
            (GrantState::Active, Some(_) | None) => None,
        }
    }

    /// Certifies the version that stands now.
    pub fn certify(self, by: &Subject, at: Timestamp) -> Result<Self, Ended> {
        match self.ended(at) {
            Some(ended) => Err(ended),
            None => {
                let version = self.version;
                let certified = Some(Certification { by: by.clone(), at, version });
                Ok(Self { certified, ..self })
            }
        }
    }

    /// Ends the grant. Revoking twice keeps the first revocation.
    pub fn revoke(self, by: &Subject, at: Timestamp, why: &str) -> Self {
        match self.state {
            GrantState::Revoked { .. } => self,
            GrantState::Active => {
                let state = GrantState::Revoked { by: by.clone(), at, why: why.to_owned() };
                Self { state, ..self }
            }
        }
    }
}

/// How a grant ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    /// By hand.
    #[error("the grant was revoked by {by} on {}", at.date())]
    Revoked {
        /// Who revoked it.
        by: Subject,
        /// When.
        at: Timestamp,
    },
    /// By date.
    #[error("the grant expired on {}", at.date())]
    Expired {
        /// When.
        at: Timestamp,
    },
}

/// Default of [`ReviewRule::due`].
pub const DUE_DEFAULT: Span = Span::from_days(14);

#[cfg(test)]
mod tests;
