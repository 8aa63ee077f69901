//! What people send when they act in a review.

use countersign_model::{
    GrantId, Span, Subject, Timestamp,
    review::{AutomaticEnd, CampaignRules, Item, ReviewVerdict, Scope},
};
use serde::{Deserialize, Serialize};

/// How old the sign-in may be that a sign-off rests on.
pub const SIGNED_IN_WITHIN: Span = Span::from_seconds(300);

/// A campaign to be opened by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCampaign {
    /// What people call it.
    pub title: String,
    /// Which grants; nothing named: all.
    #[serde(default)]
    pub scope: Scope,
    /// By whom and by which rules.
    pub rules: CampaignRules,
}

/// What a reviewer says about one item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewAnswer {
    /// Which grant.
    pub grant: GrantId,
    /// The version of the grant that they saw (R2).
    pub version: u32,
    /// What.
    #[serde(flatten)]
    pub verdict: ReviewVerdict,
    /// Why; may be empty where no reason is needed.
    #[serde(default)]
    pub reason: String,
    /// How long it was before their eyes, in milliseconds, as the page says.
    #[serde(default)]
    pub seen_ms: Option<u64>,
}

/// What became of one answer.
#[derive(Debug)]
pub struct Answered {
    /// Which grant.
    pub grant: GrantId,
    /// The item after it, or why it was not taken. Others of the same act are not affected.
    pub result: Result<Item, super::ReviewError>,
}

/// Items to be handed to somebody else, by their reviewer, the campaign's owner or an administrator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOn {
    /// Which items.
    pub grants: Vec<GrantId>,
    /// Whose they are; the actor's own when absent.
    #[serde(default)]
    pub from: Option<Subject>,
    /// Who is asked from now on.
    pub to: Subject,
    /// Why.
    pub why: String,
}

/// More time for a campaign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    /// Which of its ends.
    pub end: AutomaticEnd,
    /// Until when: later than now and than it is.
    pub until: Timestamp,
    /// Why.
    pub why: String,
}
