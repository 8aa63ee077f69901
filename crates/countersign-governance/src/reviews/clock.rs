//! The clockwork: what time does to campaigns. Every gateway runs it, and each act is claimed in the
//! store by who does it first, so that restarts, missed looks and clocks that step do nothing twice.

use super::ReviewError;
use crate::{Governance, Unavailable, policy::chain};
use countersign_model::{
    CampaignId,
    review::{AutomaticEnd, Campaign, CampaignOrigin, CampaignState, Occurrence, Schedule},
};
use countersign_store::{CampaignRow, ScheduleRun, Written};
use std::time::Duration;

/// How often the clockwork looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long it waits after a look that failed.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Campaigns of one page.
const PAGE: u32 = 100;
/// Dates that one look passes over at most; the rest follows.
const PASSED_OVER_MAX: usize = 1_000;

impl Governance {
    /// Runs what time and changes elsewhere do to reviews, for ever. Run it once, beside
    /// [`Self::keep_current`].
    pub async fn keep_reviews(self) {
        loop {
            let pause = match self.run_reviews().await {
                Ok(()) => LOOK_EVERY,
                Err(error) => {
                    tracing::warn!(cause = %chain(&error), "reviews wait; they will be looked at again");
                    AGAIN_AFTER
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// One look: opens what is due, follows changes of grants and people, ends what nobody answered, and
    /// notes what every gateway serves. Looking twice does nothing twice.
    ///
    /// # Errors
    /// [`Unavailable`]: the first; what could be done without it was done.
    pub async fn run_reviews(&self) -> Result<(), Unavailable> {
        self.refresh().await?;
        self.say_epoch().await?;
        let mut first = Ok(());
        let mut note = |result: Result<(), Unavailable>| {
            if first.is_ok() {
                first = result;
            }
        };
        note(self.open_scheduled().await);
        {
            let mut seen = self.0.reviews.seen.lock().await;
            note(self.follow_grants(&mut seen).await);
            note(self.follow_people(&mut seen).await);
        }
        note(self.run_campaigns().await);
        note(self.verify_outcomes().await);
        first
    }

    /// Tells other gateways by which policy this one decides.
    pub(crate) async fn say_epoch(&self) -> Result<(), Unavailable> {
        let epoch = self.policy().epoch();
        if self.0.reviews.is_news(epoch) {
            let mut change = self.store().change().await?;
            change.serves_epoch(self.gateway(), epoch).await?;
            change.commit().await?;
        }
        Ok(())
    }

    async fn run_campaigns(&self) -> Result<(), Unavailable> {
        let mut after: Option<CampaignId> = None;
        let mut first = Ok(());
        loop {
            let page = self.store().view().await?.running_campaigns(after, PAGE).await?;
            let Some(last) = page.last() else { return first };
            after = Some(last.campaign.id);
            for row in page {
                let done = self.run_campaign(&row).await;
                if first.is_ok() {
                    first = done;
                }
            }
        }
    }

    async fn run_campaign(&self, row: &CampaignRow) -> Result<(), Unavailable> {
        match row.campaign.state {
            CampaignState::Opening => {
                if self.may_fill(&row.campaign).await? {
                    self.fill(&row.campaign).await?;
                }
                Ok(())
            }
            CampaignState::Open | CampaignState::Grace { .. } => {
                self.remind(row).await?;
                quiet(self.end_campaign(row.campaign.id).await)
            }
            CampaignState::Stopped { .. }
            | CampaignState::Closed { .. }
            | CampaignState::SignedOff { .. } => Ok(()),
        }
    }

    /// What an event opens shows the catalog that made it: not before that is in force.
    async fn may_fill(&self, campaign: &Campaign) -> Result<bool, Unavailable> {
        match campaign.origin {
            CampaignOrigin::Event { .. } => {
                let mut view = self.store().view().await?;
                let last = view.last_catalog_digest().await?.unwrap_or_default();
                Ok(last == self.policy().load().catalog().digest)
            }
            CampaignOrigin::Schedule { .. } | CampaignOrigin::ByHand { .. } => Ok(true),
        }
    }

    /// Opens what the catalog's schedules say is due: the newest date that has come, late if it must be.
    /// Older ones are passed over, and that is said. While a campaign of a schedule runs, and until its
    /// due date, no other one of it opens (R14).
    async fn open_scheduled(&self) -> Result<(), Unavailable> {
        let snapshot = self.policy().load();
        let mut first = Ok(());
        for schedule in snapshot.catalog().schedules.values() {
            let done = quiet(self.open_due(schedule).await);
            if first.is_ok() {
                first = done;
            }
        }
        first
    }

    /// Opens what one schedule says is due, as each look of [`Self::run_reviews`] does for those of the
    /// catalog.
    ///
    /// # Errors
    /// [`ReviewError`].
    pub async fn open_due(&self, schedule: &Schedule) -> Result<(), ReviewError> {
        let now = self.clock().now();
        let mut view = self.store().view().await?;
        let runs = view.runs(&schedule.name).await?;
        let Some(known_since) = runs.iter().find(|it| it.date.is_empty()).map(|it| it.at) else {
            // What was due before anybody had written the schedule down was never missed.
            drop(view);
            return self.note_run(&schedule.name, String::new(), None).await.map(drop);
        };
        let mut base = known_since;
        for run in runs.iter().filter(|it| !it.date.is_empty()) {
            let Some(id) = run.campaign else { continue };
            let Some(CampaignRow { campaign, .. }) = view.campaign(id).await? else { continue };
            let Some(closed_at) = campaign.state.closed_at() else { return Ok(()) };
            base = base.max(campaign.due_at).max(closed_at);
        }
        drop(view);
        let (mut due, mut passed_over): (Option<Occurrence>, Vec<Occurrence>) = (None, Vec::new());
        while passed_over.len() < PASSED_OVER_MAX {
            let Ok(next) = schedule.recurrence.next_after(base) else { break };
            if next.opens_at > now {
                break;
            }
            base = next.opens_at;
            passed_over.extend(due.replace(next));
        }
        let is_known = |date: &str| runs.iter().any(|it| it.date == date);
        for date in passed_over.into_iter().filter(|it| !is_known(&it.date)) {
            if self.note_run(&schedule.name, date.date.clone(), None).await? == Written::Done {
                tracing::warn!(
                    schedule = schedule.name,
                    date = date.date,
                    "a review was missed and is passed over"
                );
            }
        }
        match due.filter(|it| !is_known(&it.date)) {
            Some(date) => self.open_for(schedule, date).await,
            None => Ok(()),
        }
    }

    /// Claims a date of a schedule, writes its campaign down in the same transaction, and fills it.
    async fn open_for(&self, schedule: &Schedule, date: Occurrence) -> Result<(), ReviewError> {
        let origin =
            CampaignOrigin::Schedule { name: schedule.name.clone(), date: date.date.clone() };
        let title = format!("{}, {}", schedule.title, date.date);
        let campaign =
            self.new_campaign(title, origin, schedule.scope.clone(), schedule.rules.clone());
        let mut change = self.store().change().await?;
        let run =
            ScheduleRun { date: date.date, campaign: Some(campaign.id), at: self.clock().now() };
        match change.add_run(&schedule.name, &run).await? {
            Written::Done => {}
            Written::Conflict => return Ok(()),
        }
        let claimed = self.add_to_fill(&mut change, &campaign).await?;
        change.commit().await?;
        Ok(self.fill_claimed(&campaign, claimed).await?)
    }

    async fn note_run(
        &self,
        schedule: &str,
        date: String,
        campaign: Option<CampaignId>,
    ) -> Result<Written, ReviewError> {
        let mut change = self.store().change().await?;
        let run = ScheduleRun { date, campaign, at: self.clock().now() };
        let written = change.add_run(schedule, &run).await?;
        change.commit().await?;
        Ok(written)
    }

    /// Tells reviewers with open items when a reminder's time has come. Reminders that were missed are
    /// one.
    async fn remind(&self, row: &CampaignRow) -> Result<(), Unavailable> {
        let campaign = &row.campaign;
        let now = self.clock().now();
        if campaign.state != CampaignState::Open || now >= campaign.due_at {
            return Ok(());
        }
        let come = campaign.rules.reminders.iter().filter(|it| now >= campaign.due_at.minus(**it));
        let come = u32::try_from(come.count()).unwrap_or(u32::MAX);
        if come <= campaign.reminded {
            return Ok(());
        }
        let mut change = self.store().change().await?;
        let mut next = row.clone();
        next.campaign.reminded = come;
        match change.write_campaign(&next).await? {
            Written::Done => {}
            Written::Conflict => return Ok(()),
        }
        self.tell_due(&mut change, campaign, come).await?;
        change.commit().await?;
        Ok(())
    }

    /// Ends a campaign as far as its time has come: the due date's effects, grace's, its close.
    pub(super) async fn end_campaign(&self, id: CampaignId) -> Result<(), ReviewError> {
        loop {
            let row = self.store().view().await?.campaign(id).await?;
            let Some(row) = row else { return Ok(()) };
            let now = self.clock().now();
            let went_on = match row.campaign.state {
                CampaignState::Open if now >= row.campaign.due_at => {
                    self.end(&row, AutomaticEnd::Due).await?
                }
                CampaignState::Grace { .. } if now >= row.campaign.grace_until => {
                    self.end(&row, AutomaticEnd::Grace).await?
                }
                CampaignState::Open | CampaignState::Grace { .. } => self.close_early(&row).await?,
                CampaignState::Opening
                | CampaignState::Stopped { .. }
                | CampaignState::Closed { .. }
                | CampaignState::SignedOff { .. } => Went::Nowhere,
            };
            match went_on {
                Went::On => {}
                Went::Nowhere => return Ok(()),
            }
        }
    }
}

/// Whether something moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// It did; there may be more to do.
    On,
    /// It did not.
    Nowhere,
}

/// What somebody else did at the same moment is no failure of the clockwork.
pub(super) fn quiet(result: Result<(), ReviewError>) -> Result<(), Unavailable> {
    match result {
        Ok(()) | Err(ReviewError::Changed) => Ok(()),
        Err(ReviewError::Unavailable(unavailable)) => Err(unavailable),
        Err(error) => {
            tracing::warn!(cause = %chain(&error), "a review could not go on");
            Ok(())
        }
    }
}
