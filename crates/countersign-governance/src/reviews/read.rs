//! Reading campaigns and items. Who sees every grant sees every item; others see those that they are or
//! were asked about, and nothing of the rest: a campaign of which they see no item is not there for them.

use super::{
    ACT_ITEMS_MAX, CAMPAIGNS_MAX, CampaignFilter, CampaignView, ChangedItems, ItemFilter, ItemPage,
    ItemView, Progress, ReviewError,
};
use crate::{Actor, Governance, Unavailable, roles::may_look};
use countersign_model::{
    CampaignId, Grant, GrantId, Subject,
    review::{
        Campaign, Item, ItemResult, ItemState,
        item::{Change, UNDO_WITHIN},
    },
};
use countersign_store::{
    CampaignQuery, CampaignRow, ITEMS_PAGE_MAX, ItemCount, ItemQuery, Transaction,
};

impl Governance {
    /// Campaigns, newest first: all of them for who sees every grant, else those in which the actor is
    /// or was asked, and those that they own.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn campaigns(
        &self,
        actor: &Actor,
        filter: &CampaignFilter,
    ) -> Result<Vec<CampaignView>, ReviewError> {
        let actor = self.judged(actor);
        may_look(&actor)?;
        let query = CampaignQuery {
            states: filter.state.iter().cloned().collect(),
            before: filter.before,
            limit: filter.limit.unwrap_or(CAMPAIGNS_MAX).min(CAMPAIGNS_MAX),
        };
        let mut view = self.store().view().await?;
        let mut found = Vec::new();
        for row in view.campaigns(&query).await? {
            if takes_part(&mut view, &actor, &row.campaign).await? {
                found.push(of_campaign(&mut view, row.campaign).await?);
            }
        }
        Ok(found)
    }

    /// A campaign and how far it is.
    ///
    /// # Errors
    /// [`ReviewError::NoCampaign`], also where the actor has no part in it.
    pub async fn campaign(
        &self,
        actor: &Actor,
        id: CampaignId,
    ) -> Result<CampaignView, ReviewError> {
        let actor = self.judged(actor);
        may_look(&actor)?;
        let mut view = self.store().view().await?;
        let row = view.campaign(id).await?.ok_or(ReviewError::NoCampaign)?;
        if !takes_part(&mut view, &actor, &row.campaign).await? {
            return Err(ReviewError::NoCampaign);
        }
        of_campaign(&mut view, row.campaign).await
    }

    /// A page of items, in the order of campaigns and grants.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn items(&self, actor: &Actor, filter: &ItemFilter) -> Result<ItemPage, ReviewError> {
        let actor = self.judged(actor);
        may_look(&actor)?;
        let mut view = self.store().view().await?;
        let owns = match filter.campaign {
            Some(id) => view
                .campaign(id)
                .await?
                .is_some_and(|it| it.campaign.rules.owner == *actor.subject()),
            None => false,
        };
        let reviewer = match &filter.reviewer {
            asked if actor.sees_grants() || owns => asked.clone(),
            _ => Some(actor.subject().clone()),
        };
        let limit = filter.limit.unwrap_or(ITEMS_PAGE_MAX).clamp(1, ITEMS_PAGE_MAX);
        let query = ItemQuery {
            campaign: filter.campaign,
            reviewer,
            waiting: filter.waiting,
            state: filter.state.clone(),
            result: filter.result.clone(),
            after: filter.after,
            limit,
        };
        let items: Vec<Item> = view.items(&query).await?.into_iter().map(|row| row.item).collect();
        let full = items.len() >= usize::try_from(limit).unwrap_or(ACT_ITEMS_MAX);
        let last = items.last().map(|it| (it.campaign, it.grant));
        Ok(ItemPage { next: last.filter(|_| full), items })
    }

    /// Items of a campaign whose grants permit something else by now (R1), some hundreds at most: for who
    /// sees every grant, and for the campaign's owner.
    ///
    /// # Errors
    /// [`ReviewError::NoCampaign`], also for everybody else.
    pub async fn changed_items(
        &self,
        actor: &Actor,
        id: CampaignId,
        limit: u32,
    ) -> Result<ChangedItems, ReviewError> {
        let actor = self.judged(actor);
        may_look(&actor)?;
        let mut view = self.store().view().await?;
        let row = view.campaign(id).await?.ok_or(ReviewError::NoCampaign)?;
        if !actor.sees_grants() && row.campaign.rules.owner != *actor.subject() {
            return Err(ReviewError::NoCampaign);
        }
        // The snapshot was begun right after the campaign was named; what changed in between and stood in
        // it already is sorted out below where it is shown.
        let (count, rows) = view.items_changed_since(id, id.made_at(), limit).await?;
        let snapshot = self.policy().load();
        let is_changed = |item: &Item| {
            let now = snapshot.grant(item.grant);
            now.is_some_and(|now| now.version != item.snapshot.grant.version)
        };
        let looked_at = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let items: Vec<Item> =
            rows.into_iter().map(|row| row.item).filter(|it| is_changed(it)).collect();
        Ok(ChangedItems { items, more: count.saturating_sub(looked_at) })
    }

    /// An item, with what changed since its snapshot.
    ///
    /// # Errors
    /// [`ReviewError::NoItem`], also where the actor has no part in it.
    pub async fn item(
        &self,
        actor: &Actor,
        campaign: CampaignId,
        grant: GrantId,
    ) -> Result<ItemView, ReviewError> {
        let actor = self.judged(actor);
        may_look(&actor)?;
        let mut view = self.store().view().await?;
        let row = view.item(campaign, grant).await?.ok_or(ReviewError::NoItem)?;
        let owner = view.campaign(campaign).await?.map(|it| it.campaign.rules.owner);
        let sees = actor.sees_grants()
            || owner.as_ref() == Some(actor.subject())
            || is_or_was_asked(&row.item, actor.subject());
        if !sees {
            return Err(ReviewError::NoItem);
        }
        let now = view.grant(grant).await?.map(|it| it.grant);
        let since_snapshot = match &now {
            Some(now) => differences(&row.item.snapshot.grant, now),
            None => Vec::new(),
        };
        let undo_until = match &row.item.state {
            ItemState::Decided(outcome) => match outcome.result {
                ItemResult::Revoked | ItemResult::Reduced => Some(outcome.at.plus(UNDO_WITHIN)),
                ItemResult::Certified | ItemResult::NotReviewed | ItemResult::EndedByRule => None,
            },
            ItemState::Open | ItemState::Suspended { .. } | ItemState::Moot { .. } => None,
        };
        Ok(ItemView { item: row.item, now, since_snapshot, undo_until })
    }

    /// How many items wait for somebody, over all campaigns.
    ///
    /// # Errors
    /// [`Unavailable`].
    pub async fn reviews_waiting_for(&self, reviewer: &Subject) -> Result<u64, Unavailable> {
        Ok(self.store().view().await?.waiting_for(reviewer).await?)
    }

    /// A closed campaign's report: the canonical JSON whose digest the ledger has.
    ///
    /// # Errors
    /// [`ReviewError::NoCampaign`], also where the actor has no part in it or it is not closed.
    pub async fn review_report(
        &self,
        actor: &Actor,
        id: CampaignId,
    ) -> Result<String, ReviewError> {
        self.campaign(actor, id).await?;
        self.store().view().await?.report(id).await?.ok_or(ReviewError::NoCampaign)
    }
}

