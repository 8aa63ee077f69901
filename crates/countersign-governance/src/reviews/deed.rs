//! One transaction of a review: items, grants and ledger entries together, and what follows its commit.

use super::ReviewError;
use crate::{
    Governance, Unavailable,
    grants::{GrantStep, GrantWritten},
};
use countersign_model::{
    CampaignId, Catalog, Digest, Epoch, Grant, GrantId, GrantState, Subject, Timestamp,
    record::{Entry, Event, GrantChange, ReviewChange, ReviewChanged, ReviewDecided},
    review::{Answer, Campaign, Item, ItemState},
};
use countersign_store::{CampaignRow, Effect, GrantRow, ItemRow, StoreError, Transaction, Written};

/// A transaction that holds the epoch: nobody else changes policy until it ends.
pub(super) struct Deed<'a> {
    governance: &'a Governance,
    pub(super) change: Transaction,
    pub(super) now: Timestamp,
    written: Vec<GrantWritten>,
    takes: Does,
    gives: Does,
}

/// Whether a deed does something of a kind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Nothing,
    Something,
}

impl Governance {
    pub(super) async fn deed(&self) -> Result<Deed<'_>, StoreError> {
        let mut change = self.store().change().await?;
        change.lock_epoch().await?;
        let now = self.clock().now();
        let (takes, gives) = (Does::Nothing, Does::Nothing);
        Ok(Deed { governance: self, change, now, written: Vec::new(), takes, gives })
    }
}

impl Deed<'_> {
    /// The catalog that people were judged by must still be the one in force.
    pub(super) async fn refuse_other_catalog(
        &mut self,
        catalog: &Catalog,
    ) -> Result<(), ReviewError> {
        let digest = self.change.catalog_digest().await?.unwrap_or_default();
        if digest == catalog.digest { Ok(()) } else { Err(ReviewError::Changed) }
    }

    /// Writes a grant's next state, and gives it back with its revision for the step after it.
    pub(super) async fn step(
        &mut self,
        row: &GrantRow,
        grant: Grant,
        kind: GrantChange,
        by: &Subject,
    ) -> Result<GrantRow, ReviewError> {
        let effect = effect(kind);
        let next = GrantRow { grant: grant.clone(), revision: row.revision };
        let step = GrantStep { next, kind, by, effect };
        let written = self.governance.change_grant(&mut self.change, step).await?;
        self.written.push(written);
        match effect {
            Effect::AtCommit => self.takes = Does::Something,
            Effect::AtDelivery => self.gives = Does::Something,
        }
        Ok(GrantRow { grant, revision: row.revision.saturating_add(1) })
    }

    /// The first policy that has what was written so far.
    pub(super) async fn epoch(&mut self) -> Result<Epoch, StoreError> {
        let Epoch(now) = self.change.lock_epoch().await?;
        // What gives rights has a policy of its own when its entry is in the ledger.
        Ok(match self.gives {
            Does::Nothing => Epoch(now),
            Does::Something => Epoch(now.saturating_add(1)),
        })
    }

    pub(super) async fn write_item(&mut self, row: &ItemRow) -> Result<(), ReviewError> {
        match self.change.write_item(row).await? {
            Written::Done => Ok(()),
            Written::Conflict => Err(ReviewError::Changed),
        }
    }

    pub(super) async fn write_campaign(&mut self, row: &CampaignRow) -> Result<(), ReviewError> {
        match self.change.write_campaign(row).await? {
            Written::Done => Ok(()),
            Written::Conflict => Err(ReviewError::Changed),
        }
    }

    /// Keeps an entry that changes no rights by itself.
    pub(super) async fn say(&mut self, about: &str, event: Event) -> Result<(), StoreError> {
        let entry = Entry::new(self.governance.new_entry(self.now), self.now, event);
        self.governance.keep(&mut self.change, entry, about, Effect::AtCommit).await
    }

    /// Says that somebody answered, or a rule did.
    pub(super) async fn decided(
        &mut self,
        item: &Item,
        version: u32,
        answer: Option<&Answer>,
    ) -> Result<(), StoreError> {
        let event = Event::ReviewDecided(Box::new(ReviewDecided {
            campaign: item.campaign,
            grant: item.grant,
            version,
            by: answer.map(|it| it.by.clone()),
            verdict: answer.map(|it| it.verdict.name().to_owned()),
            stage: answer.map_or(item.stage, |it| it.stage),
            answer: answer.map(Answer::digest),
            snapshot: item.digest,
            result: item.state.result(),
        }));
        self.say(&item.campaign.to_string(), event).await
    }

    /// Says that something else changed.
    pub(super) async fn changed(&mut self, said: Said<'_>) -> Result<(), StoreError> {
        let Said { campaign, grant, change, by, item, until, would_end, text } = said;
        let reviewers = item.map(|it| it.reviewers.iter().map(|it| it.subject.clone()).collect());
        let event = Event::ReviewChanged(Box::new(ReviewChanged {
            campaign,
            grant,
            change,
            by: by.cloned(),
            reviewers: reviewers.unwrap_or_default(),
            until,
            would_end,
            text: text.map(|it| Digest::of(it.as_bytes())),
        }));
        self.say(&campaign.to_string(), event).await
    }

    /// Makes it durable, brings it into force, and tells who waits for calls that it ended.
    pub(super) async fn finish(self) -> Result<(), Unavailable> {
        let Self { governance, change, written, takes, gives, .. } = self;
        change.commit().await?;
        // What was committed stands, whatever the ledger does; the next delivery tries again.
        let mut settled = Ok(());
        if takes == Does::Something || gives == Does::Nothing {
            settled = governance.settle(Effect::AtCommit).await;
        }
        if gives == Does::Something {
            settled = settled.and(governance.settle(Effect::AtDelivery).await);
        }
        for step in written {
            governance.after_change(step).await?;
        }
        settled
    }
}

