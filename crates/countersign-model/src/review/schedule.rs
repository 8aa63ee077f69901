//! When grants are reviewed, which of them, by whom and by which rules, as the catalog says.

use super::reviewers::Reviewed;
use crate::{
    Catalog, Function, FunctionName, Group, Holder, Sensitivity, Span, Subject, TargetName,
    catalog::Tag,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt, str::FromStr};

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

impl Scope {
    /// Whether a grant is in it. Each thing that is named is looked at by itself: a grant may reach one
    /// function for its tag and another for its target.
    pub fn includes(&self, item: &Reviewed<'_>, catalog: &Catalog) -> bool {
        let reaches = |meets: &dyn Fn(&Function) -> bool| item.functions.iter().any(|it| meets(it));
        let holder = &item.grant.holder;
        let is_agent = |it: &Subject| catalog.agents.contains_key(it);
        let by_function = (self.functions.is_empty()
            || reaches(&|it| self.functions.contains(&it.name)))
            && (self.tags.is_empty() || reaches(&|it| !self.tags.is_disjoint(&it.tags)))
            && (self.sensitivities.is_empty()
                || reaches(&|it| self.sensitivities.contains(&it.sensitivity)))
            && (self.targets.is_empty() || reaches(&|it| self.targets.contains(it.name.target())));
        let by_holder = match holder {
            Holder::Subject(subject) => {
                (self.holders.is_empty() && self.groups.is_empty()
                    || self.holders.contains(subject))
                    && (!self.agents || is_agent(subject))
            }
            Holder::Group(group) => {
                (self.holders.is_empty() && self.groups.is_empty() || self.groups.contains(group))
                    && !self.agents
            }
        };
        by_function && by_holder && (self.grants.is_empty() || self.grants.contains(&item.grant.id))
    }

    /// Whether a grant of this function alone could be in it, whoever holds it.
    pub fn reaches(&self, function: &Function) -> bool {
        (self.functions.is_empty() || self.functions.contains(&function.name))
            && (self.tags.is_empty() || !self.tags.is_disjoint(&function.tags))
            && (self.sensitivities.is_empty() || self.sensitivities.contains(&function.sensitivity))
            && (self.targets.is_empty() || self.targets.contains(function.name.target()))
    }
}

impl fmt::Display for Scope {
    /// In words: `grants that reach high sensitivity, of agents`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn list<T: fmt::Display>(all: &BTreeSet<T>) -> String {
            all.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
        }
        let mut parts = Vec::new();
        if !self.functions.is_empty() {
            parts.push(format!("that reach {}", list(&self.functions)));
        }
        if !self.tags.is_empty() {
            parts.push(format!("that reach the tag {}", list(&self.tags)));
        }
        if !self.sensitivities.is_empty() {
            parts.push(format!("that reach {} sensitivity", list(&self.sensitivities)));
        }
        if !self.targets.is_empty() {
            parts.push(format!("that reach the target {}", list(&self.targets)));
        }
        let groups = (!self.groups.is_empty()).then(|| format!("the group {}", list(&self.groups)));
        let holders = (!self.holders.is_empty()).then(|| list(&self.holders));
        let who: Vec<String> = groups.into_iter().chain(holders).collect();
        if !who.is_empty() {
            parts.push(format!("held by {}", who.join(" or ")));
        }
        if self.agents {
            parts.push("held by agents".to_owned());
        }
        match (self.grants.len(), parts.is_empty()) {
            (0, true) => f.write_str("all grants"),
            (0, false) => write!(f, "grants {}", parts.join(", ")),
            (count, _) => write!(f, "{count} named grant(s)"),
        }
    }
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

/// A text that names no reviewer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no reviewer; write owner, sponsor, manager, group:NAME or person:SUBJECT")]
pub struct BadReviewer(String);

impl FromStr for ReviewerRule {
    type Err = BadReviewer;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "owner" => Ok(Self::Owner),
            None if text == "sponsor" => Ok(Self::Sponsor),
            None if text == "manager" => Ok(Self::Manager),
            Some(("group", name)) if names(name) => Ok(Self::Group(name.into())),
            Some(("person", name)) if names(name) => Ok(Self::Person(name.into())),
            None | Some(_) => Err(BadReviewer(text.to_owned())),
        }
    }
}

impl fmt::Display for ReviewerRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("owner"),
            Self::Sponsor => f.write_str("sponsor"),
            Self::Manager => f.write_str("manager"),
            Self::Group(name) => write!(f, "group:{name}"),
            Self::Person(name) => write!(f, "person:{name}"),
        }
    }
}

impl fmt::Display for StageMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AnyOne => f.write_str("any one"),
            Self::All => f.write_str("all"),
            Self::Quorum(people) => write!(f, "{people} people"),
        }
    }
}

/// Whether a text names somebody: something, without blanks around it.
fn names(text: &str) -> bool {
    !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control)
}

/// How many reviewers of a stage must answer (R12). A revoke of any of them beats every certification.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum StageMode {
    /// One is enough.
    #[default]
    AnyOne,
    /// Each of them.
    All,
    /// So many distinct people; at least 2.
    Quorum(u32),
}

/// Which certifications need a reason.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema,
)]
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

#[cfg(test)]
mod tests;
