//! Compiles review schedules. What would leave nobody to review, or open campaigns on top of each other,
//! is a fault here rather than a surprise on the day.

use super::{Faults, Place, is_name};
use crate::{
    Catalog, Sensitivity, Span, Subject,
    catalog::raw::{RawSchedule, RawScope, RawStage},
    review::{
        recurrence::{BadRecurrence, MONTHS_MAX},
        schedule::{
            CampaignRules, Recurrence, ReviewerRule, STAGES_MAX, Schedule, Scope, Stage, StageMode,
        },
    },
};
use std::collections::BTreeMap;

/// Schedules of a catalog at most.
const SCHEDULES_MAX: usize = 100;
const REVIEWERS_NAMED_MAX: usize = 20;
const QUORUM_MAX: u32 = 20;
const REMINDERS_MAX: usize = 10;
const DURATION: Span = Span::from_days(21);
const DURATION_MIN: Span = Span::from_days(1);
const DURATION_MAX: Span = Span::from_days(180);
const GRACE: Span = Span::from_days(7);
const GRACE_MAX: Span = Span::from_days(90);
const REMINDERS: [Span; 2] = [Span::from_days(7), Span::from_days(2)];
const LOOK_BACK: Span = Span::from_days(90);
const LOOK_BACK_MAX: Span = Span::from_days(400);
const BREAKER_PERCENT: u8 = 20;
const BULK: u32 = 25;
const BULK_MAX: u32 = 500;
/// The shortest month, in days.
const MONTH_DAYS: i64 = 28;

pub(super) fn schedules(
    raw: &BTreeMap<String, RawSchedule>,
    catalog: &Catalog,
    faults: &mut Faults,
) -> BTreeMap<String, Schedule> {
    let mut schedules = BTreeMap::new();
    for (count, (name, raw)) in raw.iter().enumerate() {
        let mut at = At { place: Place::Schedule(name.clone()), faults, raw, catalog };
        if count == SCHEDULES_MAX {
            at.fault("name", format!("a catalog has at most {SCHEDULES_MAX} schedules"));
        }
        schedules.insert(name.clone(), at.schedule());
    }
    schedules
}

/// Faults of one schedule.
struct At<'a, 'f> {
    place: Place,
    faults: &'a mut Faults,
    raw: &'f RawSchedule,
    catalog: &'f Catalog,
}

impl At<'_, '_> {
    fn fault(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.faults.push(self.place.clone(), key, message);
    }

    fn schedule(&mut self) -> Schedule {
        let raw = self.raw;
        if !is_name(&raw.name) {
            self.fault("name", "lower-case letters, digits and dashes");
        }
        let title = raw.title.trim();
        if title.is_empty() {
            self.fault("title", "say what people call its campaigns");
        }
        let recurrence = self.recurrence();
        let scope = self.scope();
        let rules = self.rules(&scope, recurrence.months);
        Schedule { name: raw.name.clone(), title: title.to_owned(), recurrence, scope, rules }
    }

    fn recurrence(&mut self) -> Recurrence {
        let raw = self.raw;
        let months = match raw.every.as_str() {
            "monthly" => Some(1),
            "quarterly" => Some(3),
            "half_yearly" => Some(6),
            "yearly" => Some(12),
            other => other.strip_suffix(" months").and_then(|it| it.parse().ok()),
        };
        let months = months.filter(|it| (1..=MONTHS_MAX).contains(it));
        if months.is_none() {
            let message = format!(
                "monthly, quarterly, half_yearly, yearly, or `N months` with N from 1 to {MONTHS_MAX}"
            );
            self.fault("every", message);
        }
        let recurrence = Recurrence {
            months: months.unwrap_or(1),
            from: raw.from.clone(),
            time_zone: raw.time_zone.clone().unwrap_or_else(|| "UTC".to_owned()),
            at: raw.at.clone().unwrap_or_else(|| "09:00".to_owned()),
        };
        for bad in recurrence.faults() {
            let key = match bad {
                BadRecurrence::Months(_) => "every",
                BadRecurrence::From(_) | BadRecurrence::EndOfTime => "from",
                BadRecurrence::TimeZone(_) => "time_zone",
                BadRecurrence::At(_) => "at",
            };
            self.fault(key, bad.to_string());
        }
        recurrence
    }

