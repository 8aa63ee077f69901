//! Why an approval did not move on.

use crate::{ErrorKind, Forbidden, Unavailable, roles};
use countersign_model::approval::VoteRefused;
use countersign_store::StoreError;

/// Why an approval did not move on.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// There is none, or the actor may not know of it.
    #[error("there is no such request for approval")]
    NotFound,
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// The answer is not taken.
    #[error(transparent)]
    Refused(#[from] VoteRefused),
    /// The comment is too long.
    #[error(transparent)]
    Comment(#[from] roles::BadText),
    /// Its state does not allow this.
    #[error("this request is {0}")]
    State(&'static str),
    /// Another call has used it, or its end is known.
    #[error("this approval was used already")]
    Used,
    /// The caller has as many held calls as it may.
    #[error("this caller has too many calls that wait for people")]
    TooManyHeld,
    /// Somebody else changed it at the same moment.
    #[error("somebody else changed this request at the same moment; look at it again")]
    Changed,
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ApprovalError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "no_such_approval",
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::Refused(refused) => match refused {
                VoteRefused::NotPending(_) => "not_pending",
                VoteRefused::TooLate => "too_late",
                VoteRefused::NotAPerson => "not_a_person",
                VoteRefused::Suspended => "suspended",
                VoteRefused::OwnCall => "own_call",
                VoteRefused::SponsorAlone => "sponsor_alone",
                VoteRefused::NotAsked => "not_asked",
            },
            Self::Comment(_) => "bad_comment",
            Self::State(_) => "other_state",
            Self::Used => "approval_used",
            Self::TooManyHeld => "too_many_held",
            Self::Changed => "changed_meanwhile",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::NotFound => ErrorKind::NotFound,
            Self::Forbidden(_) => ErrorKind::Forbidden,
            Self::Refused(refused) => match refused {
                VoteRefused::NotPending(_) | VoteRefused::TooLate => ErrorKind::Conflict,
                VoteRefused::NotAPerson
                | VoteRefused::Suspended
                | VoteRefused::OwnCall
                | VoteRefused::SponsorAlone
                | VoteRefused::NotAsked => ErrorKind::Forbidden,
            },
            Self::Comment(_) => ErrorKind::Invalid,
            Self::State(_) | Self::Used | Self::TooManyHeld | Self::Changed => ErrorKind::Conflict,
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }
}

impl From<StoreError> for ApprovalError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}
