//! The snapshot of a campaign (R1): what is known of each grant in scope at this moment, and who is
//! asked. It is made from one policy, written in parts that hold no lock but their own, and counts only
//! when the last step says so; nobody sees a part of it.

use super::{ReviewError, evidence::Evidence, working::Filling};
use crate::{Governance, Unavailable};
use countersign_model::{
    CampaignId, Digest, Grant, Snapshot, Timestamp,
    record::{Event, ReviewOpened},
    review::{
        Campaign, CampaignState, Item, ItemState, ReviewFacts, Reviewed, campaign::Opening,
        item::ItemSnapshot, reviewers_for,
    },
};
use countersign_store::{CampaignRow, ITEMS_PAGE_MAX, Transaction, Written};
use std::{collections::BTreeMap, sync::Arc};

/// Items that one transaction writes.
const PART_ITEMS: usize = 2_000;
/// A gateway that has not been heard of for so long does not go on with a snapshot.
const FILLER_SILENT: countersign_model::Span = countersign_model::Span::from_seconds(60);

/// The making of a snapshot, while it is this gateway's.
pub(super) struct Claimed<'a> {
    run: String,
    _mine: Filling<'a>,
}

/// What a snapshot is made of.
struct Population {
    snapshot: Arc<Snapshot>,
    at: Timestamp,
    grants: Vec<Arc<Grant>>,
    excluded: BTreeMap<String, u64>,
}

