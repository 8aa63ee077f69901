//! Why something about a review was not done.

use crate::{ErrorKind, Forbidden, GrantError, PasskeyError, Unavailable};
use countersign_model::{GrantId, Timestamp};
use countersign_store::StoreError;

/// Why something about a review was not done.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The actor may not.
    #[error(transparent)]
    Forbidden(#[from] Forbidden),
    /// There is no such campaign.
    #[error("there is no such campaign")]
    NoCampaign,
    /// The campaign has no such item.
    #[error("the campaign has no item for this grant")]
    NoItem,
    /// Something about what was sent can't be right.
    #[error("{place}: {message}")]
    Invalid {
        /// Which member.
        place: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// The reviewer saw another version of the grant than the one that stands (R2).
    #[error("the grant is at version {current} now; look at it again")]
    Version {
        /// The version that stands.
        current: u32,
    },
    /// Others are asked.
    #[error("you are not among those who are asked about this grant")]
    NotAsked,
    /// Nobody in this campaign can be asked to do this now.
    #[error("the campaign is {state}; this can't be done any more")]
    CampaignState {
        /// Where it stands.
        state: &'static str,
    },
    /// The item is decided, or does not matter any more.
    #[error("the item is {state}; it takes no such answer")]
    ItemState {
        /// Where it stands.
        state: &'static str,
    },
    /// The answer stands: its author signed for it (R16).
    #[error("this was signed off on {}; write an addendum", at.date())]
    SignedOff {
        /// When.
        at: Timestamp,
    },
    /// It can't be undone any more.
    #[error("it is too late to undo this; what takes rights is undone within 15 minutes")]
    TooLate,
    /// A reason is needed, because it is against the recommendation or the rules say so (R17).
    #[error("say why: {because}")]
    ReasonNeeded {
        /// Why one is needed.
        because: &'static str,
    },
    /// More than may be certified in one act, or something that is never certified in bulk.
    #[error("{message}")]
    Bulk {
        /// What to do instead.
        message: String,
    },
    /// Not everything is decided.
    #[error("{open} item(s) are not decided yet")]
    Undecided {
        /// How many.
        open: u64,
    },
    /// A sign-off needs a sign-in that is not older than five minutes.
    #[error("sign in again to sign off")]
    SignInAgain,
    /// A passkey did not sign it.
    #[error(transparent)]
    Passkey(PasskeyError),
    /// Whoever would take over may not review this grant.
    #[error("{grant} can't be handed to them: {why}")]
    NotEligible {
        /// Which grant.
        grant: GrantId,
        /// Why.
        why: String,
    },
    /// The grant could not be changed.
    #[error(transparent)]
    Grant(GrantError),
    /// Somebody else changed it at the same moment.
    #[error("somebody else changed it at the same moment; look at it again")]
    Changed,
    /// The store or the ledger can't be used.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl ReviewError {
    /// The code for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Forbidden(forbidden) => forbidden.code(),
            Self::NoCampaign => "no_such_campaign",
            Self::NoItem => "no_such_item",
            Self::Invalid { .. } => "invalid_review",
            Self::Version { .. } => "other_version",
            Self::NotAsked => "not_asked",
            Self::CampaignState { .. } => "campaign_state",
            Self::ItemState { .. } => "item_state",
            Self::SignedOff { .. } => "signed_off",
            Self::TooLate => "too_late",
            Self::ReasonNeeded { .. } => "reason_needed",
            Self::Bulk { .. } => "not_in_bulk",
            Self::Undecided { .. } => "undecided",
            Self::SignInAgain => "sign_in_again",
            Self::Passkey(error) => error.code(),
            Self::NotEligible { .. } => "not_eligible",
            Self::Grant(error) => error.code(),
            Self::Changed => "changed_meanwhile",
            Self::Unavailable(unavailable) => unavailable.code(),
        }
    }

    /// What kind of error it is.
    pub fn status(&self) -> ErrorKind {
        match self {
            Self::Forbidden(_) | Self::NotAsked | Self::SignInAgain => ErrorKind::Forbidden,
            Self::NoCampaign | Self::NoItem => ErrorKind::NotFound,
            Self::Invalid { .. }
            | Self::ReasonNeeded { .. }
            | Self::Bulk { .. }
            | Self::NotEligible { .. } => ErrorKind::Invalid,
            Self::Version { .. }
            | Self::CampaignState { .. }
            | Self::ItemState { .. }
            | Self::SignedOff { .. }
            | Self::TooLate
            | Self::Undecided { .. }
            | Self::Changed => ErrorKind::Conflict,
            Self::Passkey(error) => error.status(),
            Self::Grant(error) => error.status(),
            Self::Unavailable(_) => ErrorKind::Unavailable,
        }
    }

    pub(super) fn invalid(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { place: place.into(), message: message.into() }
    }
}

impl From<StoreError> for ReviewError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<PasskeyError> for ReviewError {
    fn from(error: PasskeyError) -> Self {
        match error {
            PasskeyError::Forbidden(forbidden) => Self::Forbidden(forbidden),
            PasskeyError::Unavailable(unavailable) => Self::Unavailable(unavailable),
            PasskeyError::NotFound
            | PasskeyError::Known
            | PasskeyError::Refused(_)
            | PasskeyError::CounterBack
            | PasskeyError::Invalid(_) => Self::Passkey(error),
        }
    }
}

impl From<GrantError> for ReviewError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Unavailable(unavailable) => Self::Unavailable(unavailable),
            GrantError::Changed => Self::Changed,
            GrantError::Forbidden(_)
            | GrantError::NotFound
            | GrantError::Invalid { .. }
            | GrantError::Version { .. }
            | GrantError::Unowned(_)
            | GrantError::Ended(_)
            | GrantError::Wider(_)
            | GrantError::NotRestored(_)
            | GrantError::Separated(_)
            | GrantError::Answered(_)
            | GrantError::Waits => Self::Grant(error),
        }
    }
}
