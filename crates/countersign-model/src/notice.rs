//! Notices: what people are told, why, and when their day's digest is due. Texts of notices say who and
//! what, never with which arguments.

mod daily;

pub use daily::{BadDaily, Daily};

use crate::{ApiKeyId, ApprovalId, CampaignId, GrantId, GrantRequestId};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// What kind of thing somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A held call waits for an answer.
    ApprovalWaits,
    /// Break-glass was used.
    BreakGlass,
    /// An automatic end of a campaign was stopped by its breaker (R9).
    ReviewStopped,
    /// Items of a campaign wait for the reviewer.
    ReviewWaits,
    /// A campaign is due soon, and items of the reviewer are open.
    ReviewDue,
    /// A campaign is past its due date.
    ReviewOverdue,
    /// Items were handed to another reviewer.
    ReviewHandedOn,
    /// A campaign is closed and waits for the sign-off.
    SignOffWaits,
    /// A campaign is closed or signed off.
    ReviewClosed,
    /// Somebody asks for a grant.
    GrantRequested,
    /// A request for a grant was answered.
    GrantAnswered,
    /// A grant was made, narrowed, suspended, revoked or restored.
    GrantChanged,
    /// The certification of a grant lapses soon.
    GrantDue,
    /// The certification of a grant has lapsed.
    GrantOverdue,
    /// A grant or what answers for it has nobody who answers any more (R7).
    OwnerMissing,
    /// An API key ends soon.
    ApiKeyEnds,
    /// Somebody tries whether notices reach them.
    Test,
    /// The notices of a day in one.
    Digest,
}

/// When somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// At once.
    Now,
    /// With the digest of the day.
    Digest,
}

/// The id of what a notice is about: a campaign, a grant, an approval, …
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NoticeAbout(Arc<str>);

impl NoticeKind {
    /// All kinds, in the order in which a digest has them: what waits before what is for information.
    pub const ALL: [Self; 18] = [
        Self::ApprovalWaits,
        Self::BreakGlass,
        Self::ReviewStopped,
        Self::ReviewOverdue,
        Self::ReviewDue,
        Self::ReviewWaits,
        Self::ReviewHandedOn,
        Self::SignOffWaits,
        Self::GrantRequested,
        Self::GrantOverdue,
        Self::GrantDue,
        Self::OwnerMissing,
        Self::ApiKeyEnds,
        Self::GrantAnswered,
        Self::GrantChanged,
        Self::ReviewClosed,
        Self::Test,
        Self::Digest,
    ];

    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ApprovalWaits => "approval_waits",
            Self::BreakGlass => "break_glass",
            Self::ReviewStopped => "review_stopped",
            Self::ReviewWaits => "review_waits",
            Self::ReviewDue => "review_due",
            Self::ReviewOverdue => "review_overdue",
            Self::ReviewHandedOn => "review_handed_on",
            Self::SignOffWaits => "sign_off_waits",
            Self::ReviewClosed => "review_closed",
            Self::GrantRequested => "grant_requested",
            Self::GrantAnswered => "grant_answered",
            Self::GrantChanged => "grant_changed",
            Self::GrantDue => "grant_due",
            Self::GrantOverdue => "grant_overdue",
            Self::OwnerMissing => "owner_missing",
            Self::ApiKeyEnds => "api_key_ends",
            Self::Test => "test",
            Self::Digest => "digest",
        }
    }

    /// What stands above notices of this kind in a digest and in an inbox.
    pub const fn heading(self) -> &'static str {
        match self {
            Self::ApprovalWaits => "Calls that wait for an answer",
            Self::BreakGlass => "Break-glass",
            Self::ReviewStopped => "Access reviews that were stopped",
            Self::ReviewWaits => "Access reviews that wait for you",
            Self::ReviewDue => "Access reviews that are due soon",
            Self::ReviewOverdue => "Access reviews that are overdue",
            Self::ReviewHandedOn => "Reviews that were handed on",
            Self::SignOffWaits => "Sign-offs that wait for you",
            Self::ReviewClosed => "Access reviews that ended",
            Self::GrantRequested => "Grants that somebody asks for",
            Self::GrantAnswered => "Answers to what you asked for",
            Self::GrantChanged => "Grants that changed",
            Self::GrantDue => "Grants whose certification lapses soon",
            Self::GrantOverdue => "Grants whose certification has lapsed",
            Self::OwnerMissing => "Access that nobody answers for",
            Self::ApiKeyEnds => "API keys that end soon",
            Self::Test => "Tests",
            Self::Digest => "Digests",
        }
    }

    /// Whether the next digest names it although it was told at once: it waits for somebody.
    pub const fn waits(self) -> bool {
        match self {
            Self::ApprovalWaits
            | Self::ReviewStopped
            | Self::ReviewWaits
            | Self::ReviewDue
            | Self::ReviewOverdue
            | Self::ReviewHandedOn
            | Self::SignOffWaits
            | Self::GrantRequested => true,
            Self::BreakGlass
            | Self::ReviewClosed
            | Self::GrantAnswered
            | Self::GrantChanged
            | Self::GrantDue
            | Self::GrantOverdue
            | Self::OwnerMissing
            | Self::ApiKeyEnds
            | Self::Test
            | Self::Digest => false,
        }
    }
}

impl Urgency {
    /// The word for programs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::Digest => "digest",
        }
    }
}

impl NoticeAbout {
    /// Of an id that has no form of its own here.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! about {
    ($($id:ty),*) => {
        $(impl From<$id> for NoticeAbout {
            fn from(id: $id) -> Self {
                Self(id.to_string().into())
            }
        })*
    };
}
about!(ApiKeyId, ApprovalId, CampaignId, GrantId, GrantRequestId);

impl fmt::Display for NoticeAbout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NoticeAbout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
