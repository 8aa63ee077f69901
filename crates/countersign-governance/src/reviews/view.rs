//! What people ask about reviews, and what they are shown.

use countersign_model::{
    CampaignId, Grant, GrantId, Subject, Timestamp,
    review::{Campaign, Item, item::Change},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Campaigns that one answer lists at most.
pub const CAMPAIGNS_MAX: u32 = 200;

/// Which campaigns to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CampaignFilter {
    /// Only in this state: `opening`, `open`, `stopped`, `grace`, `closed`, `signed_off`.
    pub state: Option<String>,
    /// Only older than this one.
    pub before: Option<CampaignId>,
    /// How many at most; [`CAMPAIGNS_MAX`] when absent or more.
    pub limit: Option<u32>,
}

/// A campaign and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CampaignView {
    /// The campaign.
    pub campaign: Campaign,
    /// How far it is.
    pub progress: Progress,
    /// Whose answers it waits for, and for how many items.
    pub waits_for: BTreeMap<Subject, u64>,
}

/// How far a campaign is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// All items.
    pub items: u64,
    /// Items that wait for an answer.
    pub open: u64,
    /// Items whose grant is suspended because nobody answered.
    pub suspended: u64,
    /// Items whose grant ended otherwise.
    pub moot: u64,
    /// Decided items by result: `certified`, `reduced`, `revoked`, `not_reviewed`, `ended_by_rule`.
    pub results: BTreeMap<String, u64>,
    /// Open items by what was recommended: `certify`, `reduce`, `revoke`, `no_data`.
    pub open_by_advice: BTreeMap<String, u64>,
    /// Open items of high sensitivity.
    pub open_high: u64,
}

/// Which items to list, in the order of campaigns and grants.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ItemFilter {
    /// Only of this campaign.
    pub campaign: Option<CampaignId>,
    /// Only those that this person is or was asked about. Who does not see every grant sees their own
    /// whatever stands here.
    pub reviewer: Option<Subject>,
    /// With a reviewer: only those that wait for them.
    pub waiting: bool,
    /// Only in this state: `open`, `decided`, `suspended`, `moot`.
    pub state: Option<String>,
    /// Only with this result.
    pub result: Option<String>,
    /// Only after this one, as [`ItemPage::next`] says.
    pub after: Option<(CampaignId, GrantId)>,
    /// How many at most.
    pub limit: Option<u32>,
}

/// Some items, and where the next page begins.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemPage {
    /// The items.
    pub items: Vec<Item>,
    /// What [`ItemFilter::after`] is for the next page; absent when there is none.
    pub next: Option<(CampaignId, GrantId)>,
}

/// Items whose grants permit something else than when the snapshot was made (R1).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ChangedItems {
    /// The first of them.
    pub items: Vec<Item>,
    /// How many there are beside those.
    pub more: u64,
}

/// An item with what changed since its snapshot (R1).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ItemView {
    /// The item.
    pub item: Item,
    /// The grant as it stands now, in force or not; absent if it can't be found.
    pub now: Option<Grant>,
    /// What is different now, in plain words; empty when nothing is.
    pub since_snapshot: Vec<Change>,
    /// Until when a decision that takes rights can be undone; absent when it can't.
    pub undo_until: Option<Timestamp>,
}
