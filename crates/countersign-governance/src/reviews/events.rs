//! Reviews of single grants that events open (R19): the contract of a function that a grant reaches
//! drifted, a function became more sensitive, another person answers for an agent, or it was used for the
//! first time after a long idle. They are written down in the transaction that applies the catalog or
//! counts the use, and open when the catalog is in force.

use crate::{Governance, Unavailable};
use countersign_model::{
    Catalog, Grant, GrantId, Holder, Snapshot, Span, Subject, Timestamp,
    review::{
        CampaignOrigin, CampaignRules, Reviewed, ReviewerRule, Scope,
        campaign::ReviewEvent,
        schedule::{ReasonNeeded, Stage, StageMode},
    },
};
use countersign_store::{CampaignQuery, Transaction};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Grants that one event reviews one by one at most. What touches more is one campaign of all of them,
/// named after the first.
const ONE_BY_ONE_MAX: usize = 100;
/// How long people have to answer for one grant, where no schedule says less.
const DURATION: Span = Span::from_days(14);
/// From then to the end of what nobody answered.
const GRACE: Span = Span::from_days(7);
/// Campaigns that are looked through for one that runs already.
const RUNNING_MAX: u32 = 10_000;

impl Governance {
    /// Writes down the reviews that a new catalog calls for, in the transaction that applies it. Who
    /// applies it answers for those that no schedule has.
    pub(crate) async fn review_catalog(
        &self,
        change: &mut Transaction,
        next: &Arc<Catalog>,
        by: &Subject,
    ) -> Result<(), Unavailable> {
        let (before, now) = (self.policy().load(), self.clock().now());
        let after = Arc::clone(next);
        let look = move || touched(&before, &after, now);
        let touched = tokio::task::spawn_blocking(look).await.map_err(|_| Unavailable::Policy)?;
        if touched.is_empty() {
            return Ok(());
        }
        let running = running(change).await?;
        for (what, grants) in touched {
            let is_new = |it: &Arc<Grant>| !running.contains(&(what, it.id));
            let grants: Vec<Arc<Grant>> = grants.into_iter().filter(is_new).collect();
            let parts = if grants.len() > ONE_BY_ONE_MAX { grants.len() } else { 1 };
            for part in grants.chunks(parts) {
                self.add_event_review(change, next, what, part, by).await?;
            }
        }
        Ok(())
    }

    /// Writes down a review of each grant that was used for the first time after a long idle, in the
    /// transaction that counts the use. An owner of what it reaches answers for those that no schedule has.
    pub(crate) async fn review_woken(
        &self,
        change: &mut Transaction,
        woken: &[Arc<Grant>],
    ) -> Result<(), Unavailable> {
        if woken.is_empty() {
            return Ok(());
        }
        let (what, snapshot) = (ReviewEvent::UsedAfterIdle, self.policy().load());
        let catalog = snapshot.catalog();
        let running = running(change).await?;
        for grant in woken.iter().filter(|it| !running.contains(&(what, it.id))) {
            let reviewed = Reviewed::of(grant, catalog);
            let mut owners = reviewed.functions.iter().flat_map(|it| &it.owners);
            let owner = owners.find(|it| !snapshot.bars(it)).unwrap_or(&grant.made_by).clone();
            self.add_event_review(change, catalog, what, std::slice::from_ref(grant), &owner)
                .await?;
        }
        Ok(())
    }

    async fn add_event_review(
        &self,
        change: &mut Transaction,
        catalog: &Catalog,
        what: ReviewEvent,
        grants: &[Arc<Grant>],
        by: &Subject,
    ) -> Result<(), Unavailable> {
        let Some(first) = grants.first() else { return Ok(()) };
        let scope = Scope { grants: grants.iter().map(|it| it.id).collect(), ..Scope::default() };
        let origin = CampaignOrigin::Event { what, grant: first.id };
        let title = match grants.len() {
            1 => format!("{}: the grant of {}", said(what), first.holder),
            more => format!("{}: {more} grants", said(what)),
        };
        let rules = rules(first, catalog, by);
        let campaign = self.new_campaign(title, origin, scope, rules);
        change.add_campaign(&campaign).await?;
        Ok(())
    }
}

