//! The counting: functions of values.

use countersign_model::{
    CampaignId, Grant, Span, Subject, Timestamp,
    review::{Answer, Campaign, CampaignState, Covers, GrantUsage, ItemState, ReviewVerdict},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// What was said of one item, and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Said {
    /// Every answer, oldest first.
    pub(super) answers: Vec<Answer>,
    /// Where it stands.
    pub(super) state: ItemState,
}

/// One campaign in numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CampaignNumbers {
    /// The campaign.
    pub id: CampaignId,
    /// What people call it.
    pub title: String,
    /// Where it stands.
    pub state: &'static str,
    /// When it was opened.
    pub opened_at: Option<Timestamp>,
    /// The due date.
    pub due_at: Timestamp,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// When its owner signed for it.
    pub signed_off_at: Option<Timestamp>,
    /// How many items.
    pub items: u64,
    /// Of these, those that are decided or matter no more.
    pub done: u64,
    /// The share of these, in percent, rounded down: 100 means all.
    pub done_percent: u64,
    /// Items that nobody decided although the due date has passed.
    pub overdue: u64,
    /// Items by how they ended: results, `moot`, `open`, `suspended`.
    pub results: BTreeMap<String, u64>,
    /// Items that people decided before the due date.
    pub in_time: u64,
    /// Answers that count and are against the recommendation.
    pub against: u64,
    /// The share, in percent, of people's decisions that ended or narrowed a grant.
    pub revoked_percent: Option<u64>,
    /// How long after the opening half of the decided items were decided, in hours.
    pub hours_to_decide: Option<u64>,
}

/// One reviewer in numbers, over all campaigns that were counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewerNumbers {
    /// Who.
    pub reviewer: Subject,
    /// Items that wait for them.
    pub waits: u64,
    /// Answers that count.
    pub answers: u64,
    /// Of these: kept as it is.
    pub kept: u64,
    /// Narrowed.
    pub reduced: u64,
    /// Ended.
    pub revoked: u64,
    /// The share that was kept, in percent.
    pub kept_percent: Option<u64>,
    /// The share that was answered together with others, in percent.
    pub together_percent: Option<u64>,
    /// For how long the middle one of those that were answered alone was before their eyes, in
    /// milliseconds; absent where no page said so.
    pub seen_ms: Option<u64>,
    /// Answers against the recommendation.
    pub against: u64,
    /// What somebody should ask them about.
    pub signs: Vec<Sign>,
}

/// Something that a reviewer who looks would not do. A sign, not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// Nearly everything was kept.
    KeepsAll,
    /// The middle answer was given in a few seconds.
    LooksBriefly,
    /// Nearly everything was answered together with others.
    AnswersInBulk,
}

/// How grants stand.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrantNumbers {
    /// Those that are not over.
    pub active: u64,
    /// Of these: suspended.
    pub suspended: u64,
    /// Never certified in any version.
    pub never_certified: u64,
    /// Certified so long ago that it lapses soon.
    pub due: u64,
    /// Lapsed, or this version was never certified.
    pub overdue: u64,
    /// They end by date soon.
    pub expiring: u64,
    /// Old enough to be judged, with all calls counted, and nobody used them.
    pub unused: u64,
    /// Of which nobody can say yet whether they are used.
    pub unknown_use: u64,
    /// By age.
    pub age: Histogram,
}

/// Counts by ranges.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Histogram(pub Vec<HistogramBar>);

/// One range of a histogram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HistogramBar {
    /// The range in words.
    pub label: &'static str,
    /// How many.
    pub count: u64,
}

/// A grant that is not over, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct GrantFacts<'a> {
    /// The grant.
    pub(super) grant: &'a Grant,
    /// Whether its certification has lapsed for some function.
    pub(super) is_overdue: bool,
    /// Whether it lapses soon for some function.
    pub(super) is_due: bool,
    /// What it was used for.
    pub(super) usage: Option<&'a GrantUsage>,
}