    fn scope(&mut self) -> Scope {
        let Some(raw) = &self.raw.scope else { return Scope::default() };
        let RawScope { functions, tags, sensitivities, targets, groups, holders, agents } = raw;
        let catalog = self.catalog;
        self.known("scope.functions", functions, "function", |it| catalog.by_name(it).is_some());
        let has_tag = |it: &str| catalog.functions.iter().any(|of| of.tags.contains(it));
        self.known("scope.tags", tags, "function with the tag", has_tag);
        let is_target = |it: &str| catalog.target_by_name(it).is_some();
        self.known("scope.targets", targets, "target", is_target);
        for (key, names) in [("scope.groups", groups), ("scope.holders", holders)] {
            for (place, name) in names.iter().enumerate() {
                if name.is_empty() || name.trim() != name {
                    self.fault(format!("{key}[{place}]"), "a name without blanks around it");
                }
            }
        }
        if *agents && !groups.is_empty() {
            self.fault("scope.agents", "no group is an agent: then no grant is in scope");
        }
        Scope {
            functions: functions.iter().map(|it| it.as_str().into()).collect(),
            tags: tags.iter().map(|it| it.as_str().into()).collect(),
            sensitivities: sensitivities.iter().copied().collect(),
            targets: targets.iter().map(|it| it.as_str().into()).collect(),
            groups: groups.iter().map(|it| it.as_str().into()).collect(),
            holders: holders.iter().map(|it| it.as_str().into()).collect(),
            agents: *agents,
            grants: [].into(),
        }
    }

    fn known(&mut self, key: &str, names: &[String], what: &str, is_known: impl Fn(&str) -> bool) {
        for (place, name) in names.iter().enumerate() {
            if !is_known(name) {
                self.fault(format!("{key}[{place}]"), format!("no {what} `{name}`"));
            }
        }
    }

    fn rules(&mut self, scope: &Scope, months: u8) -> CampaignRules {
        let raw = self.raw;
        let owner = self.person("owner", &raw.owner);
        let stages = self.stages();
        let named = raw.fallback.iter().enumerate();
        let fallback: Vec<Subject> =
            named.map(|(place, it)| self.person(&format!("fallback[{place}]"), it)).collect();
        let is_high = self
            .catalog
            .functions
            .iter()
            .any(|it| it.sensitivity == Sensitivity::High && scope.reaches(it));
        if fallback.is_empty() && is_high {
            self.fault(
                "fallback",
                "high sensitivity is in scope: name who reviews what nobody else may, such as grants \
                 that their owner made",
            );
        }
        if fallback.len() > REVIEWERS_NAMED_MAX {
            self.fault("fallback", format!("at most {REVIEWERS_NAMED_MAX}"));
        }
        let duration = raw.duration.unwrap_or(DURATION);
        let grace = raw.grace.unwrap_or(GRACE);
        self.times(duration, grace, months);
        CampaignRules {
            owner,
            stages,
            fallback,
            duration,
            grace,
            reminders: self.reminders(duration),
            look_back: self.look_back(),
            breaker_percent: self.breaker_percent(),
            bulk_max: self.bulk_max(),
            reason: raw.reason.unwrap_or_default(),
        }
    }

    /// A person, by subject. The catalog knows its agents; whoever else it is, a sign-in says.
    fn person(&mut self, key: &str, name: &str) -> Subject {
        let subject = Subject::from(name);
        if name.is_empty() || name.trim() != name {
            self.fault(key, "name a person by their subject");
        } else if name.starts_with("person:") || name.starts_with("group:") {
            self.fault(key, format!("`{name}`: one person, by their subject alone"));
        } else if self.catalog.agents.contains_key(&subject) {
            self.fault(key, format!("`{name}` is an agent; only a person answers here"));
        }
        subject
    }

    fn stages(&mut self) -> Vec<Stage> {
        let Some(raw) = &self.raw.stages else {
            return vec![Stage { reviewers: vec![ReviewerRule::Owner], mode: StageMode::AnyOne }];
        };
        if raw.is_empty() || raw.len() > STAGES_MAX {
            self.fault("stages", format!("1 to {STAGES_MAX} stages"));
        }
        let stages = raw.iter().enumerate();
        stages.map(|(place, it)| self.stage(&format!("stages[{place}]"), it)).collect()
    }

