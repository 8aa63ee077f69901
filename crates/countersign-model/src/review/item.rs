//! An item of a campaign: one grant, what is known of it, and what people say.

use super::usage::GrantUsage;
use crate::{
    CampaignId, Digest, Epoch, FunctionName, Grant, GrantId, Sensitivity, Subject, Timestamp,
};
use serde::{Deserialize, Serialize};

/// One grant in a campaign. Named by its campaign and its grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// Its campaign.
    pub campaign: CampaignId,
    /// Its grant.
    pub grant: GrantId,
    /// What reviewers see, as of the opening; never changed (R1).
    pub snapshot: ItemSnapshot,
    /// Its digest.
    pub digest: Digest,
    /// Which stage is asked: a place in the rules' stages.
    pub stage: usize,
    /// Who is asked in this stage.
    pub reviewers: Vec<Reviewer>,
    /// Every answer ever given, oldest first; those that count no more are marked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Answer>,
    /// Where it stands.
    pub state: ItemState,
}

/// What reviewers see of a grant: frozen when the campaign opens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ItemSnapshot {
    /// The grant as it stood.
    pub grant: Grant,
    /// The functions that it reached.
    pub functions: Vec<FunctionName>,
    /// The highest sensitivity among them.
    pub sensitivity: Sensitivity,
    /// What it was used for.
    pub usage: GrantUsage,
    /// Others of the same kind who can call the same functions.
    pub peers: Peers,
    /// What changed since the last certification, in plain words: contract, sensitivity, sponsor, groups.
    pub changes: Vec<Change>,
    /// What to do, and why.
    pub recommendation: Recommendation,
}

/// Others of the same kind who can call the same functions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// Holders of a grant that reaches one of the functions.
    pub hold: u64,
    /// Of these, those who used it within the look-back.
    pub use_it: u64,
}

/// Something changed since the last certification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// A code for programs: `contract`, `sensitivity`, `sponsor`, `widened`, `holder_left`, `moved`.
    pub code: String,
    /// For a person.
    pub sentence: String,
}

/// What to do with a grant, and why (R17).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// What.
    pub advice: Advice,
    /// Why, the weightiest first; never empty.
    pub reasons: Vec<Change>,
}

/// What a recommendation says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Advice {
    /// Keep it.
    Certify,
    /// Narrow it to what was used (R18).
    Reduce,
    /// End it.
    Revoke,
    /// Too little is known.
    NoData,
}

/// Who is asked about an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reviewer {
    /// Who.
    pub subject: Subject,
    /// Why they: `owner`, `sponsor`, `manager`, `group:NAME`, `person`, `delegate of X`,
    /// `back from a delegate`, `manager of X`, `other owner`, `fallback`, `campaign owner`,
    /// `handed on by X`.
    pub why: String,
    /// Since when.
    pub since: Timestamp,
}

/// What a reviewer says about a grant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum ReviewVerdict {
    /// It is needed as it is.
    Certify,
    /// It is needed, but narrower (R18).
    Reduce {
        /// The functions that stay.
        functions: Vec<FunctionName>,
        /// Constraints that are added: CEL, as in grants.
        constraints: Vec<String>,
    },
    /// It is not needed.
    Revoke,
    /// Somebody else should say (R13).
    HandOn {
        /// Who.
        to: Subject,
    },
    /// The reviewer does not know, and nobody else was named: no answer (R13).
    DontKnow,
}

/// One person's answer about one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Who: the signed-in person, never a member of a payload (R5).
    pub by: Subject,
    /// When.
    pub at: Timestamp,
    /// In which stage.
    pub stage: usize,
    /// Which version of the grant they saw (R2).
    pub version: u32,
    /// What.
    #[serde(flatten)]
    pub verdict: ReviewVerdict,
    /// Why.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Whether it is against the recommendation.
    pub against: bool,
    /// How many items the same act answered; 1 for this one alone.
    pub together: u32,
    /// How long the item was before their eyes, in milliseconds, as the page says; absent elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen_ms: Option<u64>,
    /// Why it does not count any more: `undone`, `changed`, `widened`; absent while it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<String>,
}

/// Where an item stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum ItemState {
    /// Reviewers are asked.
    Open,
    /// It is decided, and what was decided is in force.
    Decided(Outcome),
    /// Nobody answered by the due date, and the grant is suspended until somebody does, or grace ends (R8).
    Suspended {
        /// Since when.
        at: Timestamp,
    },
    /// The grant ended otherwise while the item was open.
    Moot {
        /// When that was seen.
        at: Timestamp,
        /// How: `revoked`, `expired`.
        how: String,
    },
}

/// How an item was decided, and since when that is in force.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What.
    pub result: ItemResult,
    /// When.
    pub at: Timestamp,
    /// By whom: the people whose answers made it; nobody when a rule did.
    pub by: Vec<Subject>,
    /// The policy that has it.
    pub epoch: Epoch,
    /// When every gateway was seen to serve that policy (R11).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
    /// The grant's version that it left.
    pub version: u32,
    /// The certification that stood before, to come back to when a certification is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<crate::grant::Certification>,
    /// The grant as it stood before it was narrowed, to come back to when that is undone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrowed_from: Option<Box<Grant>>,
}