pub(super) fn is_or_was_asked(item: &Item, subject: &Subject) -> bool {
    item.reviewers.iter().any(|it| it.subject == *subject)
        || item.answers.iter().any(|it| it.by == *subject)
}

async fn takes_part(
    view: &mut Transaction,
    actor: &Actor,
    campaign: &Campaign,
) -> Result<bool, ReviewError> {
    if actor.sees_grants() || campaign.rules.owner == *actor.subject() {
        return Ok(true);
    }
    let query = ItemQuery {
        campaign: Some(campaign.id),
        reviewer: Some(actor.subject().clone()),
        limit: 1,
        ..ItemQuery::default()
    };
    Ok(!view.items(&query).await?.is_empty())
}

async fn of_campaign(
    view: &mut Transaction,
    campaign: Campaign,
) -> Result<CampaignView, ReviewError> {
    let progress = progress(&view.item_counts(campaign.id).await?);
    let waits_for = view.waiting_reviewers(campaign.id).await?.into_iter().collect();
    Ok(CampaignView { campaign, progress, waits_for })
}

pub(super) fn progress(counts: &[ItemCount]) -> Progress {
    let mut progress = Progress::default();
    for count in counts {
        progress.items += count.items;
        match count.state.as_str() {
            "suspended" => progress.suspended += count.items,
            "moot" => progress.moot += count.items,
            "decided" => *progress.results.entry(count.result.clone()).or_default() += count.items,
            // Whatever else it may be, it is not decided.
            _ => {
                progress.open += count.items;
                *progress.open_by_advice.entry(count.advice.clone()).or_default() += count.items;
                if count.sensitivity == "high" {
                    progress.open_high += count.items;
                }
            }
        }
    }
    progress
}

/// What of a grant is different now, in plain words.
pub(super) fn differences(before: &Grant, now: &Grant) -> Vec<Change> {
    let mut found = Vec::new();
    let mut add = |code: &str, sentence: String| {
        found.push(Change { code: code.to_owned(), sentence });
    };
    let list = |more: Vec<String>| more.join(", ");
    let new = |now: &[String], before: &[String]| -> Vec<String> {
        now.iter().filter(|it| !before.contains(it)).cloned().collect()
    };
    let names = |grant: &Grant| -> Vec<String> {
        let functions = grant.functions.iter().map(ToString::to_string);
        functions.chain(grant.tags.iter().map(|it| format!("tag {it}"))).collect()
    };
    let (old_names, new_names) = (names(before), names(now));
    let (added, gone) = (new(&new_names, &old_names), new(&old_names, &new_names));
    if !added.is_empty() {
        add("widened", format!("It reaches {} now, which it did not.", list(added)));
    }
    if !gone.is_empty() {
        add("narrowed", format!("It does not reach {} any more.", list(gone)));
    }
    let dropped = new(&before.constraints, &now.constraints);
    if !dropped.is_empty() {
        add("widened", format!("The constraint {} is gone.", list(dropped)));
    }
    let bound = new(&now.constraints, &before.constraints);
    if !bound.is_empty() {
        add("narrowed", format!("The constraint {} was added.", list(bound)));
    }
    if before.rate != now.rate {
        add("rate", "Its rate is another.".to_owned());
    }
    if before.expires_at != now.expires_at {
        let until = now.expires_at.map_or_else(|| "never".to_owned(), |it| it.date());
        add("expiry", format!("It ends by itself: {until}."));
    }
    if before.state != now.state {
        add("state", "It was suspended, resumed or revoked since.".to_owned());
    }
    if before.certified != now.certified
        && let Some(certified) = now.certified.as_ref()
    {
        add("certified", format!("{} certified it on {}.", certified.by, certified.at.date()));
    }
    found
}

pub(super) async fn running(
    change: &mut Transaction,
    id: CampaignId,
) -> Result<CampaignRow, ReviewError> {
    let row = change.campaign(id).await?.ok_or(ReviewError::NoCampaign)?;
    if row.campaign.state.takes_answers() {
        Ok(row)
    } else {
        Err(ReviewError::CampaignState { state: row.campaign.state.name() })
    }
}
