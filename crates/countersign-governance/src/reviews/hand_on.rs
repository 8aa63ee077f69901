//! Handing items to somebody else (R13): the reviewer's own, or anybody's by the campaign's owner or an
//! administrator. Whoever takes over must be able to review the grant (R4).

use super::{
    ACT_ITEMS_MAX, ReviewError,
    acts::{Answered, HandOn},
    answer::{Asked, handed, may_decide},
    deed::Deed,
    read::running,
};
use crate::{Actor, Forbidden, Governance, roles};
use countersign_model::{
    CallerKind, CampaignId, Person, Subject, Timestamp,
    approval::Standing,
    review::{
        Answer, Item, ItemState, ReviewFacts, ReviewVerdict, Reviewed, item::Reviewer, may_review,
    },
};
use countersign_store::ItemRow;
use std::{collections::BTreeSet, sync::Arc};

/// Who hands an item to whom.
pub(super) struct Taker<'a> {
    pub(super) from: &'a Subject,
    pub(super) to: &'a Subject,
    pub(super) why: &'a str,
}

impl Governance {
    /// Hands items of one campaign to somebody else. What can't be handed on is said beside it.
    ///
    /// # Errors
    /// [`ReviewError`], where none is.
    pub async fn hand_on(
        &self,
        actor: &Actor,
        campaign: CampaignId,
        new: HandOn,
    ) -> Result<Vec<Answered>, ReviewError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        may_decide(&actor)?;
        let why = roles::reason(&new.why);
        let why = why.map_err(|bad| ReviewError::invalid("why", bad.to_string()))?;
        let distinct: BTreeSet<_> = new.grants.iter().collect();
        if new.grants.is_empty()
            || new.grants.len() > ACT_ITEMS_MAX
            || distinct.len() != new.grants.len()
        {
            let message = format!("1 to {ACT_ITEMS_MAX} items, each once");
            return Err(ReviewError::invalid("grants", message));
        }
        let from = new.from.unwrap_or_else(|| actor.subject().clone());
        let facts = self.review_facts().await?;
        let catalog = Arc::clone(facts.snapshot.catalog());
        let mut deed = self.deed().await?;
        deed.refuse_other_catalog(&catalog).await?;
        let row = running(&mut deed.change, campaign).await?;
        let manages = actor.is_administrator() || row.campaign.rules.owner == *actor.subject();
        if from != *actor.subject() && !manages {
            return Err(Forbidden::NotYours.into());
        }
        let together = u32::try_from(new.grants.len()).unwrap_or(u32::MAX);
        let asked = Asked {
            actor: &actor,
            campaign: &row.campaign,
            catalog: &catalog,
            facts: &facts,
            together,
        };
        let taker = Taker { from: &from, to: &new.to, why: &why };
        let mut all = Vec::with_capacity(new.grants.len());
        for grant in new.grants {
            let result = match self.prepare_hand_on(&mut deed, &asked, grant, &taker).await {
                Ok(row) => {
                    self.write_handed(&mut deed, &asked, &row, &taker).await?;
                    Ok(row.item)
                }
                Err(ReviewError::Unavailable(unavailable)) => return Err(unavailable.into()),
                Err(refused) => Err(refused),
            };
            all.push(Answered { grant, result });
        }
        deed.finish().await?;
        Ok(all)
    }

    async fn prepare_hand_on(
        &self,
        deed: &mut Deed<'_>,
        asked: &Asked<'_>,
        grant: countersign_model::GrantId,
        taker: &Taker<'_>,
    ) -> Result<ItemRow, ReviewError> {
        let id = asked.campaign.id;
        let mut row = deed.change.item(id, grant).await?.ok_or(ReviewError::NoItem)?;
        let stored = deed.change.grant(grant).await?.ok_or(ReviewError::NoItem)?;
        let reviewed = Reviewed::of(&stored.grant, asked.catalog);
        let sensitivity = reviewed.sensitivity.max(row.item.snapshot.sensitivity);
        let reviewed = Reviewed { sensitivity, ..reviewed };
        self.hand_over(asked, &mut row.item, &reviewed, taker, deed.now).await?;
        Ok(row)
    }

    /// Puts somebody else in the place of a reviewer, if they may review the grant. Nothing is written.
    pub(super) async fn hand_over(
        &self,
        asked: &Asked<'_>,
        item: &mut Item,
        reviewed: &Reviewed<'_>,
        taker: &Taker<'_>,
        now: Timestamp,
    ) -> Result<(), ReviewError> {
        match item.state {
            ItemState::Open | ItemState::Suspended { .. } => {}
            ItemState::Decided(_) | ItemState::Moot { .. } => {
                return Err(ReviewError::ItemState { state: item.state.name() });
            }
        }
        if !item.waits_for(taker.from) {
            return Err(ReviewError::NotAsked);
        }
        if !self.is_known(taker.to, asked).await? {
            let message = "nobody of that name has signed in or stands in a directory";
            return Err(ReviewError::invalid("to", message));
        }
        let reviewers = replaced(item, taker, now);
        eligible(asked, reviewed, item, &reviewers, taker.to)?;
        item.reviewers = reviewers;
        item.answers.push(Answer {
            by: asked.actor.subject().clone(),
            at: now,
            stage: item.stage,
            version: reviewed.grant.version,
            verdict: ReviewVerdict::HandOn { to: taker.to.clone() },
            reason: taker.why.to_owned(),
            against: false,
            together: asked.together,
            seen_ms: None,
            void: None,
        });
        Ok(())
    }

    pub(super) async fn write_handed(
        &self,
        deed: &mut Deed<'_>,
        asked: &Asked<'_>,
        row: &ItemRow,
        taker: &Taker<'_>,
    ) -> Result<(), ReviewError> {
        deed.write_item(row).await?;
        deed.changed(handed(&row.item, asked.actor.subject(), taker.why)).await?;
        self.tell_handed_on(deed, asked.campaign, taker).await?;
        Ok(())
    }

    /// Whether anybody has told of this person: a typing error would leave an item with nobody.
    async fn is_known(&self, subject: &Subject, asked: &Asked<'_>) -> Result<bool, ReviewError> {
        let functions = &asked.catalog.functions;
        let owns = functions.iter().any(|it| it.owners.contains(subject));
        let answers = asked.catalog.agents.values().any(|it| it.sponsor == *subject);
        let rules = &asked.campaign.rules;
        if owns || answers || rules.owner == *subject || rules.fallback.contains(subject) {
            return Ok(true);
        }
        let facts = self.store().person_facts(std::slice::from_ref(subject)).await?;
        Ok(!facts.is_empty())
    }
}

