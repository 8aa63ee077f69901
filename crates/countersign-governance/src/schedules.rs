//! Review schedules as administrators look at them before a campaign opens: when, which grants, who would
//! review how many, and which nobody could.

use crate::{Governance, Unavailable};
use countersign_model::{
    GrantId, Subject, Timestamp,
    review::{
        ReviewFacts, Reviewed, Schedule,
        recurrence::Occurrence,
        reviewers_for,
        schedule::{Stage, StageMode},
    },
};
use serde::Serialize;
use std::collections::BTreeMap;

/// A schedule, and what would come of it if a campaign opened now.
#[derive(Clone, Debug, Serialize)]
pub struct ScheduleView {
    /// As the catalog has it.
    pub schedule: Schedule,
    /// Its next dates.
    pub next: Vec<ScheduledDate>,
    /// Its scope in words.
    pub scope: String,
    /// Active grants in scope.
    pub grants: u64,
    /// Who would review how many in the first stage, the most first; some dozens.
    pub reviewers: Vec<ReviewerLoad>,
    /// How many more there are.
    pub reviewers_more: u64,
    /// Grants that would go to the fallback or the campaign's owner.
    pub to_fallback: u64,
    /// Grants that nobody could review, or too few people, in some stage.
    pub without: u64,
    /// Some of them.
    pub without_some: Vec<GrantId>,
}

/// A date of a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ScheduledDate {
    /// The date, in the schedule's time zone.
    pub date: String,
    /// When the campaign opens.
    pub opens_at: Timestamp,
    /// When its items are due.
    pub due_at: Timestamp,
}

/// Somebody, and how many grants they would be asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReviewerLoad {
    /// Who.
    pub subject: Subject,
    /// Why they, mostly.
    pub why: String,
    /// How many.
    pub grants: u64,
}

const DATES: usize = 3;
const REVIEWERS_SHOWN: usize = 50;
const WITHOUT_SHOWN: usize = 20;

impl Governance {
    /// The catalog's schedules, each with what would come of it now.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn review_schedules(&self) -> Result<Vec<ScheduleView>, Unavailable> {
        if self.policy().load().catalog().schedules.is_empty() {
            return Ok(Vec::new());
        }
        let facts = self.review_facts().await?;
        let rehearse = move || {
            let catalog = facts.snapshot.catalog();
            catalog.schedules.values().map(|it| ScheduleView::of(it, &facts)).collect()
        };
        tokio::task::spawn_blocking(rehearse).await.map_err(|_| Unavailable::Policy)
    }
}

/// Whom a dry run found.
#[derive(Default)]
struct Rehearsal {
    grants: u64,
    loads: BTreeMap<Subject, BTreeMap<String, u64>>,
    to_fallback: u64,
    without: Vec<GrantId>,
}

impl ScheduleView {
    fn of(schedule: &Schedule, facts: &ReviewFacts) -> Self {
        let Rehearsal { grants, loads, to_fallback, without } = Rehearsal::of(schedule, facts);
        let mut reviewers: Vec<ReviewerLoad> = loads.into_iter().map(ReviewerLoad::of).collect();
        reviewers
            .sort_by(|one, other| (other.grants, &one.subject).cmp(&(one.grants, &other.subject)));
        let more = reviewers.len().saturating_sub(REVIEWERS_SHOWN);
        reviewers.truncate(REVIEWERS_SHOWN);
        // A compiled schedule has dates, short of the end of the calendar.
        let dates = schedule.recurrence.upcoming(facts.now, DATES).unwrap_or_default();
        let date = |it: Occurrence| ScheduledDate {
            due_at: it.opens_at.plus(schedule.rules.duration),
            date: it.date,
            opens_at: it.opens_at,
        };
        Self {
            next: dates.into_iter().map(date).collect(),
            scope: schedule.scope.to_string(),
            grants,
            reviewers,
            reviewers_more: u64::try_from(more).unwrap_or(u64::MAX),
            to_fallback,
            without: u64::try_from(without.len()).unwrap_or(u64::MAX),
            without_some: without.into_iter().take(WITHOUT_SHOWN).collect(),
            schedule: schedule.clone(),
        }
    }
}

impl ReviewerLoad {
    fn of((subject, whys): (Subject, BTreeMap<String, u64>)) -> Self {
        let grants = whys.values().sum();
        let why = whys.into_iter().max_by_key(|(_, count)| *count);
        Self { subject, why: why.map(|it| it.0).unwrap_or_default(), grants }
    }
}

impl Rehearsal {
    fn of(schedule: &Schedule, facts: &ReviewFacts) -> Self {
        let catalog = facts.snapshot.catalog();
        let mut found = Self::default();
        for grant in facts.snapshot.grants().filter(|it| it.ended(facts.now).is_none()) {
            let item = Reviewed::of(grant, catalog);
            if schedule.scope.includes(&item, catalog) {
                found.grants += 1;
                found.rehearse(schedule, &item, facts);
            }
        }
        found
    }

    fn rehearse(&mut self, schedule: &Schedule, item: &Reviewed<'_>, facts: &ReviewFacts) {
        let mut is_without = false;
        for (place, stage) in schedule.rules.stages.iter().enumerate() {
            let reviewers = reviewers_for(stage, &schedule.rules, item, facts);
            is_without |= reviewers.len() < needed(stage);
            if place > 0 {
                continue;
            }
            let is_last = |why: &str| matches!(why, "fallback" | "campaign owner");
            if !reviewers.is_empty() && reviewers.iter().all(|it| is_last(&it.why)) {
                self.to_fallback += 1;
            }
            for it in reviewers {
                *self.loads.entry(it.subject).or_default().entry(it.why).or_default() += 1;
            }
        }
        if is_without {
            self.without.push(item.grant.id);
        }
    }
}

/// How many people a stage can't do without.
fn needed(stage: &Stage) -> usize {
    match stage.mode {
        StageMode::AnyOne | StageMode::All => 1,
        StageMode::Quorum(people) => usize::try_from(people).unwrap_or(usize::MAX),
    }
}
