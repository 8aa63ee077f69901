//! Opening a campaign (R1): it is written down first, then its snapshot is made in parts, then it is
//! open. Whoever crashes in between is followed by somebody who begins anew.

use super::{ReviewError, acts::NewCampaign};
use crate::{
    Actor, Governance,
    roles::{self, may_administer},
};
use countersign_model::{
    CallerKind, CampaignId, Timestamp,
    review::{Campaign, CampaignOrigin, CampaignRules, CampaignState, Scope, schedule::STAGES_MAX},
};

/// Rules of reviewers that one stage has at most, and subjects of the fallback.
const RULES_MAX: usize = 32;
/// Characters of a title.
const TITLE_CHARS_MAX: usize = 200;

impl Governance {
    /// Opens a campaign by hand: an administrator's act. It is open when this returns; a campaign of
    /// very many grants takes some tens of seconds.
    ///
    /// # Errors
    /// [`ReviewError`]. With [`ReviewError::Unavailable`] it may open later by itself.
    pub async fn open_campaign(
        &self,
        actor: &Actor,
        new: NewCampaign,
    ) -> Result<Campaign, ReviewError> {
        self.refresh().await?;
        let actor = self.judged(actor);
        may_administer(&actor)?;
        if actor.person.kind != CallerKind::Person {
            return Err(crate::Forbidden::NotAPerson.into());
        }
        check(&new)?;
        let by = actor.subject().clone();
        let origin = CampaignOrigin::ByHand { by };
        let campaign = self.new_campaign(new.title, origin, new.scope, new.rules);
        let mut change = self.store().change().await?;
        let claimed = self.add_to_fill(&mut change, &campaign).await?;
        change.commit().await?;
        self.fill_claimed(&campaign, claimed).await?;
        let row = self.store().view().await?.campaign(campaign.id).await?;
        Ok(row.ok_or(ReviewError::NoCampaign)?.campaign)
    }

    /// A campaign that is about to open: its due date counts from now.
    pub(super) fn new_campaign(
        &self,
        title: String,
        origin: CampaignOrigin,
        scope: Scope,
        rules: CampaignRules,
    ) -> Campaign {
        let now = self.clock().now();
        let due_at = now.plus(rules.duration);
        Campaign {
            id: CampaignId::new(now, self.entropy()),
            title,
            origin,
            scope,
            due_at,
            grace_until: due_at.plus(rules.grace),
            rules,
            opening: None,
            state: CampaignState::Opening,
            confirmed: Vec::new(),
            reminded: 0,
            sign_offs: Vec::new(),
            addenda: Vec::new(),
        }
    }

    /// The due date of a campaign counts from the moment when people can answer.
    pub(super) fn dated(&self, campaign: &mut Campaign, now: Timestamp) {
        campaign.due_at = now.plus(campaign.rules.duration);
        campaign.grace_until = campaign.due_at.plus(campaign.rules.grace);
    }
}

fn check(new: &NewCampaign) -> Result<(), ReviewError> {
    let rules = &new.rules;
    let bad = |place: &str, message: &str| Err(ReviewError::invalid(place, message));
    let title =
        roles::reason(&new.title).map_err(|bad| ReviewError::invalid("title", bad.to_string()))?;
    if title.chars().count() > TITLE_CHARS_MAX {
        return bad("title", "at most 200 characters");
    }
    if rules.stages.is_empty() || rules.stages.len() > STAGES_MAX {
        return bad("rules.stages", "1 to 3 stages");
    }
    for stage in &rules.stages {
        if stage.reviewers.is_empty() || stage.reviewers.len() > RULES_MAX {
            return bad("rules.stages.reviewers", "1 to 32 rules that name reviewers");
        }
        if let countersign_model::review::schedule::StageMode::Quorum(people) = stage.mode
            && !(2..=100).contains(&people)
        {
            return bad("rules.stages.mode", "a quorum is of 2 to 100 people");
        }
    }
    if rules.fallback.len() > RULES_MAX {
        return bad("rules.fallback", "at most 32 people");
    }
    if rules.owner.as_str().trim().is_empty() {
        return bad("rules.owner", "name the person who answers for the campaign");
    }
    let days = |span: countersign_model::Span| span.millis() / 86_400_000;
    if rules.duration.millis() <= 0 || days(rules.duration) > 366 {
        return bad("rules.duration", "above zero, at most a year");
    }
    if rules.grace.millis() < 0 || days(rules.grace) > 366 {
        return bad("rules.grace", "at most a year");
    }
    if rules.look_back.millis() <= 0 {
        return bad("rules.look_back", "above zero");
    }
    if rules.breaker_percent > 100 {
        return bad("rules.breaker_percent", "0 to 100");
    }
    Ok(())
}