/// What is said about a change of a campaign.
pub(super) struct Said<'a> {
    pub(super) campaign: CampaignId,
    pub(super) grant: Option<GrantId>,
    pub(super) change: ReviewChange,
    pub(super) by: Option<&'a Subject>,
    pub(super) item: Option<&'a Item>,
    pub(super) until: Option<Timestamp>,
    pub(super) would_end: Option<u64>,
    pub(super) text: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// About a whole campaign.
    pub(super) fn of(campaign: &Campaign, change: ReviewChange) -> Self {
        Self {
            campaign: campaign.id,
            grant: None,
            change,
            by: None,
            item: None,
            until: None,
            would_end: None,
            text: None,
        }
    }

    /// About one item.
    pub(super) fn of_item(item: &'a Item, change: ReviewChange) -> Self {
        Self {
            campaign: item.campaign,
            grant: Some(item.grant),
            change,
            by: None,
            item: None,
            until: None,
            would_end: None,
            text: None,
        }
    }
}

/// What takes rights acts at once, what gives them waits for the ledger.
fn effect(kind: GrantChange) -> Effect {
    match kind {
        GrantChange::Revoked
        | GrantChange::Transferred
        | GrantChange::Suspended
        | GrantChange::Narrowed
        | GrantChange::Uncertified => Effect::AtCommit,
        GrantChange::Made
        | GrantChange::Certified
        | GrantChange::Widened
        | GrantChange::Renewed
        | GrantChange::Resumed
        | GrantChange::Restored => Effect::AtDelivery,
    }
}

/// Whether a grant is suspended because nobody answered in a review.
pub(super) fn is_suspended_here(grant: &Grant) -> bool {
    match &grant.state {
        GrantState::Suspended { by, .. } => *by == super::clockwork(),
        GrantState::Active | GrantState::Revoked { .. } => false,
    }
}

/// Says of an item that its grant ended otherwise.
pub(super) fn moot(item: &mut Item, now: Timestamp, how: &str) {
    item.state = ItemState::Moot { at: now, how: how.to_owned() };
}
