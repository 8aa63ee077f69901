//! A campaign: one run of a review, from its opening to its sign-off.

use super::schedule::{CampaignRules, Scope};
use crate::{CampaignId, Digest, Epoch, GrantId, Subject, Timestamp, passkey::SignedWithPasskey};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One run of a review.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Campaign {
    /// Its name.
    pub id: CampaignId,
    /// What people call it.
    pub title: String,
    /// What opened it.
    pub origin: CampaignOrigin,
    /// Which grants.
    pub scope: Scope,
    /// By which rules; those of its opening, whatever the catalog says later.
    pub rules: CampaignRules,
    /// When items stop being open by themselves.
    pub due_at: Timestamp,
    /// When what suspension left is revoked.
    pub grace_until: Timestamp,
    /// The snapshot, once it is complete (R1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
    /// Where it stands.
    pub state: CampaignState,
    /// Automatic ends that an administrator confirmed although the breaker stopped them (R9).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub confirmed: Vec<Confirmation>,
    /// How many of the rules' reminders were sent, the earliest first; passed-over ones count.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reminded: u32,
    /// Sign-offs, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sign_offs: Vec<SignOff>,
    /// Corrections after the sign-off, oldest first (R16).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addenda: Vec<Addendum>,
}

/// What opened a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CampaignOrigin {
    /// A schedule, for one of its dates.
    Schedule {
        /// Its name.
        name: String,
        /// The date, `2027-01-15`.
        date: String,
    },
    /// Something happened to one grant (R19).
    Event {
        /// What.
        what: ReviewEvent,
        /// Which grant.
        grant: GrantId,
    },
    /// A person.
    ByHand {
        /// Who.
        by: Subject,
    },
}

/// What opens a review of one grant (R19).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewEvent {
    /// A function that it reaches has another contract.
    ContractDrifted,
    /// A function that it reaches became more sensitive.
    SensitivityRose,
    /// The agent that holds it has another sponsor.
    SponsorChanged,
    /// Break-glass was used.
    BreakGlass,
    /// It was used for the first time after a long idle.
    UsedAfterIdle,
}

/// The snapshot that a campaign rests on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// When it was complete.
    pub at: Timestamp,
    /// Under which policy.
    pub epoch: Epoch,
    /// Under which catalog.
    pub catalog: Digest,
    /// Digest of the scope and the rules as canonical JSON.
    pub scope: Digest,
    /// How many items.
    pub items: u64,
    /// Active grants that are not in scope, and those that are but can't be items, by why.
    pub excluded: BTreeMap<String, u64>,
    /// SHA-256 over the items' snapshot digests, in the order of their grants' ids.
    pub digest: Digest,
    /// Until when calls had been counted, by gateway.
    pub counted_until: BTreeMap<String, Timestamp>,
}

/// Where a campaign stands. It moves forward only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CampaignState {
    /// Its snapshot is being made; begun anew after a crash.
    Opening,
    /// People decide.
    Open,
    /// An automatic end would end too much, and an administrator must confirm it (R9).
    Stopped {
        /// Since when.
        at: Timestamp,
        /// Which of its ends.
        before: AutomaticEnd,
        /// How many grants would end.
        would_end: u64,
        /// Of how many.
        of: u64,
    },
    /// The due date has passed and its effects are in force; grace runs.
    Grace {
        /// Since when.
        at: Timestamp,
    },
    /// Everything is decided, by people or by rule.
    Closed {
        /// When.
        at: Timestamp,
        /// Digest of the report.
        report: Digest,
    },
    /// Its owner answered for all of it; nothing changes any more.
    SignedOff {
        /// When it was closed.
        closed_at: Timestamp,
        /// When.
        at: Timestamp,
        /// Digest of the report.
        report: Digest,
    },
}

/// When a campaign ends access by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AutomaticEnd {
    /// At the due date.
    Due,
    /// When grace is over.
    Grace,
}

/// An administrator lets an automatic end act although the breaker stopped it (R9).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// Which end.
    pub end: AutomaticEnd,
    /// How many grants would end; more than that is asked about again.
    pub would_end: u64,
}

/// Somebody answers for decisions with their name (R16).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SignOff {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// For what.
    pub covers: Covers,
    /// How many items.
    pub items: u64,
    /// SHA-256 over the canonical JSON of the decisions, in the order of their grants' ids.
    pub digest: Digest,
    /// How they proved that it was them.
    #[serde(flatten)]
    pub proof: SignOffProof,
}

/// How somebody proved that it was them who signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SignOffProof {
    /// By signing in at their provider for it.
    SignIn {
        /// When.
        signed_in_at: Timestamp,
    },
    /// By a passkey that signed this very thing, as [`SignOff::signed_digest`] says it. It can be judged
    /// by anybody, at any time.
    Passkey {
        /// Which, and what it signed.
        passkey: Box<SignedWithPasskey>,
    },
}

impl SignOff {
    /// What a passkey signs: that this person answers for these decisions, of this campaign.
    pub fn signed_digest(
        campaign: CampaignId,
        by: &Subject,
        covers: Covers,
        items: u64,
        digest: &Digest,
    ) -> Digest {
        Digest::of_json(&serde_json::json!({
            "act": "review.sign_off", "campaign": campaign, "by": by, "covers": covers,
            "items": items, "digest": digest,
        }))
    }
}

/// What a sign-off is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Covers {
    /// The decisions of the one who signs: they can't be changed any more.
    Own,
    /// All decisions of the campaign, after its close.
    Campaign,
}

impl CampaignState {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Opening => "opening",
            Self::Open => "open",
            Self::Stopped { .. } => "stopped",
            Self::Grace { .. } => "grace",
            Self::Closed { .. } => "closed",
            Self::SignedOff { .. } => "signed_off",
        }
    }

    /// Whether people may answer.
    pub const fn takes_answers(&self) -> bool {
        match self {
            Self::Open | Self::Stopped { .. } | Self::Grace { .. } => true,
            Self::Opening | Self::Closed { .. } | Self::SignedOff { .. } => false,
        }
    }

    /// When it was closed, if it is.
    pub const fn closed_at(&self) -> Option<Timestamp> {
        match self {
            Self::Closed { at, .. } => Some(*at),
            Self::SignedOff { closed_at, .. } => Some(*closed_at),
            Self::Opening | Self::Open | Self::Stopped { .. } | Self::Grace { .. } => None,
        }
    }
}

impl Campaign {
    /// When somebody last signed for their own answers: those from then or before stand (R16).
    pub fn signed_off_by(&self, subject: &Subject) -> Option<Timestamp> {
        let own = |it: &&SignOff| it.covers == Covers::Own && it.by == *subject;
        self.sign_offs.iter().filter(own).map(|it| it.at).max()
    }

    /// Whether an administrator confirmed that an automatic end may end so many grants.
    pub fn is_confirmed(&self, end: AutomaticEnd, would_end: u64) -> bool {
        self.confirmed.iter().any(|it| it.end == end && it.would_end >= would_end)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A correction after the sign-off: said beside, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addendum {
    /// Who.
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// About which item; absent: the campaign.
    pub grant: Option<GrantId>,
    /// What.
    pub text: String,
}
