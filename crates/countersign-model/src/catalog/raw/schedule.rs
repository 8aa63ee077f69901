//! Review schedules as people write them.

use crate::{
    Sensitivity, Span,
    review::schedule::{ReasonNeeded, StageMode},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// When grants are reviewed, which, by whom and by which rules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSchedule {
    /// Lower-case letters, digits and dashes.
    pub name: String,
    /// What people call its campaigns.
    pub title: String,
    /// `monthly`, `quarterly`, `half_yearly`, `yearly`, or `N months`.
    pub every: String,
    /// The first date: `2027-01-15`. A month that has no such day has its last.
    pub from: String,
    /// An IANA time zone such as `Europe/Berlin`; `UTC` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// The time of day: `"09:00"`, which it is by default too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// Which grants; all by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<RawScope>,
    /// Who answers for the campaigns and signs them off.
    pub owner: String,
    /// One round of reviewers after the other, 1 to 3; the functions' owners by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stages: Option<Vec<RawStage>>,
    /// Who reviews what nobody else may, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fallback: Vec<String>,
    /// From the opening to the due date; 21d by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub duration: Option<Span>,
    /// From the due date to the end of what was left open; 7d by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub grace: Option<Span>,
    /// How long before the due date those with open items are told again; 7d and 2d by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<String>>")]
    pub reminders: Option<Vec<Span>>,
    /// How far back use counts; 90d by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub look_back: Option<Span>,
    /// Share of the active grants, in percent, beyond which an automatic close stops and asks an
    /// administrator; 20 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub breaker_percent: Option<u8>,
    /// The most that may be certified in one act, never at high sensitivity; 25 by default, 0: one by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bulk_max: Option<u32>,
    /// Which certifications need a reason: `against_recommendation` by default, `high`, `always`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<ReasonNeeded>,
}

/// Which grants are reviewed: those that meet everything that is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RawScope {
    /// Grants that reach one of these functions.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<String>,
    /// Grants that reach a function with one of these tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Grants that reach a function of one of these sensitivities.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sensitivities: Vec<Sensitivity>,
    /// Grants that reach a function of one of these targets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// Grants that one of these groups holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Grants that one of these subjects holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holders: Vec<String>,
    /// Grants of agents only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub agents: bool,
}

/// One round of reviewers, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawStage {
    /// `owner`, `sponsor`, `manager`, `group:NAME`, `person:SUBJECT`.
    pub reviewers: Vec<String>,
    /// `any_one` by default, `all`, or `{quorum: N}`.
    #[serde(default)]
    pub mode: StageMode,
}
