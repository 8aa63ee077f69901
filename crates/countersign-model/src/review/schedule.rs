//! When grants are reviewed, which of them, by whom and by which rules, as the catalog says.

use crate::{FunctionName, Group, Sensitivity, Span, Subject, TargetName, catalog::Tag};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A series of campaigns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Its name: lower-case letters, digits and dashes.
    pub name: String,
    /// What people call its campaigns.
    pub title: String,
    /// How often, and on which day.
    pub recurrence: Recurrence,
    /// Which grants.
    pub scope: Scope,
    /// By whom and by which rules.
    pub rules: CampaignRules,
}

/// How often a campaign opens: on a day of every so many months, at the beginning of that day in a time
/// zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recurrence {
    /// Every so many months: 1 to 12.
    pub months: u8,
    /// The first date, `2027-01-15`; its day is the anchor. In a month that has no such day, the last one.
    pub from: String,
    /// An IANA time zone, `Europe/Berlin`.
    pub time_zone: String,
    /// The time of day, `09:00`; where the clocks jump over it, the next moment that exists.
    pub at: String,
}

/// Which grants a campaign reviews: those that meet everything that is named. Nothing named: all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scope {
    /// Grants that reach one of these functions.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub functions: BTreeSet<FunctionName>,
    /// Grants that reach a function with one of these tags.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<Tag>,
    /// Grants that reach a function of one of these sensitivities.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub sensitivities: BTreeSet<Sensitivity>,
    /// Grants that reach a function of one of these targets.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub targets: BTreeSet<TargetName>,
    /// Grants that one of these groups holds.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<Group>,
    /// Grants that one of these subjects holds; agents are named here.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub holders: BTreeSet<Subject>,
    /// Grants of agents only, of whatever name.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub agents: bool,
    /// Exactly these grants, whatever they reach: how an event opens a review of one (R19).
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub grants: BTreeSet<crate::GrantId>,
}

/// By whom and by which rules a campaign runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CampaignRules {
    /// Who answers for the campaign, signs it off, and is the last of the chain of reviewers.
    pub owner: Subject,
    /// One after the other; at least one, at most [`STAGES_MAX`].
    pub stages: Vec<Stage>,
    /// Who reviews what nobody else may (R4), before the campaign's owner.
    pub fallback: Vec<Subject>,
    /// From the opening to the due date.
    pub duration: Span,
    /// From the due date to the end of what was left open (R8).
    pub grace: Span,
    /// How long before the due date those with open items are told again.
    pub reminders: Vec<Span>,
    /// How far back use counts in evidence and recommendations.
    pub look_back: Span,
    /// Share of the active grants in scope, in percent, beyond which an automatic close stops and asks (R9).
    pub breaker_percent: u8,
    /// The most that may be certified in one act; never grants that reach high sensitivity. 0: one by one.
    pub bulk_max: u32,
    /// Which certifications need a reason, besides those against the recommendation (R17).
    pub reason: ReasonNeeded,
}

/// One round of reviewers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Who reviews. With `any_one`, the first rule that finds somebody eligible names them; with `all` and
    /// `quorum`, every rule does.
    pub reviewers: Vec<ReviewerRule>,
    /// How many of them must answer (R12).
    pub mode: StageMode,
}

/// Who reviews an item, as an expression over it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewerRule {
    /// Whoever owns every function that the grant reaches.
    Owner,
    /// Who answers for the agent that holds the grant. Never alone (R4).
    Sponsor,
    /// The manager of the person who holds the grant, or of the agent's sponsor.
    Manager,
    /// Every member of a group that directories tell of.
    Group(Group),
    /// This person.
    Person(Subject),
}

/// How many reviewers of a stage must answer (R12). A revoke of any of them beats every certification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StageMode {
    /// One is enough.
    AnyOne,
    /// Each of them.
    All,
    /// So many distinct people; at least 2.
    Quorum(u32),
}

/// Which certifications need a reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReasonNeeded {
    /// Only those against the recommendation.
    #[default]
    AgainstRecommendation,
    /// Those of high sensitivity too.
    High,
    /// All.
    Always,
}

/// Stages of a campaign at most.
pub const STAGES_MAX: usize = 3;
