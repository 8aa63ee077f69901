//! What an administrator says about a campaign that time would end: more time, or that it may (R9).

use super::{ReviewError, acts::Extension, answer::may_decide, deed::Said, read::running};
use crate::{
    Actor, Forbidden, Governance,
    roles::{self, may_administer},
};
use countersign_model::{
    CampaignId, Span,
    record::ReviewChange,
    review::{AutomaticEnd, Campaign, CampaignState, campaign::Confirmation},
};

/// How far ahead a campaign's end may be moved.
const EXTENDED_MAX: Span = Span::from_days(90);

impl Governance {
    /// Gives a campaign more time: an administrator, or its owner while nothing stopped it. Open items
    /// of a stopped campaign go on to be answered.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn extend(
        &self,
        actor: &Actor,
        id: CampaignId,
        new: &Extension,
    ) -> Result<Campaign, ReviewError> {
        let actor = self.judged(actor);
        may_decide(&actor)?;
        let why = roles::reason(&new.why);
        let why = why.map_err(|bad| ReviewError::invalid("why", bad.to_string()))?;
        let mut deed = self.deed().await?;
        let mut row = running(&mut deed.change, id).await?;
        let campaign = &mut row.campaign;
        let (end, is_stopped) = standing(&campaign.state)?;
        let owns = campaign.rules.owner == *actor.subject() && !is_stopped;
        if !actor.is_administrator() && !owns {
            return Err(Forbidden::NotAdministrator.into());
        }
        if end != new.end {
            return Err(ReviewError::CampaignState { state: campaign.state.name() });
        }
        let before = match end {
            AutomaticEnd::Due => campaign.due_at,
            AutomaticEnd::Grace => campaign.grace_until,
        };
        if new.until <= deed.now.max(before) || new.until > deed.now.plus(EXTENDED_MAX) {
            let message = format!("later than now and than it is, at most {EXTENDED_MAX} ahead");
            return Err(ReviewError::invalid("until", message));
        }
        match end {
            AutomaticEnd::Due => {
                campaign.due_at = new.until;
                campaign.grace_until =
                    campaign.grace_until.max(new.until.plus(campaign.rules.grace));
            }
            AutomaticEnd::Grace => campaign.grace_until = new.until,
        }
        campaign.state = goes_on(end, &campaign.state, deed.now);
        deed.write_campaign(&row).await?;
        let said = Said {
            by: Some(actor.subject()),
            until: Some(new.until),
            text: Some(&why),
            ..Said::of(&row.campaign, ReviewChange::Extended)
        };
        deed.changed(said).await?;
        deed.finish().await?;
        Ok(row.campaign)
    }

    /// Lets the end act that the breaker stopped: an administrator's act. No more grants than were said
    /// end without another question.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn confirm_close(
        &self,
        actor: &Actor,
        id: CampaignId,
    ) -> Result<Campaign, ReviewError> {
        let actor = self.judged(actor);
        may_decide(&actor)?;
        may_administer(&actor)?;
        let mut deed = self.deed().await?;
        let mut row = running(&mut deed.change, id).await?;
        let CampaignState::Stopped { before: end, would_end, .. } = row.campaign.state else {
            return Err(ReviewError::CampaignState { state: row.campaign.state.name() });
        };
        let by = actor.subject().clone();
        let at = deed.now;
        row.campaign.confirmed.push(Confirmation { by: by.clone(), at, end, would_end });
        row.campaign.state = goes_on(end, &row.campaign.state, at);
        deed.write_campaign(&row).await?;
        let said = Said {
            by: Some(&by),
            would_end: Some(would_end),
            ..Said::of(&row.campaign, ReviewChange::Confirmed)
        };
        deed.changed(said).await?;
        deed.finish().await?;
        self.end_campaign(id).await?;
        let row = self.store().view().await?.campaign(id).await?;
        Ok(row.ok_or(ReviewError::NoCampaign)?.campaign)
    }
}

/// Which end is next, and whether the campaign is stopped before it.
fn standing(state: &CampaignState) -> Result<(AutomaticEnd, bool), ReviewError> {
    match state {
        CampaignState::Open => Ok((AutomaticEnd::Due, false)),
        CampaignState::Grace { .. } => Ok((AutomaticEnd::Grace, false)),
        CampaignState::Stopped { before, .. } => Ok((*before, true)),
        CampaignState::Opening | CampaignState::Closed { .. } | CampaignState::SignedOff { .. } => {
            Err(ReviewError::CampaignState { state: state.name() })
        }
    }
}

/// Where a campaign goes on from.
fn goes_on(
    end: AutomaticEnd,
    state: &CampaignState,
    now: countersign_model::Timestamp,
) -> CampaignState {
    match (end, state) {
        (AutomaticEnd::Due, _) => CampaignState::Open,
        (AutomaticEnd::Grace, CampaignState::Grace { at }) => CampaignState::Grace { at: *at },
        (AutomaticEnd::Grace, _) => CampaignState::Grace { at: now },
    }
}