/// Counts one campaign.
pub(super) fn campaign_numbers(
    campaign: &Campaign,
    items: &[Said],
    now: Timestamp,
) -> CampaignNumbers {
    let opened_at = campaign.opening.as_ref().map(|it| it.at);
    let mut results: BTreeMap<String, u64> = BTreeMap::new();
    let (mut done, mut in_time, mut by_people, mut taken) = (0_u64, 0_u64, 0_u64, 0_u64);
    let mut times = Vec::new();
    for item in items {
        let name = item.state.result().map_or(item.state.name(), |it| it.name());
        *results.entry(name.to_owned()).or_default() += 1;
        match &item.state {
            ItemState::Decided(outcome) => {
                done += 1;
                if outcome.by.is_empty() {
                    continue;
                }
                by_people += 1;
                in_time += u64::from(outcome.at <= campaign.due_at);
                taken += u64::from(outcome.result.acts() && name != "certified");
                times.extend(opened_at.map(|it| outcome.at.since(it).millis().unsigned_abs()));
            }
            ItemState::Moot { .. } => done += 1,
            ItemState::Open | ItemState::Suspended { .. } => {}
        }
    }
    let total = number(items.len());
    let open = total.saturating_sub(done);
    let ours = items.iter().flat_map(|it| &it.answers);
    let against = ours.filter(|it| it.counts() && it.against).count();
    let signed = campaign.sign_offs.iter().filter(|it| it.covers == Covers::Campaign);
    CampaignNumbers {
        id: campaign.id,
        title: campaign.title.clone(),
        state: campaign.state.name(),
        opened_at,
        due_at: campaign.due_at,
        closed_at: campaign.state.closed_at(),
        signed_off_at: signed.map(|it| it.at).max(),
        items: total,
        done,
        done_percent: percent(done, total).unwrap_or(match campaign.state {
            CampaignState::Opening => 0,
            // Nothing to decide is all decided.
            CampaignState::Open
            | CampaignState::Stopped { .. }
            | CampaignState::Grace { .. }
            | CampaignState::Closed { .. }
            | CampaignState::SignedOff { .. } => 100,
        }),
        overdue: if now > campaign.due_at { open } else { 0 },
        results,
        in_time,
        against: number(against),
        revoked_percent: percent(taken, by_people),
        hours_to_decide: median(times).map(|it| it / HOUR_MS),
    }
}

/// Counts reviewers, by name. `waiting`: whom items wait for, and how many.
pub(super) fn reviewer_numbers(items: &[Said], waiting: &[(Subject, u64)]) -> Vec<ReviewerNumbers> {
    let mut all: BTreeMap<&Subject, Vec<&Answer>> = BTreeMap::new();
    for answer in items.iter().flat_map(|it| &it.answers).filter(|it| it.counts()) {
        all.entry(&answer.by).or_default().push(answer);
    }
    for (who, _) in waiting {
        all.entry(who).or_default();
    }
    let waits = |who: &Subject| waiting.iter().filter(|it| it.0 == *who).map(|it| it.1).sum();
    all.into_iter().map(|(who, answers)| one_reviewer(who, waits(who), &answers)).collect()
}

fn one_reviewer(reviewer: &Subject, waits: u64, answers: &[&Answer]) -> ReviewerNumbers {
    let (mut kept, mut reduced, mut revoked) = (0, 0, 0);
    for answer in answers {
        match answer.verdict {
            ReviewVerdict::Certify => kept += 1,
            ReviewVerdict::Reduce { .. } => reduced += 1,
            ReviewVerdict::Revoke => revoked += 1,
            ReviewVerdict::HandOn { .. } | ReviewVerdict::DontKnow => {}
        }
    }
    let total = number(answers.len());
    let alone = answers.iter().filter(|it| it.together <= 1);
    let seen: Vec<u64> = alone.filter_map(|it| it.seen_ms).collect();
    let together = number(answers.iter().filter(|it| it.together > 1).count());
    let mut numbers = ReviewerNumbers {
        reviewer: reviewer.clone(),
        waits,
        answers: total,
        kept,
        reduced,
        revoked,
        kept_percent: percent(kept, total),
        together_percent: percent(together, total),
        seen_ms: median(seen),
        against: number(answers.iter().filter(|it| it.against).count()),
        signs: Vec::new(),
    };
    numbers.signs = signs(&numbers);
    numbers
}