fn replaced(item: &Item, taker: &Taker<'_>, since: Timestamp) -> Vec<Reviewer> {
    let others = item.reviewers.iter().filter(|it| it.subject != *taker.from);
    let others = others.filter(|it| it.subject != *taker.to).cloned();
    let why = format!("handed on by {}", taker.from);
    let new = Reviewer { subject: taker.to.clone(), why, since };
    others.chain([new]).collect()
}

fn eligible(
    asked: &Asked<'_>,
    reviewed: &Reviewed<'_>,
    item: &Item,
    reviewers: &[Reviewer],
    to: &Subject,
) -> Result<(), ReviewError> {
    let stage = asked.campaign.rules.stages.get(item.stage).ok_or(ReviewError::NotAsked)?;
    let person = person(asked.facts, to);
    may_review(&person, reviewed, reviewers, stage.mode, asked.facts)
        .map_err(|refused| ReviewError::NotEligible { grant: item.grant, why: refused.to_string() })
}

/// Somebody who is not here, as far as is known.
fn person(facts: &ReviewFacts, subject: &Subject) -> Person {
    let barred = facts.snapshot.bars(subject);
    Person {
        subject: subject.clone(),
        kind: facts.kind(subject),
        groups: BTreeSet::new(),
        told: facts.snapshot.told_to(subject, CallerKind::Person),
        standing: if barred { Standing::Suspended } else { Standing::Good },
    }
}
