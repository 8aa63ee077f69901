//! Whom reviews tell what. Each is committed with its fact, and told once for its occasion.

use super::{deed::Deed, hand_on::Taker};
use crate::{Governance, notices::NewNotice};
use countersign_model::{
    NoticeAbout, NoticeKind, Subject, Urgency,
    review::{Campaign, Item},
};
use countersign_store::{StoreError, Transaction};
use std::collections::BTreeSet;

impl Governance {
    pub(super) async fn tell_opened(
        &self,
        deed: &mut Deed<'_>,
        campaign: &Campaign,
    ) -> Result<(), StoreError> {
        for (to, items) in deed.change.waiting_reviewers(campaign.id).await? {
            let title = format!("{} grant(s) wait for your review: {}", items, campaign.title);
            let text = format!(
                "Please certify, reduce or revoke each until {}. What nobody answers is suspended, \
                 ended or recorded as not reviewed.",
                campaign.due_at.date()
            );
            let notice = notice(campaign, to, NoticeKind::ReviewWaits, title, text);
            self.tell(&mut deed.change, notice).await?;
        }
        Ok(())
    }

    /// The reminder of this number.
    pub(super) async fn tell_due(
        &self,
        change: &mut Transaction,
        campaign: &Campaign,
        number: u32,
    ) -> Result<(), StoreError> {
        for (to, items) in change.waiting_reviewers(campaign.id).await? {
            let title = format!(
                "{items} grant(s) wait until {}: {}",
                campaign.due_at.date(),
                campaign.title
            );
            let text =
                "What nobody answers is suspended, ended or recorded as not reviewed.".to_owned();
            let mut notice = notice(campaign, to, NoticeKind::ReviewDue, title, text);
            notice.occasion =
                format!("review:{}:due:{number}:{}", campaign.id, campaign.due_at.millis());
            self.tell(change, notice).await?;
        }
        Ok(())
    }

    pub(super) async fn tell_overdue(
        &self,
        deed: &mut Deed<'_>,
        campaign: &Campaign,
    ) -> Result<(), StoreError> {
        for (to, items) in deed.change.waiting_reviewers(campaign.id).await? {
            let title =
                format!("{items} grant(s) are suspended, overdue for review: {}", campaign.title);
            let text = format!(
                "They are revoked on {}, if nobody certifies them.",
                campaign.grace_until.date()
            );
            let notice = notice(campaign, to, NoticeKind::ReviewOverdue, title, text);
            self.tell(&mut deed.change, notice).await?;
        }
        Ok(())
    }

    pub(super) async fn tell_stopped(
        &self,
        deed: &mut Deed<'_>,
        campaign: &Campaign,
        would_end: u64,
        of: u64,
    ) -> Result<(), StoreError> {
        for to in self.answerable(campaign) {
            let title =
                format!("Stopped: {would_end} of {of} grants would end: {}", campaign.title);
            let text =
                "Nobody answered about them. An administrator gives the review more time, or \
                        confirms that they end."
                    .to_owned();
            let mut notice = notice(campaign, to, NoticeKind::ReviewStopped, title, text);
            notice.occasion = format!("review:{}:stopped:{}", campaign.id, deed.now.millis());
            self.tell(&mut deed.change, notice).await?;
        }
        Ok(())
    }

    pub(super) async fn tell_closed(
        &self,
        deed: &mut Deed<'_>,
        campaign: &Campaign,
    ) -> Result<(), StoreError> {
        let to = campaign.rules.owner.clone();
        let title = format!("Closed, and waits for your sign-off: {}", campaign.title);
        let text =
            "Everything is decided, by people or by rule. Look at the report and sign it off."
                .to_owned();
        let notice = notice(campaign, to, NoticeKind::SignOffWaits, title, text);
        self.tell(&mut deed.change, notice).await
    }

    /// Told once for an act, whatever the number of items.
    pub(super) async fn tell_handed_on(
        &self,
        deed: &mut Deed<'_>,
        campaign: &Campaign,
        taker: &Taker<'_>,
    ) -> Result<(), StoreError> {
        let title = format!("{} hands you a review: {}", taker.from, campaign.title);
        let text = format!("Please answer until {}. {}", campaign.due_at.date(), taker.why);
        let kind = NoticeKind::ReviewHandedOn;
        let mut notice = notice(campaign, taker.to.clone(), kind, title, text);
        notice.occasion = format!("review:{}:handed_on:{}", campaign.id, deed.now.millis());
        self.tell(&mut deed.change, notice).await
    }

    /// Tells those who took over, once for all items of a campaign.
    pub(super) async fn tell_reassigned(
        &self,
        deed: &mut Deed<'_>,
        items: &[Item],
    ) -> Result<(), StoreError> {
        let now = deed.now;
        let new = items.iter().flat_map(|item| {
            let since = item.reviewers.iter().filter(move |it| it.since >= now);
            since.map(move |it| (item.campaign, it.subject.clone()))
        });
        let new: BTreeSet<_> = new.collect();
        for (id, to) in new {
            let Some(row) = deed.change.campaign(id).await? else { continue };
            let title = format!("Reviews were handed to you: {}", row.campaign.title);
            let text = format!(
                "Whoever was asked can't answer. Please answer until {}.",
                row.campaign.due_at.date()
            );
            let mut notice = notice(&row.campaign, to, NoticeKind::ReviewHandedOn, title, text);
            notice.occasion = format!("review:{id}:reassigned:{}", now.millis());
            self.tell(&mut deed.change, notice).await?;
        }
        Ok(())
    }

    /// The campaign's owner, and the administrators whom directories tell of.
    fn answerable(&self, campaign: &Campaign) -> BTreeSet<Subject> {
        let snapshot = self.policy().load();
        let groups = &self.0.roles.administrators;
        let told = snapshot.told().subjects().filter(|it| {
            snapshot.told_of(it).iter().any(|it| it.gives_roles() && groups.contains(&it.group))
        });
        told.cloned().chain([campaign.rules.owner.clone()]).collect()
    }
}

fn notice(
    campaign: &Campaign,
    to: Subject,
    kind: NoticeKind,
    title: String,
    text: String,
) -> NewNotice {
    NewNotice {
        to,
        kind,
        about: vec![NoticeAbout::from(campaign.id)],
        title,
        text,
        link: format!("/console/reviews/{}", campaign.id),
        urgency: Urgency::Now,
        occasion: format!("review:{}:{}", campaign.id, kind.name()),
    }
}