/// Which of a catalog's rules review a grant; where no schedule does, its owners in a fortnight. One
/// grant is always more than a share, so the breaker has nothing to say.
fn rules(grant: &Grant, catalog: &Catalog, by: &Subject) -> CampaignRules {
    let reviewed = Reviewed::of(grant, catalog);
    let rules = match catalog.schedules.values().find(|it| it.scope.includes(&reviewed, catalog)) {
        Some(schedule) => schedule.rules.clone(),
        None => CampaignRules {
            owner: by.clone(),
            stages: vec![Stage { reviewers: vec![ReviewerRule::Owner], mode: StageMode::AnyOne }],
            fallback: Vec::new(),
            duration: DURATION,
            grace: GRACE,
            reminders: vec![Span::from_days(3), Span::from_days(1)],
            look_back: crate::LOOK_BACK_DEFAULT,
            breaker_percent: 100,
            bulk_max: 0,
            reason: ReasonNeeded::AgainstRecommendation,
        },
    };
    let (duration, grace) = (rules.duration.min(DURATION), rules.grace.min(GRACE));
    CampaignRules { duration, grace, breaker_percent: 100, ..rules }
}

/// Active grants that an event touches, each by its weightiest.
fn touched(
    snapshot: &Snapshot,
    next: &Catalog,
    now: Timestamp,
) -> BTreeMap<ReviewEvent, Vec<Arc<Grant>>> {
    let before = snapshot.catalog();
    let mut found: BTreeMap<ReviewEvent, Vec<Arc<Grant>>> = BTreeMap::new();
    let differs =
        |is: &dyn Fn(&countersign_model::Function, &countersign_model::Function) -> bool| {
            let pairs = next.functions.iter().filter_map(|new| {
                let (_, old) = before.by_name(new.name.as_str())?;
                is(old, new).then(|| new.name.clone())
            });
            pairs.collect::<BTreeSet<_>>()
        };
    let rose = differs(&|old, new| new.sensitivity > old.sensitivity);
    let drifted = differs(&|old, new| new.contract != old.contract);
    let sponsored: BTreeSet<&Subject> = next
        .agents
        .iter()
        .filter(|(agent, it)| {
            before.agents.get(*agent).is_some_and(|old| old.sponsor != it.sponsor)
        })
        .map(|(agent, _)| agent)
        .collect();
    if rose.is_empty() && drifted.is_empty() && sponsored.is_empty() {
        return found;
    }
    for grant in snapshot.grants().filter(|it| it.ended(now).is_none()) {
        let reached = Reviewed::of(grant, next).functions;
        let any = |of: &BTreeSet<countersign_model::FunctionName>| {
            reached.iter().any(|it| of.contains(&it.name))
        };
        let is_sponsored = match &grant.holder {
            Holder::Subject(holder) => sponsored.contains(holder),
            Holder::Group(_) => false,
        };
        let what = if any(&rose) {
            ReviewEvent::SensitivityRose
        } else if any(&drifted) {
            ReviewEvent::ContractDrifted
        } else if is_sponsored {
            ReviewEvent::SponsorChanged
        } else {
            continue;
        };
        found.entry(what).or_default().push(Arc::clone(grant));
    }
    found
}

/// Events whose review of a grant runs already.
async fn running(
    change: &mut Transaction,
) -> Result<BTreeSet<(ReviewEvent, GrantId)>, Unavailable> {
    let states = ["opening", "open", "stopped", "grace"];
    let query = CampaignQuery {
        states: states.iter().map(|it| (*it).to_owned()).collect(),
        before: None,
        limit: RUNNING_MAX,
    };
    let rows = change.campaigns(&query).await?;
    let events = rows.into_iter().filter_map(|row| match row.campaign.origin {
        CampaignOrigin::Event { what, .. } => Some((what, row.campaign.scope.grants)),
        CampaignOrigin::Schedule { .. } | CampaignOrigin::ByHand { .. } => None,
    });
    Ok(events.flat_map(|(what, grants)| grants.into_iter().map(move |it| (what, it))).collect())
}

fn said(what: ReviewEvent) -> &'static str {
    match what {
        ReviewEvent::ContractDrifted => "The contract changed",
        ReviewEvent::SensitivityRose => "It became more sensitive",
        ReviewEvent::SponsorChanged => "Somebody else answers for the agent",
        ReviewEvent::BreakGlass => "Break-glass was used",
        ReviewEvent::UsedAfterIdle => "It was used after a long idle",
    }
}
