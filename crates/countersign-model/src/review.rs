//! Access reviews: campaigns in which people certify, reduce or revoke each grant in scope. Everything
//! here is a value; who may decide what, and what a decision does, are functions of values.

pub mod campaign;
pub mod item;
pub mod judge;
pub mod peers;
pub mod recommend;
pub mod reduce;
pub mod schedule;
pub mod usage;

pub use campaign::{AutomaticEnd, Campaign, CampaignOrigin, CampaignState, Covers, SignOff};
pub use item::{Answer, Item, ItemResult, ItemState, Outcome, Recommendation, ReviewVerdict};
pub use judge::{Judged, judge};
pub use peers::peers;
pub use recommend::{HolderStanding, RecommendInput, recommend};
pub use reduce::{Reduced, reduce};
pub use schedule::{CampaignRules, ReviewerRule, Schedule, Scope};
pub use usage::GrantUsage;
