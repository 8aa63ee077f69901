//! Access reviews: campaigns in which people certify, reduce or revoke each grant in scope. Everything
//! here is a value; who may decide what, and what a decision does, are functions of values.

pub mod campaign;
pub mod delegation;
pub mod item;
pub mod judge;
pub mod peers;
pub mod recommend;
pub mod recurrence;
pub mod reduce;
pub mod reviewers;
pub mod schedule;
pub mod usage;

pub use campaign::{
    AutomaticEnd, Campaign, CampaignOrigin, CampaignState, Covers, SignOff, SignOffProof,
};
pub use delegation::{Delegation, DelegationRefused};
pub use item::{Answer, Item, ItemResult, ItemState, Outcome, Recommendation, ReviewVerdict};
pub use judge::{Judged, judge};
pub use peers::peers;
pub use recommend::{HolderStanding, RecommendInput, recommend};
pub use recurrence::{BadRecurrence, Occurrence};
pub use reduce::{Reduced, reduce};
pub use reviewers::{
    ReviewFacts, ReviewRefused, Reviewed, may_review, reviewers_for, reviewers_now,
};
pub use schedule::{CampaignRules, ReviewerRule, Schedule, Scope};
pub use usage::GrantUsage;