/// What became of a grant in a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemResult {
    /// People certified it.
    Certified,
    /// People narrowed it, and certified what is left.
    Reduced,
    /// People ended it.
    Revoked,
    /// Nobody answered: the rule kept it; no certification (R8).
    NotReviewed,
    /// Nobody answered: the rule ended or narrowed it (R8).
    EndedByRule,
}

impl Item {
    /// The answers that count in the stage that is asked now.
    pub fn counting(&self) -> impl Iterator<Item = &Answer> {
        self.answers.iter().filter(|it| it.stage == self.stage && it.counts())
    }

    /// Whether somebody's answer is waited for.
    pub fn waits_for(&self, subject: &Subject) -> bool {
        let is_open = match self.state {
            ItemState::Open | ItemState::Suspended { .. } => true,
            ItemState::Decided(_) | ItemState::Moot { .. } => false,
        };
        is_open
            && self.reviewers.iter().any(|it| it.subject == *subject)
            && !self.counting().any(|it| it.by == *subject)
    }

    /// What is decided about it, as the digests of sign-offs and reports have it: the grant, every
    /// answer that counts, and where it stands. When gateways were seen to serve it is left out.
    pub fn decision(&self) -> Digest {
        let mut state = self.state.clone();
        if let ItemState::Decided(outcome) = &mut state {
            outcome.verified_at = None;
        }
        let answers: Vec<&Answer> = self.answers.iter().filter(|it| it.void.is_none()).collect();
        Digest::of_json(&serde_json::json!({
            "grant": self.grant, "snapshot": self.digest, "answers": answers, "state": state,
        }))
    }
}

impl ItemSnapshot {
    /// The digest of its canonical JSON.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&serde_json::to_value(self).unwrap_or_default())
    }
}

impl Answer {
    /// Whether it says what should become of the grant, and still counts.
    pub fn counts(&self) -> bool {
        self.void.is_none() && self.verdict.decides()
    }

    /// The digest of its canonical JSON.
    pub fn digest(&self) -> Digest {
        Digest::of_json(&serde_json::to_value(self).unwrap_or_default())
    }
}

impl ReviewVerdict {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Certify => "certify",
            Self::Reduce { .. } => "reduce",
            Self::Revoke => "revoke",
            Self::HandOn { .. } => "hand_on",
            Self::DontKnow => "dont_know",
        }
    }

    /// Whether it says what should become of the grant.
    pub const fn decides(&self) -> bool {
        match self {
            Self::Certify | Self::Reduce { .. } | Self::Revoke => true,
            Self::HandOn { .. } | Self::DontKnow => false,
        }
    }

    /// Whether it is against a recommendation. Where too little is known, nothing is.
    pub const fn is_against(&self, advice: Advice) -> bool {
        match (self, advice) {
            (Self::Certify, Advice::Reduce | Advice::Revoke)
            | (Self::Reduce { .. }, Advice::Revoke)
            | (Self::Revoke, Advice::Certify) => true,
            (Self::Certify, Advice::Certify)
            | (Self::Reduce { .. }, Advice::Certify | Advice::Reduce)
            | (Self::Revoke, Advice::Reduce | Advice::Revoke)
            | (_, Advice::NoData)
            | (Self::HandOn { .. } | Self::DontKnow, _) => false,
        }
    }
}

impl Advice {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certify => "certify",
            Self::Reduce => "reduce",
            Self::Revoke => "revoke",
            Self::NoData => "no_data",
        }
    }
}

impl ItemState {
    /// The word for it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Decided(_) => "decided",
            Self::Suspended { .. } => "suspended",
            Self::Moot { .. } => "moot",
        }
    }

    /// What was decided, if it is.
    pub const fn result(&self) -> Option<ItemResult> {
        match self {
            Self::Decided(outcome) => Some(outcome.result),
            Self::Open | Self::Suspended { .. } | Self::Moot { .. } => None,
        }
    }

    /// Whether something was decided that not every gateway was seen to serve (R11).
    pub const fn is_unverified(&self) -> bool {
        match self {
            Self::Decided(outcome) => outcome.verified_at.is_none() && outcome.result.acts(),
            Self::Open | Self::Suspended { .. } | Self::Moot { .. } => false,
        }
    }
}

impl ItemResult {
    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Certified => "certified",
            Self::Reduced => "reduced",
            Self::Revoked => "revoked",
            Self::NotReviewed => "not_reviewed",
            Self::EndedByRule => "ended_by_rule",
        }
    }

    /// Whether it changes the grant.
    pub const fn acts(self) -> bool {
        match self {
            Self::Certified | Self::Reduced | Self::Revoked | Self::EndedByRule => true,
            Self::NotReviewed => false,
        }
    }
}

/// How long a revocation can be undone (R10).
pub const UNDO_WITHIN: crate::Span = crate::Span::from_seconds(15 * 60);