/// Signs of somebody who signs without looking. Few answers say nothing.
fn signs(of: &ReviewerNumbers) -> Vec<Sign> {
    if of.answers < ANSWERS_MIN {
        return Vec::new();
    }
    let found = [
        (of.kept_percent.is_some_and(|it| it >= KEPT_PERCENT), Sign::KeepsAll),
        (of.seen_ms.is_some_and(|it| it < SEEN_MS), Sign::LooksBriefly),
        (of.together_percent.is_some_and(|it| it >= TOGETHER_PERCENT), Sign::AnswersInBulk),
    ];
    found.into_iter().filter(|it| it.0).map(|it| it.1).collect()
}

/// Counts grants that are not over.
#[expect(single_use_lifetimes, reason = "a bound of `impl Trait` has no anonymous lifetime")]
pub(super) fn grant_numbers<'a>(
    grants: impl Iterator<Item = GrantFacts<'a>>,
    now: Timestamp,
    look_back: Span,
    soon: Span,
) -> GrantNumbers {
    let mut bars: Vec<HistogramBar> =
        AGES.iter().map(|(label, _)| HistogramBar { label, count: 0 }).collect();
    let mut numbers = GrantNumbers {
        active: 0,
        suspended: 0,
        never_certified: 0,
        due: 0,
        overdue: 0,
        expiring: 0,
        unused: 0,
        unknown_use: 0,
        age: Histogram(Vec::new()),
    };
    for GrantFacts { grant, is_overdue, is_due, usage } in grants {
        numbers.active += 1;
        numbers.suspended += u64::from(grant.ended(now).is_some());
        numbers.never_certified += u64::from(grant.certified.is_none());
        numbers.overdue += u64::from(is_overdue);
        numbers.due += u64::from(is_due && !is_overdue);
        numbers.expiring += u64::from(grant.expires_at.is_some_and(|at| at <= now.plus(soon)));
        let from = now.minus(look_back);
        match usage {
            Some(usage) if usage.used > 0 => {}
            Some(usage)
                if is_known(usage, from, now)
                    && usage.widened.is_none()
                    && grant.made_at <= from =>
            {
                numbers.unused += 1;
            }
            Some(_) | None => numbers.unknown_use += 1,
        }
        let days = now.since(grant.made_at).millis() / DAY_MS;
        let place = AGES.iter().position(|(_, below)| days < *below);
        if let Some(bar) = place.and_then(|it| bars.get_mut(it)) {
            bar.count += 1;
        }
    }
    numbers.age = Histogram(bars);
    numbers
}

/// Whether all calls of the look-back were counted.
fn is_known(usage: &GrantUsage, from: Timestamp, now: Timestamp) -> bool {
    usage.since <= from && usage.until >= now.minus(countersign_model::review::recommend::LATE_MAX)
}

/// In percent, rounded down; nothing of nothing.
fn percent(part: u64, whole: u64) -> Option<u64> {
    part.saturating_mul(100).checked_div(whole)
}

/// The middle one, the lesser of two.
fn median(mut values: Vec<u64>) -> Option<u64> {
    values.sort_unstable();
    values.get(values.len().saturating_sub(1) / 2).copied()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Ages of grants in days, each range up to its end.
const AGES: [(&str, i64); 6] = [
    ("under 30 days", 30),
    ("30 to 89 days", 90),
    ("90 to 179 days", 180),
    ("half a year to a year", 365),
    ("1 to 2 years", 730),
    ("2 years and more", i64::MAX),
];
const DAY_MS: i64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;
/// Answers below which nothing is said of a reviewer.
const ANSWERS_MIN: u64 = 20;
/// From which share on what somebody keeps is a sign.
const KEPT_PERCENT: u64 = 98;
/// Below which time before their eyes.
const SEEN_MS: u64 = 3_000;
/// From which share of answers together.
const TOGETHER_PERCENT: u64 = 80;

#[cfg(test)]
mod tests;
