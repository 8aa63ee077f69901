//! Closing: everything is decided, by people or by rule; the report says how, and its digest is in the
//! ledger. What was granted meanwhile is in it as not reviewed (R3).

use super::{ReviewError, clock::Went, read::progress, sign_off::decisions};
use crate::{Governance, Unavailable};
use countersign_model::{
    CampaignId, Digest, Grant, GrantId,
    record::{Event, ReviewClosed},
    review::{Campaign, CampaignState, ItemState, Reviewed},
};
use countersign_store::{CampaignRow, ITEMS_PAGE_MAX, ItemQuery};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

impl Governance {
    /// Closes a campaign before its time: after the due date as soon as nothing is open, before it only
    /// when everybody who decided something has signed for it.
    pub(super) async fn close_early(&self, row: &CampaignRow) -> Result<Went, ReviewError> {
        if row.campaign.state == CampaignState::Open && row.campaign.sign_offs.is_empty() {
            return Ok(Went::Nowhere);
        }
        let counts = self.store().view().await?.item_counts(row.campaign.id).await?;
        let progress = progress(&counts);
        if progress.open > 0 || progress.suspended > 0 {
            return Ok(Went::Nowhere);
        }
        let is_time = match row.campaign.state {
            CampaignState::Grace { .. } => true,
            CampaignState::Open => self.all_signed(&row.campaign).await?,
            CampaignState::Opening
            | CampaignState::Stopped { .. }
            | CampaignState::Closed { .. }
            | CampaignState::SignedOff { .. } => false,
        };
        if is_time { self.close(row).await } else { Ok(Went::Nowhere) }
    }

    /// Whether everybody whose answers count has signed for all of them. Of no answers, nobody has.
    async fn all_signed(&self, campaign: &Campaign) -> Result<bool, Unavailable> {
        if campaign.sign_offs.is_empty() {
            return Ok(false);
        }
        let mut view = self.store().view().await?;
        let mut after = None;
        loop {
            let query = ItemQuery {
                campaign: Some(campaign.id),
                after,
                limit: ITEMS_PAGE_MAX,
                ..ItemQuery::default()
            };
            let page = view.items(&query).await?;
            let Some(last) = page.last() else { return Ok(true) };
            after = Some((last.item.campaign, last.item.grant));
            let unsigned = page.iter().flat_map(|row| &row.item.answers).any(|it| {
                it.counts() && campaign.signed_off_by(&it.by).is_none_or(|at| at < it.at)
            });
            let by_nobody = page.iter().any(|row| match &row.item.state {
                ItemState::Open | ItemState::Suspended { .. } => true,
                ItemState::Decided(_) | ItemState::Moot { .. } => false,
            });
            if unsigned || by_nobody {
                return Ok(false);
            }
        }
    }

    pub(super) async fn close(&self, row: &CampaignRow) -> Result<Went, ReviewError> {
        let made = self.made_meanwhile(&row.campaign).await?;
        let mut deed = self.deed().await?;
        let progress = progress(&deed.change.item_counts(row.campaign.id).await?);
        if progress.open > 0 || progress.suspended > 0 {
            return Ok(Went::Nowhere);
        }
        let mut results: BTreeMap<String, u64> = progress.results.clone();
        if progress.moot > 0 {
            results.insert("moot".to_owned(), progress.moot);
        }
        let (items, digest) = decisions(&mut deed.change, row.campaign.id).await?;
        let report = report(&row.campaign, deed.now, &results, (items, digest), &made);
        let report = countersign_model::json::canonical(&report);
        let digest = Digest::of(report.as_bytes());
        let mut next = row.clone();
        next.campaign.state = CampaignState::Closed { at: deed.now, report: digest };
        deed.write_campaign(&next).await?;
        deed.change.keep_report(row.campaign.id, &report).await?;
        let made_meanwhile = u64::try_from(made.len()).unwrap_or(u64::MAX);
        let event =
            ReviewClosed { campaign: row.campaign.id, report: digest, results, made_meanwhile };
        deed.say(&row.campaign.id.to_string(), Event::ReviewClosed(event)).await?;
        self.tell_closed(&mut deed, &next.campaign).await?;
        deed.finish().await?;
        Ok(Went::On)
    }

    /// Active grants in scope that are no items: nobody has reviewed them here (R3).
    async fn made_meanwhile(&self, campaign: &Campaign) -> Result<Vec<Arc<Grant>>, Unavailable> {
        let items = self.all_items(campaign.id).await?;
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let scope = campaign.scope.clone();
        let look = move || {
            let catalog = snapshot.catalog();
            let is_new = |it: &&Arc<Grant>| {
                !items.contains(&it.id)
                    && !is_over(it, now)
                    && scope.includes(&Reviewed::of(it, catalog), catalog)
            };
            snapshot.grants().filter(is_new).cloned().collect()
        };
        tokio::task::spawn_blocking(look).await.map_err(|_| Unavailable::Policy)
    }

    async fn all_items(&self, id: CampaignId) -> Result<HashSet<GrantId>, Unavailable> {
        let mut view = self.store().view().await?;
        let (mut after, mut all) = (None, HashSet::new());
        loop {
            let page = view.item_digests(id, after, ITEMS_PAGE_MAX).await?;
            let Some((last, _)) = page.last() else { return Ok(all) };
            after = Some(*last);
            all.extend(page.iter().map(|(grant, _)| *grant));
        }
    }
}

pub(super) fn is_over(grant: &Grant, now: countersign_model::Timestamp) -> bool {
    match grant.ended(now) {
        Some(
            countersign_model::grant::Ended::Revoked { .. }
            | countersign_model::grant::Ended::Expired { .. },
        ) => true,
        Some(countersign_model::grant::Ended::Suspended { .. }) | None => false,
    }
}

fn report(
    campaign: &Campaign,
    closed_at: countersign_model::Timestamp,
    results: &BTreeMap<String, u64>,
    (items, decisions): (u64, Digest),
    made: &[Arc<Grant>],
) -> Value {
    let made: Vec<Value> = made
        .iter()
        .map(|it| {
            json!({
                "grant": it.id, "version": it.version, "holder": it.holder.to_string(),
                "functions": it.functions, "tags": it.tags, "reason": it.reason,
                "made_by": it.made_by, "made_at": it.made_at,
            })
        })
        .collect();
    json!({
        "campaign": campaign.id, "title": campaign.title, "origin": campaign.origin,
        "owner": campaign.rules.owner, "opening": campaign.opening, "due_at": campaign.due_at,
        "grace_until": campaign.grace_until, "closed_at": closed_at, "items": items,
        "results": results, "decisions": decisions, "not_reviewed": made,
        "confirmed": campaign.confirmed, "sign_offs": campaign.sign_offs,
    })
}