impl Governance {
    /// Writes a campaign down whose snapshot nobody else can begin to make: whoever opens it waits for
    /// its own work.
    pub(super) async fn add_to_fill(
        &self,
        change: &mut Transaction,
        campaign: &Campaign,
    ) -> Result<Option<Claimed<'_>>, Unavailable> {
        let mine = Filling::begin(&self.0.reviews, campaign.id);
        let run = self.new_entry(self.clock().now()).to_string();
        change.add_campaign(campaign).await?;
        let written = change.claim_filling(campaign.id, None, &run, self.gateway()).await?;
        Ok(mine.filter(|_| written == Written::Done).map(|mine| Claimed { run, _mine: mine }))
    }

    /// Makes the snapshot and opens the campaign, unless somebody else does. Whoever began before and is
    /// gone left nothing that counts.
    pub(super) async fn fill(&self, campaign: &Campaign) -> Result<(), Unavailable> {
        let Some(mine) = Filling::begin(&self.0.reviews, campaign.id) else { return Ok(()) };
        let run = self.claim(campaign.id).await?;
        self.fill_claimed(campaign, run.map(|run| Claimed { run, _mine: mine })).await
    }

    /// Makes the snapshot and opens the campaign, if the making of it is this gateway's.
    pub(super) async fn fill_claimed(
        &self,
        campaign: &Campaign,
        claimed: Option<Claimed<'_>>,
    ) -> Result<(), Unavailable> {
        let Some(Claimed { run, _mine }) = claimed else { return Ok(()) };
        let population = self.population(campaign).await?;
        let facts = Arc::new(self.review_facts().await?);
        let evidence = self.evidence(campaign, &population.grants, &population.snapshot).await?;
        for part in population.grants.chunks(PART_ITEMS) {
            let items = self.items_of(campaign, part, &population, &facts, &evidence).await?;
            let mut change = self.store().change().await?;
            match change.hold_filling(campaign.id, &run).await? {
                Written::Done => {}
                Written::Conflict => return Ok(()),
            }
            change.add_items(campaign.id, &items).await?;
            change.commit().await?;
        }
        match self.open(campaign.id, &run, &population, &evidence).await {
            Ok(()) => Ok(()),
            Err(ReviewError::Unavailable(unavailable)) => Err(unavailable),
            // Somebody else opened it meanwhile.
            Err(_) => Ok(()),
        }
    }

    /// Takes over the making of a snapshot; nothing, if somebody who lives makes it.
    async fn claim(&self, id: CampaignId) -> Result<Option<String>, Unavailable> {
        let mut change = self.store().change().await?;
        let before = change.filler(id).await?;
        if let Some((_, gateway)) = &before
            && gateway != self.gateway()
        {
            let since = self.clock().now().minus(FILLER_SILENT);
            if change.gateway_seen_since(gateway, since).await?.is_some() {
                return Ok(None);
            }
        }
        let run = self.new_entry(self.clock().now()).to_string();
        let seen = before.as_ref().map(|(run, _)| run.as_str());
        match change.claim_filling(id, seen, &run, self.gateway()).await? {
            Written::Done => {}
            Written::Conflict => return Ok(None),
        }
        change.remove_items(id).await?;
        change.commit().await?;
        Ok(Some(run))
    }

    /// The grants in scope, and how many of the others there are, by why.
    async fn population(&self, campaign: &Campaign) -> Result<Population, Unavailable> {
        self.refresh().await?;
        let (snapshot, at) = (self.policy().load(), self.clock().now());
        let scope = campaign.scope.clone();
        let of = Arc::clone(&snapshot);
        let sort = move || {
            let mut grants = Vec::new();
            let mut excluded: BTreeMap<String, u64> = BTreeMap::new();
            for grant in of.grants() {
                let why = match grant.ended(at) {
                    Some(countersign_model::grant::Ended::Expired { .. }) => "expired",
                    Some(countersign_model::grant::Ended::Revoked { .. }) => "revoked",
                    Some(countersign_model::grant::Ended::Suspended { .. }) | None => {
                        let item = Reviewed::of(grant, of.catalog());
                        if scope.includes(&item, of.catalog()) {
                            grants.push(Arc::clone(grant));
                            continue;
                        }
                        "out_of_scope"
                    }
                };
                *excluded.entry(why.to_owned()).or_default() += 1;
            }
            (grants, excluded)
        };
        let (grants, excluded) =
            tokio::task::spawn_blocking(sort).await.map_err(|_| Unavailable::Policy)?;
        Ok(Population { snapshot, at, grants, excluded })
    }

    /// Items of some grants, made on a thread that may be kept busy.
    async fn items_of(
        &self,
        campaign: &Campaign,
        part: &[Arc<Grant>],
        population: &Population,
        facts: &Arc<ReviewFacts>,
        evidence: &Arc<Evidence>,
    ) -> Result<Vec<Item>, Unavailable> {
        let (campaign, part) = (campaign.clone(), part.to_vec());
        let (snapshot, at) = (Arc::clone(&population.snapshot), population.at);
        let (facts, evidence) = (Arc::clone(facts), Arc::clone(evidence));
        let make = move || {
            let one =
                |grant: &Arc<Grant>| item_of(&campaign, grant, &snapshot, &facts, &evidence, at);
            part.iter().map(one).collect()
        };
        tokio::task::spawn_blocking(make).await.map_err(|_| Unavailable::Policy)
    }

    /// Flips the campaign to open, with counts, digest and ledger entry.
    async fn open(
        &self,
        id: CampaignId,
        run: &str,
        population: &Population,
        evidence: &Evidence,
    ) -> Result<(), ReviewError> {
        let (items, digest) = self.snapshot_digest(id).await?;
        let mut deed = self.deed().await?;
        match deed.change.hold_filling(id, run).await? {
            Written::Done => {}
            Written::Conflict => return Err(ReviewError::Changed),
        }
        let row = deed.change.campaign(id).await?.ok_or(ReviewError::NoCampaign)?;
        let CampaignRow { mut campaign, revision } = row;
        self.dated(&mut campaign, deed.now);
        let opening = Opening {
            at: deed.now,
            epoch: population.snapshot.epoch(),
            catalog: population.snapshot.catalog().digest,
            scope: scope_digest(&campaign),
            items,
            excluded: population.excluded.clone(),
            digest,
            counted_until: evidence.counted_until.clone(),
        };
        let event = Event::ReviewOpened(Box::new(ReviewOpened {
            campaign: id,
            title: campaign.title.clone(),
            origin: campaign.origin.clone(),
            owner: campaign.rules.owner.clone(),
            scope: opening.scope,
            epoch: opening.epoch,
            catalog: opening.catalog,
            items,
            excluded: opening.excluded.clone(),
            digest,
            due_at: campaign.due_at,
            grace_until: campaign.grace_until,
        }));
        campaign.opening = Some(opening);
        campaign.state = CampaignState::Open;
        deed.write_campaign(&CampaignRow { campaign: campaign.clone(), revision }).await?;
        deed.say(&id.to_string(), event).await?;
        self.tell_opened(&mut deed, &campaign).await?;
        deed.finish().await?;
        Ok(())
    }

    /// How many items there are, and the digest over theirs.
    async fn snapshot_digest(&self, id: CampaignId) -> Result<(u64, Digest), Unavailable> {
        let mut view = self.store().view().await?;
        let (mut after, mut bytes, mut items) = (None, Vec::new(), 0_u64);
        loop {
            let page = view.item_digests(id, after, ITEMS_PAGE_MAX).await?;
            let Some((last, _)) = page.last() else { break };
            after = Some(*last);
            items = items.saturating_add(u64::try_from(page.len()).unwrap_or(u64::MAX));
            page.iter().for_each(|(_, Digest(digest))| bytes.extend_from_slice(digest));
        }
        Ok((items, Digest::of(&bytes)))
    }
}

/// Digest of what a campaign reviews and how.
fn scope_digest(campaign: &Campaign) -> Digest {
    Digest::of_json(&serde_json::json!({"scope": campaign.scope, "rules": campaign.rules}))
}

fn item_of(
    campaign: &Campaign,
    grant: &Arc<Grant>,
    snapshot: &Snapshot,
    facts: &ReviewFacts,
    evidence: &Evidence,
    at: Timestamp,
) -> Item {
    let reviewed = Reviewed::of(grant, snapshot.catalog());
    let stage = campaign.rules.stages.first();
    let reviewers =
        stage.map(|it| reviewers_for(it, &campaign.rules, &reviewed, facts)).unwrap_or_default();
    let told = evidence.of(grant, snapshot, campaign.rules.look_back, at);
    let functions = reviewed.functions.iter().map(|it| it.name.clone()).collect();
    let sensitivity = reviewed.sensitivity;
    let snapshot = ItemSnapshot {
        grant: (**grant).clone(),
        functions,
        sensitivity,
        usage: told.usage,
        peers: told.peers,
        changes: told.changes,
        recommendation: told.recommendation,
    };
    Item {
        campaign: campaign.id,
        grant: grant.id,
        digest: snapshot.digest(),
        snapshot,
        stage: 0,
        reviewers,
        answers: Vec::new(),
        state: ItemState::Open,
    }
}