    fn stage(&mut self, key: &str, raw: &RawStage) -> Stage {
        let mut reviewers = Vec::new();
        for (place, text) in raw.reviewers.iter().enumerate() {
            let key = format!("{key}.reviewers[{place}]");
            match text.parse() {
                Ok(ReviewerRule::Person(subject)) if self.catalog.agents.contains_key(&subject) => {
                    self.fault(key, format!("`{subject}` is an agent; only people review"));
                }
                Ok(rule) => reviewers.push(rule),
                Err(bad) => {
                    let bad: crate::review::schedule::BadReviewer = bad;
                    self.fault(key, bad.to_string());
                }
            }
        }
        if raw.reviewers.is_empty() || raw.reviewers.len() > REVIEWERS_NAMED_MAX {
            let message = format!("1 to {REVIEWERS_NAMED_MAX} reviewers");
            self.fault(format!("{key}.reviewers"), message);
        }
        self.sponsor(key, &reviewers, raw.mode);
        if let StageMode::Quorum(people) = raw.mode
            && !(2..=QUORUM_MAX).contains(&people)
        {
            let message = format!("2 to {QUORUM_MAX} people; for one, write any_one");
            self.fault(format!("{key}.mode.quorum"), message);
        }
        Stage { reviewers, mode: raw.mode }
    }

    /// A sponsor is one of several, never the only one (R4).
    fn sponsor(&mut self, key: &str, reviewers: &[ReviewerRule], mode: StageMode) {
        if !reviewers.contains(&ReviewerRule::Sponsor) {
            return;
        }
        if reviewers.iter().all(|it| *it == ReviewerRule::Sponsor) {
            let message = "an agent's sponsor alone does not review it; name somebody beside them";
            self.fault(format!("{key}.reviewers"), message);
        } else if mode == StageMode::AnyOne {
            let message = "with any_one a sponsor would decide alone, and is never asked; write all or \
                           a quorum, or leave the sponsor out";
            self.fault(format!("{key}.mode"), message);
        }
    }

    fn times(&mut self, duration: Span, grace: Span, months: u8) {
        if !(DURATION_MIN..=DURATION_MAX).contains(&duration) {
            self.fault("duration", format!("{DURATION_MIN} to {DURATION_MAX}"));
        } else if !(Span::default()..=GRACE_MAX).contains(&grace) {
            self.fault("grace", format!("at most {GRACE_MAX}"));
        } else {
            let most = Span::from_days(MONTH_DAYS * i64::from(months));
            if duration.millis() + grace.millis() > most.millis() {
                let message = format!(
                    "with its grace a campaign lasts longer than {most}: the next would open before it \
                     is over"
                );
                self.fault("duration", message);
            }
        }
    }

    fn reminders(&mut self, duration: Span) -> Vec<Span> {
        let Some(raw) = &self.raw.reminders else {
            return REMINDERS.into_iter().filter(|it| *it < duration).collect();
        };
        if raw.len() > REMINDERS_MAX {
            self.fault("reminders", format!("at most {REMINDERS_MAX}"));
        }
        for (place, it) in raw.iter().enumerate() {
            if *it <= Span::default() || *it >= duration {
                let message = "a time before the due date that is shorter than duration";
                self.fault(format!("reminders[{place}]"), message);
            }
        }
        let mut reminders = raw.clone();
        reminders.sort_unstable_by(|one, other| other.cmp(one));
        reminders.dedup();
        reminders
    }

    fn look_back(&mut self) -> Span {
        let look_back = self.raw.look_back.unwrap_or(LOOK_BACK);
        if !(DURATION_MIN..=LOOK_BACK_MAX).contains(&look_back) {
            self.fault("look_back", format!("{DURATION_MIN} to {LOOK_BACK_MAX}"));
        }
        look_back
    }

    fn breaker_percent(&mut self) -> u8 {
        let percent = self.raw.breaker_percent.unwrap_or(BREAKER_PERCENT);
        if !(1..=100).contains(&percent) {
            self.fault("breaker_percent", "1 to 100");
        }
        percent
    }

    fn bulk_max(&mut self) -> u32 {
        let most = self.raw.bulk_max.unwrap_or(BULK);
        if most > BULK_MAX {
            self.fault("bulk_max", format!("at most {BULK_MAX}"));
        }
        most
    }
}
