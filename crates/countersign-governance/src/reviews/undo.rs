//! Taking a decision back: a certification until its author signs off, what took rights away for 15
//! minutes (R10). The answers stay, and say that they count no more.

use super::{
    ReviewError,
    answer::may_decide,
    deed::{Deed, Said},
    read::running,
};
use crate::{Actor, Governance};
use countersign_model::{
    CampaignId, Grant, GrantId, GrantState, Sensitivity, Subject,
    grant::Certification,
    record::{GrantChange, ReviewChange},
    review::{
        Campaign, CampaignState, Item, ItemResult, ItemState, Judged, Outcome, Reviewed,
        item::UNDO_WITHIN, judge,
    },
};
use countersign_store::GrantRow;

/// Who suspends what nobody answered.
const NO_ANSWER: &str = "nobody answered in the review by its due date";

impl Governance {
    /// Takes back what the actor decided about an item. A certification that is taken back stops
    /// counting at once, and the one before it counts again; a revocation and a narrowing are undone
    /// when the ledger has it.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn undo(
        &self,
        actor: &Actor,
        campaign: CampaignId,
        grant: GrantId,
    ) -> Result<Item, ReviewError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        may_decide(&actor)?;
        let catalog = std::sync::Arc::clone(self.policy().load().catalog());
        let mut deed = self.deed().await?;
        let running = running(&mut deed.change, campaign).await?;
        let mut row = deed.change.item(campaign, grant).await?.ok_or(ReviewError::NoItem)?;
        let by = actor.subject();
        take_back(&running.campaign, &mut row.item, by)?;
        let ItemState::Decided(outcome) = row.item.state.clone() else {
            return Err(ReviewError::ItemState { state: row.item.state.name() });
        };
        // What others said may decide it the same way still.
        match judge(&row.item, &running.campaign.rules, None) {
            Judged::Waits | Judged::StageMet => {}
            Judged::Revoked { .. } | Judged::Certified { .. } | Judged::Reduced { .. } => {
                return Err(ReviewError::ItemState { state: "decided by others too" });
            }
        }
        let stored = deed.change.grant(grant).await?.ok_or(ReviewError::NoItem)?;
        row.item.state = ItemState::Open;
        let after = undone(&mut deed, &stored, &outcome, by).await?;
        let sensitivity = Reviewed::of(&after.grant, &catalog).sensitivity;
        let sensitivity = sensitivity.max(row.item.snapshot.sensitivity);
        stay_suspended(&mut deed, &running.campaign, &mut row.item, &after, sensitivity).await?;
        deed.write_item(&row).await?;
        let said = Said { by: Some(by), ..Said::of_item(&row.item, ReviewChange::Undone) };
        deed.changed(said).await?;
        deed.finish().await?;
        Ok(row.item)
    }
}

/// Marks the actor's answers of this stage as undone.
fn take_back(campaign: &Campaign, item: &mut Item, by: &Subject) -> Result<(), ReviewError> {
    let signed = campaign.signed_off_by(by);
    let stage = item.stage;
    let mut found = false;
    for answer in item.answers.iter_mut().filter(|it| it.stage == stage && it.by == *by) {
        if !answer.counts() {
            continue;
        }
        if let Some(at) = signed.filter(|at| *at >= answer.at) {
            return Err(ReviewError::SignedOff { at });
        }
        answer.void = Some("undone".to_owned());
        found = true;
    }
    if found { Ok(()) } else { Err(ReviewError::NotAsked) }
}

/// Puts the grant back to where it stood before, as far as it is still where the decision left it.
async fn undone(
    deed: &mut Deed<'_>,
    stored: &GrantRow,
    outcome: &Outcome,
    by: &Subject,
) -> Result<GrantRow, ReviewError> {
    let in_time = deed.now <= outcome.at.plus(UNDO_WITHIN);
    match outcome.result {
        ItemResult::Certified => {
            if !is_ours(&stored.grant, outcome) {
                return Ok(stored.clone());
            }
            let certified = outcome.before.clone();
            let next = Grant { certified, ..stored.grant.clone() };
            deed.step(stored, next, GrantChange::Uncertified, by).await
        }
        ItemResult::Revoked => {
            if !in_time {
                return Err(ReviewError::TooLate);
            }
            let by_us = match &stored.grant.state {
                GrantState::Revoked { at, .. } => *at == outcome.at,
                GrantState::Active | GrantState::Suspended { .. } => false,
            };
            if !by_us {
                return Err(ReviewError::Changed);
            }
            let next = stored.grant.clone().restore(deed.now).map_err(crate::GrantError::from)?;
            deed.step(stored, next, GrantChange::Restored, by).await
        }
        ItemResult::Reduced => {
            if !in_time {
                return Err(ReviewError::TooLate);
            }
            let Some(from) = outcome.narrowed_from.as_deref() else {
                return Err(ReviewError::TooLate);
            };
            if !is_ours(&stored.grant, outcome) {
                return Err(ReviewError::Changed);
            }
            let next = stored.grant.clone().with(from.terms());
            // The same terms as those that were certified before stay certified as they were.
            let before = outcome.before.clone().filter(|it| it.version == from.version);
            let certified = before.map(|it| Certification { version: next.version, ..it });
            let next = Grant { certified, ..next };
            deed.step(stored, next, GrantChange::Widened, by).await
        }
        ItemResult::NotReviewed | ItemResult::EndedByRule => {
            Err(ReviewError::ItemState { state: outcome.result.name() })
        }
    }
}

/// Whether a grant is still as a decision left it.
fn is_ours(grant: &Grant, outcome: &Outcome) -> bool {
    grant.version == outcome.version
        && grant.certified.as_ref().is_some_and(|it| it.at == outcome.at)
}

/// After the due date, what nobody keeps is suspended again, at high sensitivity (R8).
async fn stay_suspended(
    deed: &mut Deed<'_>,
    campaign: &Campaign,
    item: &mut Item,
    row: &GrantRow,
    sensitivity: Sensitivity,
) -> Result<(), ReviewError> {
    if super::deed::is_suspended_here(&row.grant) {
        item.state = ItemState::Suspended { at: deed.now };
        return Ok(());
    }
    let in_grace = match campaign.state {
        CampaignState::Grace { .. } => true,
        CampaignState::Stopped { before, .. } => {
            before == countersign_model::review::AutomaticEnd::Grace
        }
        CampaignState::Opening
        | CampaignState::Open
        | CampaignState::Closed { .. }
        | CampaignState::SignedOff { .. } => false,
    };
    if in_grace && sensitivity == Sensitivity::High && row.grant.state == GrantState::Active {
        let by = super::clockwork();
        let next = row.grant.clone().suspend(&by, deed.now, NO_ANSWER);
        let next = next.map_err(crate::GrantError::from)?;
        deed.step(row, next, GrantChange::Suspended, &by).await?;
        item.state = ItemState::Suspended { at: deed.now };
    }
    Ok(())
}
