//! What happens elsewhere and matters to open items: grants that change or end (R2), reviewers who leave
//! or have somebody stand in (R6), and gateways that come to serve what was decided (R11).

use super::{ReviewError, clock::quiet, close::is_over, deed::Said, ends::over, working::Seen};
use crate::{Governance, Unavailable};
use countersign_model::{
    CampaignId, Epoch, Grant, GrantId, Snapshot, Subject,
    grant::Ended,
    record::ReviewChange,
    review::{
        CampaignRules, Item, ItemResult, ItemState, ReviewFacts, Reviewed, item::Reviewer,
        reviewers_for, reviewers_now, schedule::StageMode,
    },
};
use countersign_store::{ITEMS_PAGE_MAX, ItemQuery, ItemRow, Written};
use std::collections::BTreeSet;

/// Items that are looked at together.
const PAGE: u32 = 500;

impl Governance {
    /// Looks at the items of grants that changed since the last look.
    pub(super) async fn follow_grants(&self, seen: &mut Seen) -> Result<(), Unavailable> {
        let now = self.policy().epoch();
        let since = match seen.grants {
            Some(since) if since == now => return Ok(()),
            Some(since) => since,
            None => Epoch(0),
        };
        let mut after: Option<(GrantId, CampaignId)> = None;
        // Asked for when the first item needs them: they cost a look at everybody.
        let mut facts = None;
        loop {
            let mut view = self.store().view().await?;
            let page = view.items_of_changed_grants(since, after, PAGE).await?;
            drop(view);
            let Some((campaign, grant)) = page.last() else { break };
            after = Some((*grant, *campaign));
            for (campaign, grant) in page {
                quiet(self.follow_grant(campaign, grant, &mut facts).await)?;
            }
        }
        seen.grants = Some(now);
        Ok(())
    }

    /// An item whose grant is not what it was: it is moot if the grant ended, and open again if the
    /// grant permits other things than what people judged.
    async fn follow_grant(
        &self,
        id: CampaignId,
        grant: GrantId,
        facts: &mut Option<ReviewFacts>,
    ) -> Result<(), ReviewError> {
        let mut view = self.store().view().await?;
        let found = (view.item(id, grant).await?, view.grant(grant).await?);
        drop(view);
        let now = self.clock().now();
        let (Some(row), Some(stored)) = found else { return Ok(()) };
        if step(&row.item, &stored.grant, now) == Step::Stays {
            return Ok(());
        }
        let facts = match facts {
            Some(facts) => facts,
            None => facts.insert(self.review_facts().await?),
        };
        let mut deed = self.deed().await?;
        let Some(running) = deed.change.campaign(id).await? else { return Ok(()) };
        let found = (deed.change.item(id, grant).await?, deed.change.grant(grant).await?);
        let (Some(mut row), Some(stored)) = found else { return Ok(()) };
        if !running.campaign.state.takes_answers() {
            return Ok(());
        }
        match step(&row.item, &stored.grant, deed.now) {
            Step::Stays => return Ok(()),
            Step::Over(how) => over(&mut deed, &mut row, how).await?,
            Step::Reopens => {
                let rules = &running.campaign.rules;
                reopen(&mut row.item, &stored.grant, rules, facts);
                let said = Said {
                    item: Some(&row.item),
                    ..Said::of_item(&row.item, ReviewChange::Reopened)
                };
                deed.changed(said).await?;
            }
        }
        deed.write_item(&row).await?;
        Ok(deed.finish().await?)
    }

    /// Looks at the items of reviewers who left, came back, or have somebody stand in or no more.
    pub(super) async fn follow_people(&self, seen: &mut Seen) -> Result<(), Unavailable> {
        // Whoever leaves makes another policy; standing in begins and ends on the minute.
        let minute = self.clock().now().seconds().div_euclid(60);
        let looked_at = Some((self.policy().epoch(), minute));
        if seen.looked_at == looked_at {
            return Ok(());
        }
        let facts = self.review_facts().await?;
        let away = away(&facts);
        let moved: BTreeSet<&Subject> = match &seen.away {
            Some(before) if *before == away => {
                seen.looked_at = looked_at;
                return Ok(());
            }
            Some(before) => {
                let changed = before.symmetric_difference(&away);
                changed.flat_map(|(of, to)| to.iter().chain([of])).collect()
            }
            // After a start nobody knows what happened before.
            None => BTreeSet::new(),
        };
        let is_first = seen.away.is_none();
        let mut waiting = self.all_waiting().await?;
        // A directory may write a name in other letters than we do.
        waiting.retain(|it| is_first || moved.contains(it) || facts.snapshot.bars(it));
        for subject in waiting {
            self.follow_person(&subject, &facts).await?;
        }
        seen.away = Some(away);
        seen.looked_at = looked_at;
        Ok(())
    }

