//! Somebody stands in for a person who is away: in reviews, from a moment to another.

use crate::{Span, Subject, Timestamp};
use serde::{Deserialize, Serialize};

/// Who stands in for a person in reviews, and when. A person has one at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// For whom.
    pub of: Subject,
    /// Who stands in.
    pub to: Subject,
    /// From when.
    pub from: Timestamp,
    /// Until when; [`DELEGATION_MAX`] after the beginning at most.
    pub until: Timestamp,
    /// Who said so: the person, or an administrator.
    pub by: Subject,
    /// When they said so.
    pub made_at: Timestamp,
}

/// Why a delegation can't stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegationRefused {
    /// Nobody stands in for themself.
    #[error("nobody stands in for themself; name somebody else")]
    Themself,
    /// It ends before it begins, or is over.
    #[error("the end must be after the beginning, and in the future")]
    Over,
    /// It is too long.
    #[error("somebody stands in for at most {DELEGATION_MAX}; say it again when that is over")]
    TooLong,
}

/// The longest time that somebody stands in for another.
pub const DELEGATION_MAX: Span = Span::from_days(90);

impl Delegation {
    /// Whether it stands at a moment: from its beginning on, until just before its end.
    pub fn stands(&self, now: Timestamp) -> bool {
        self.from <= now && now < self.until
    }

    /// Whether it may be made.
    ///
    /// # Errors
    /// [`DelegationRefused`].
    pub fn check(&self) -> Result<(), DelegationRefused> {
        if self.of == self.to {
            Err(DelegationRefused::Themself)
        } else if self.until <= self.from || self.until <= self.made_at {
            Err(DelegationRefused::Over)
        } else if self.until.since(self.from) > DELEGATION_MAX {
            Err(DelegationRefused::TooLong)
        } else {
            Ok(())
        }
    }
}
