//! Numbers for who answers for the programme of reviews: whether campaigns end in time, whether
//! reviewers look at what they sign for, and how the grants stand. Counting is a function of values;
//! here is where they come from, and who may see them.

mod count;
mod gauges;

pub use count::{CampaignNumbers, GrantNumbers, Histogram, HistogramBar, ReviewerNumbers, Sign};
pub(crate) use gauges::Gauges;
pub use gauges::ReviewGauges;

use crate::{Actor, Governance, GrantStanding, ReviewError, roles::may_look};
use count::{GrantFacts, Said, campaign_numbers, grant_numbers, reviewer_numbers};
use countersign_model::{CampaignId, GrantId, Span, Timestamp, review::Campaign};
use countersign_store::{CampaignQuery, ITEMS_PAGE_MAX, Transaction};
use serde::Serialize;
use std::collections::BTreeSet;

/// Campaigns that one look counts at most, the newest.
pub const CAMPAIGNS_COUNTED_MAX: u32 = 24;
/// How far back use counts for grants that nobody uses.
pub const UNUSED_LOOK_BACK: Span = Span::from_days(90);
/// Within how long a grant expires soon.
const EXPIRES_SOON: Span = Span::from_days(30);

/// The numbers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReviewNumbers {
    /// When they were counted.
    pub at: Timestamp,
    /// The campaigns, newest first.
    pub campaigns: Vec<CampaignNumbers>,
    /// The reviewers of these campaigns, by name.
    pub reviewers: Vec<ReviewerNumbers>,
    /// All grants; absent for who may see their own campaigns only.
    pub grants: Option<GrantNumbers>,
}

impl Governance {
    /// Numbers of one campaign, or of the newest [`CAMPAIGNS_COUNTED_MAX`]: of all for who sees every
    /// grant, of their own for a campaign's owner.
    ///
    /// # Errors
    /// [`ReviewError::NoCampaign`] where a campaign is asked for that the actor may not see all of;
    /// [`crate::Forbidden::NotYours`] for who owns none.
    pub async fn review_numbers(
        &self,
        actor: &Actor,
        campaign: Option<CampaignId>,
    ) -> Result<ReviewNumbers, ReviewError> {
        let actor = self.judged(actor);
        may_look(&actor)?;
        let now = self.clock().now();
        let mut view = self.store().view().await?;
        let campaigns = shown(&actor, &mut view, campaign).await?;
        let (mut counted, mut said) = (Vec::new(), Vec::new());
        for campaign in campaigns {
            let items = answers(&mut view, campaign.id).await?;
            counted.push(campaign_numbers(&campaign, &items, now));
            said.extend(items);
        }
        let mut waiting = Vec::new();
        for campaign in &counted {
            waiting.extend(view.waiting_reviewers(campaign.id).await?);
        }
        drop(view);
        let grants = if actor.sees_grants() { Some(self.count_grants(now).await?) } else { None };
        let reviewers = reviewer_numbers(&said, &waiting);
        Ok(ReviewNumbers { at: now, campaigns: counted, reviewers, grants })
    }

    async fn count_grants(&self, now: Timestamp) -> Result<GrantNumbers, ReviewError> {
        let overdue: BTreeSet<GrantId> = self.standing(GrantStanding::Overdue);
        let due = self.standing(GrantStanding::Due);
        let snapshot = self.policy().load();
        let active: Vec<GrantId> =
            snapshot.grants().filter(|it| !it.is_over(now)).map(|it| it.id).collect();
        let usage = self.grant_usage(&active, UNUSED_LOOK_BACK).await?;
        let facts = snapshot.grants().filter(|it| !it.is_over(now)).map(|grant| GrantFacts {
            grant,
            is_overdue: overdue.contains(&grant.id),
            is_due: due.contains(&grant.id),
            usage: usage.get(&grant.id),
        });
        Ok(grant_numbers(facts, now, UNUSED_LOOK_BACK, EXPIRES_SOON))
    }

    fn standing(&self, wanted: GrantStanding) -> BTreeSet<GrantId> {
        let filter = crate::GrantFilter { state: Some(wanted), ..crate::GrantFilter::default() };
        self.grants(&filter).into_iter().map(|it| it.grant.id).collect()
    }
}

/// The campaigns that are counted for somebody.
async fn shown(
    actor: &Actor,
    view: &mut Transaction,
    wanted: Option<CampaignId>,
) -> Result<Vec<Campaign>, ReviewError> {
    let may = |it: &Campaign| actor.sees_grants() || it.rules.owner == *actor.subject();
    if let Some(id) = wanted {
        let row = view.campaign(id).await?.filter(|it| may(&it.campaign));
        return Ok(vec![row.ok_or(ReviewError::NoCampaign)?.campaign]);
    }
    let (mut found, mut before) = (Vec::new(), None);
    let most = usize::try_from(CAMPAIGNS_COUNTED_MAX).unwrap_or(usize::MAX);
    for _ in 0..PAGES_MAX {
        let query = CampaignQuery { states: Vec::new(), before, limit: CAMPAIGNS_PAGE };
        let page = view.campaigns(&query).await?;
        let Some(last) = page.last() else { break };
        before = Some(last.campaign.id);
        found.extend(page.into_iter().map(|it| it.campaign).filter(|it| may(it)));
        if found.len() >= most {
            break;
        }
    }
    found.truncate(most);
    if found.is_empty() && !actor.sees_grants() {
        return Err(crate::Forbidden::NotYours.into());
    }
    Ok(found)
}

async fn answers(view: &mut Transaction, id: CampaignId) -> Result<Vec<Said>, ReviewError> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = view.answers_of(id, after, ITEMS_PAGE_MAX).await?;
        let Some(last) = page.last() else { return Ok(all) };
        after = Some(last.grant);
        all.extend(page.into_iter().map(|it| Said { answers: it.answers, state: it.state }));
    }
}

const CAMPAIGNS_PAGE: u32 = 100;
/// Pages that are looked through for campaigns of one owner.
const PAGES_MAX: usize = 20;