    async fn all_waiting(&self) -> Result<BTreeSet<Subject>, Unavailable> {
        let mut view = self.store().view().await?;
        let (mut all, mut after) = (BTreeSet::new(), None);
        loop {
            let page = view.running_campaigns(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(all) };
            after = Some(last.campaign.id);
            for row in &page {
                let waiting = view.waiting_reviewers(row.campaign.id).await?;
                all.extend(waiting.into_iter().map(|(subject, _)| subject));
            }
        }
    }

    async fn follow_person(
        &self,
        subject: &Subject,
        facts: &ReviewFacts,
    ) -> Result<(), Unavailable> {
        let mut after = None;
        loop {
            let query = ItemQuery {
                reviewer: Some(subject.clone()),
                waiting: true,
                after,
                limit: ITEMS_PAGE_MAX,
                ..ItemQuery::default()
            };
            let page = self.store().view().await?.items(&query).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some((last.item.campaign, last.item.grant));
            self.reassign(&page, facts).await?;
        }
    }

    /// Asks whoever takes over, where somebody of those who are asked can't answer.
    async fn reassign(&self, page: &[ItemRow], facts: &ReviewFacts) -> Result<(), Unavailable> {
        let mut deed = self.deed().await?;
        let mut rules: Option<(CampaignId, Option<CampaignRules>)> = None;
        let mut changed = Vec::new();
        for seen in page {
            let id = seen.item.campaign;
            if rules.as_ref().is_none_or(|(of, _)| *of != id) {
                let row = deed.change.campaign(id).await?;
                let running = row.filter(|it| it.campaign.state.takes_answers());
                rules = Some((id, running.map(|it| it.campaign.rules)));
            }
            let Some((_, Some(rules))) = &rules else { continue };
            let Some(mut row) = deed.change.item(id, seen.item.grant).await? else { continue };
            let Some(stored) = deed.change.grant(seen.item.grant).await? else { continue };
            let Some(reviewers) = taken_over(&row.item, &stored.grant, rules, facts) else {
                continue;
            };
            row.item.reviewers = reviewers;
            match deed.write_item(&row).await {
                Ok(()) => {}
                Err(ReviewError::Unavailable(unavailable)) => return Err(unavailable),
                Err(_) => continue,
            }
            let said = Said {
                item: Some(&row.item),
                ..Said::of_item(&row.item, ReviewChange::Reassigned)
            };
            deed.changed(said).await?;
            changed.push(row.item);
        }
        if changed.is_empty() {
            return Ok(());
        }
        self.tell_reassigned(&mut deed, &changed).await?;
        deed.finish().await
    }

    /// Notes since when every gateway serves what was decided (R11).
    pub(super) async fn verify_outcomes(&self) -> Result<(), Unavailable> {
        let mut view = self.store().view().await?;
        let served = view.epoch_served_by_all().await?;
        loop {
            let page = view.items_in_force(served, PAGE).await?;
            if page.is_empty() {
                return Ok(());
            }
            let mut change = self.store().change().await?;
            let mut done = 0_usize;
            for row in &page {
                match change.verify_item(row, self.clock().now()).await? {
                    Written::Done => done += 1,
                    // Whatever else was written meanwhile is looked at again.
                    Written::Conflict => {}
                }
            }
            change.commit().await?;
            if done == 0 {
                return Ok(());
            }
            view = self.store().view().await?;
        }
    }
}

/// What a change of a grant means for an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Nothing.
    Stays,
    /// The grant ended otherwise.
    Over(&'static str),
    /// It permits other things than people judged.
    Reopens,
}

