//! What the ledger says about access reviews. Snapshots, answers and reports stand in the store; here
//! are their digests, and who did what.

use crate::{
    CampaignId, Digest, Epoch, GrantId, PasskeyId, Subject, Timestamp,
    review::{CampaignOrigin, Covers, ItemResult, SignOffProof},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A campaign is open: its snapshot is complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewOpened {
    /// The campaign.
    pub campaign: CampaignId,
    /// What people call it.
    pub title: String,
    /// What opened it.
    pub origin: CampaignOrigin,
    /// Who answers for it.
    pub owner: Subject,
    /// Digest of its scope and rules as canonical JSON.
    pub scope: Digest,
    /// Under which policy.
    pub epoch: Epoch,
    /// Under which catalog.
    pub catalog: Digest,
    /// How many items.
    pub items: u64,
    /// Active grants that are no items, by why.
    pub excluded: BTreeMap<String, u64>,
    /// SHA-256 over the items' snapshot digests, in the order of their grants' ids.
    pub digest: Digest,
    /// The due date.
    pub due_at: Timestamp,
    /// The end of grace.
    pub grace_until: Timestamp,
}

/// Somebody answered about a grant in a campaign, or a rule did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewDecided {
    /// The campaign.
    pub campaign: CampaignId,
    /// The grant.
    pub grant: GrantId,
    /// Its version that was judged.
    pub version: u32,
    /// Who answered; absent when a rule decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Subject>,
    /// `certify`, `reduce`, `revoke`, `dont_know`; absent when a rule decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// In which stage.
    pub stage: usize,
    /// Digest of the answer's canonical JSON, with its reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Digest>,
    /// Digest of the snapshot that was shown.
    pub snapshot: Digest,
    /// What became of the grant; absent while other answers are waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<ItemResult>,
}

/// Something else changed in a campaign.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewChanged {
    /// The campaign.
    pub campaign: CampaignId,
    /// The grant; absent when it is about the whole campaign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// What.
    pub change: ReviewChange,
    /// Who did it; absent when time or a change elsewhere did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Subject>,
    /// Who is asked from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reviewers: Vec<Subject>,
    /// The new due date or end of grace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// How many grants an automatic end would end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_end: Option<u64>,
    /// Digest of a text that stands in the store: the reason or the addendum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Digest>,
}

/// What changed in a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewChange {
    /// Somebody else is asked, because a reviewer or an administrator said so.
    HandedOn,
    /// Somebody else is asked, because a reviewer left or is away (R6).
    Reassigned,
    /// A decision was taken back.
    Undone,
    /// The grant permits other things than what was decided on (R2).
    Reopened,
    /// Nobody answered in time: the grant is suspended (R8).
    Suspended,
    /// The grant ended otherwise.
    Moot,
    /// An automatic end was stopped by the breaker (R9).
    Stopped,
    /// An administrator let it act.
    Confirmed,
    /// The due date or the end of grace is later now.
    Extended,
    /// The due date has passed, and its effects are in force.
    Due,
    /// A date of the schedule was passed over.
    PassedOver,
    /// A correction after the sign-off (R16).
    Addendum,
}

/// Somebody signed for what they decided, or for a campaign (R16).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewSignedOff {
    /// The campaign.
    pub campaign: CampaignId,
    /// Who.
    pub by: Subject,
    /// For what.
    pub covers: Covers,
    /// How many items.
    pub items: u64,
    /// SHA-256 over the digests of the decisions, in the order of their grants' ids.
    pub digest: Digest,
    /// How they proved that it was them.
    #[serde(flatten)]
    pub proof: ReviewSignOffProof,
}

/// How somebody proved that it was them who signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ReviewSignOffProof {
    /// By signing in at their provider for it.
    SignIn {
        /// When.
        signed_in_at: Timestamp,
    },
    /// By a passkey that signed this very thing.
    Passkey {
        /// Which.
        passkey: PasskeyId,
        /// SHA-256 over the canonical JSON of what it signed, which stands in the campaign.
        signature: Digest,
    },
}

impl From<&SignOffProof> for ReviewSignOffProof {
    fn from(proof: &SignOffProof) -> Self {
        match proof {
            SignOffProof::SignIn { signed_in_at } => Self::SignIn { signed_in_at: *signed_in_at },
            SignOffProof::Passkey { passkey } => {
                Self::Passkey { passkey: passkey.passkey, signature: passkey.digest() }
            }
        }
    }
}

/// A campaign is closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReviewClosed {
    /// The campaign.
    pub campaign: CampaignId,
    /// Digest of the report.
    pub report: Digest,
    /// How many items ended how: results, `moot`.
    pub results: BTreeMap<String, u64>,
    /// Grants that were made meanwhile, and are not reviewed (R3).
    pub made_meanwhile: u64,
}

/// Somebody took evidence of a campaign away, or drew a sample of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewEvidence {
    /// The campaign.
    pub campaign: CampaignId,
    /// Who.
    pub by: Subject,
    /// What they took.
    #[serde(flatten)]
    pub took: EvidenceTaken,
}

/// What somebody took of a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "took")]
pub enum EvidenceTaken {
    /// The whole pack.
    Pack {
        /// SHA-256 of its bytes.
        digest: Digest,
    },
    /// A random sample of its items.
    Sample {
        /// What the same sample is drawn with again.
        seed: String,
        /// How many items were asked for.
        size: u32,
        /// Of how many.
        of: u64,
        /// SHA-256 over the grants' ids, one a line, in the order in which they were drawn.
        digest: Digest,
    },
}