fn step(item: &Item, grant: &Grant, now: countersign_model::Timestamp) -> Step {
    let waits = match &item.state {
        ItemState::Moot { .. } => return Step::Stays,
        ItemState::Open | ItemState::Suspended { .. } => true,
        ItemState::Decided(_) => false,
    };
    if is_over(grant, now) {
        let how = match grant.ended(now) {
            Some(Ended::Expired { .. }) => "expired",
            Some(Ended::Revoked { .. } | Ended::Suspended { .. }) | None => "revoked",
        };
        return if waits { Step::Over(how) } else { Step::Stays };
    }
    if waits {
        let stale = item.answers.iter().any(|it| it.counts() && it.version != grant.version);
        return if stale { Step::Reopens } else { Step::Stays };
    }
    match item.state.result() {
        Some(ItemResult::Certified | ItemResult::Reduced) => {
            // The certification counts for the version that stands, or for nothing.
            let stands = grant.certified.as_ref().is_some_and(|it| it.version == grant.version);
            if stands { Step::Stays } else { Step::Reopens }
        }
        Some(ItemResult::Revoked | ItemResult::EndedByRule | ItemResult::NotReviewed) | None => {
            Step::Stays
        }
    }
}

/// Asks the first stage again; what was said of another version counts no more. A revoke of an earlier
/// version is a revoke of the grant, and has ended it.
fn reopen(item: &mut Item, grant: &Grant, rules: &CampaignRules, facts: &ReviewFacts) {
    for answer in item.answers.iter_mut().filter(|it| it.counts()) {
        answer.void = Some("widened".to_owned());
    }
    item.state = match item.state {
        ItemState::Suspended { at } => ItemState::Suspended { at },
        ItemState::Open | ItemState::Decided(_) | ItemState::Moot { .. } => ItemState::Open,
    };
    if item.stage > 0 || item.reviewers.is_empty() {
        item.stage = 0;
        let reviewed = Reviewed::of(grant, facts.snapshot.catalog());
        if let Some(stage) = rules.stages.first() {
            item.reviewers = reviewers_for(stage, rules, &reviewed, facts);
        }
    }
}

/// Who is asked now, if that is somebody else. Who has answered stays: what they decided stands (R6).
fn taken_over(
    item: &Item,
    grant: &Grant,
    rules: &CampaignRules,
    facts: &ReviewFacts,
) -> Option<Vec<Reviewer>> {
    let stage = rules.stages.get(item.stage)?;
    let reviewed = Reviewed::of(grant, facts.snapshot.catalog());
    let sensitivity = reviewed.sensitivity.max(item.snapshot.sensitivity);
    let reviewed = Reviewed { sensitivity, ..reviewed };
    let (waited, answered): (Vec<Reviewer>, Vec<Reviewer>) =
        item.reviewers.iter().cloned().partition(|it| item.waits_for(&it.subject));
    if waited.is_empty() {
        return None;
    }
    let has = |all: &[Reviewer], one: &Reviewer| all.iter().any(|it| it.subject == one.subject);
    let now = reviewers_now(stage, rules, &reviewed, &item.reviewers, facts)?;
    if answered.iter().all(|it| has(&now, it)) {
        return Some(now).filter(|it| is_enough(it, &answered, stage.mode));
    }
    // Somebody who has answered is gone: nobody needs to answer again for them.
    let now = reviewers_now(stage, rules, &reviewed, &waited, facts)?;
    let new = now.into_iter().filter(|it| !has(&answered, it));
    let now: Vec<Reviewer> = answered.iter().cloned().chain(new).collect();
    Some(now).filter(|it| is_enough(it, &answered, stage.mode))
}

/// Where each must answer, somebody who can't and whom nobody replaces is still missed: those who have
/// answered are not all by themselves.
fn is_enough(now: &[Reviewer], answered: &[Reviewer], mode: StageMode) -> bool {
    match mode {
        StageMode::All => answered.is_empty() || now.len() > answered.len(),
        StageMode::AnyOne | StageMode::Quorum(_) => true,
    }
}

/// Who may not answer, and who has whom stand in.
fn away(facts: &ReviewFacts) -> BTreeSet<(Subject, Option<Subject>)> {
    let barred = |snapshot: &Snapshot| -> Vec<Subject> {
        let suspended = snapshot.suspensions().map(|it| it.subject.clone());
        suspended.chain(snapshot.deactivations().map(|it| it.subject.clone())).collect()
    };
    let delegations = facts.delegations().map(|it| (it.of.clone(), Some(it.to.clone())));
    barred(&facts.snapshot).into_iter().map(|it| (it, None)).chain(delegations).collect()
}
