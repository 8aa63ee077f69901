//! What happens where nobody answered (R8), and the breaker that stops too much of it (R9). Silence never
//! certifies: a grant is suspended, ended or narrowed by rule, or kept and recorded as not reviewed.

use super::{
    ReviewError,
    clock::Went,
    clockwork,
    deed::{Deed, Said, moot},
};
use crate::{Governance, GrantError};
use countersign_model::{
    Catalog, GrantState, Sensitivity,
    grant::{Certified, Ended},
    record::{GrantChange, ReviewChange},
    review::{
        AutomaticEnd, CampaignState, ItemResult, ItemState, Outcome, Reviewed, item::Advice, reduce,
    },
};
use countersign_store::{CampaignRow, GrantRow, ItemCount, ItemRow};
use std::sync::Arc;

/// Items that one transaction ends.
const PART: u32 = 200;

/// Why a grant is not what it was.
const NO_ANSWER: &str = "nobody answered in the review by its due date";
const NO_ANSWER_IN_GRACE: &str = "nobody answered in the review until its grace was over";

impl Governance {
    /// Ends what is open at one of a campaign's ends, part by part, unless the breaker stops it.
    pub(super) async fn end(
        &self,
        row: &CampaignRow,
        end: AutomaticEnd,
    ) -> Result<Went, ReviewError> {
        if self.is_stopped(row, end).await? {
            return Ok(Went::Nowhere);
        }
        loop {
            match self.end_part(row, end).await? {
                Part::Some => {}
                Part::None => break,
                Part::ElsewhereChanged => return Ok(Went::Nowhere),
            }
        }
        match end {
            AutomaticEnd::Due => self.to_grace(row).await,
            AutomaticEnd::Grace => self.close(row).await,
        }
    }

    /// Counts what would end; beyond the rules' share the campaign stops and asks.
    async fn is_stopped(&self, row: &CampaignRow, end: AutomaticEnd) -> Result<bool, ReviewError> {
        let counts = self.store().view().await?.item_counts(row.campaign.id).await?;
        let (would_end, of) = (would_end(&counts), active(&counts));
        let share = u64::from(row.campaign.rules.breaker_percent);
        let is_much = would_end.saturating_mul(100) > of.saturating_mul(share);
        if !is_much || row.campaign.is_confirmed(end, would_end) {
            return Ok(false);
        }
        let mut deed = self.deed().await?;
        let mut next = row.clone();
        let at = deed.now;
        next.campaign.state = CampaignState::Stopped { at, before: end, would_end, of };
        deed.write_campaign(&next).await?;
        let said =
            Said { would_end: Some(would_end), ..Said::of(&next.campaign, ReviewChange::Stopped) };
        deed.changed(said).await?;
        self.tell_stopped(&mut deed, &next.campaign, would_end, of).await?;
        deed.finish().await?;
        Ok(true)
    }

    /// Ends some items in one transaction.
    async fn end_part(&self, row: &CampaignRow, end: AutomaticEnd) -> Result<Part, ReviewError> {
        let catalog = Arc::clone(self.policy().load().catalog());
        let id = row.campaign.id;
        let mut deed = self.deed().await?;
        let stands = deed.change.campaign(id).await?.is_some_and(|it| {
            it.campaign.state == row.campaign.state
                && it.campaign.due_at == row.campaign.due_at
                && it.campaign.grace_until == row.campaign.grace_until
        });
        if !stands {
            return Ok(Part::ElsewhereChanged);
        }
        let mut items = deed.change.items_in_state(id, "open", None, PART).await?;
        if end == AutomaticEnd::Grace && items.is_empty() {
            items = deed.change.items_in_state(id, "suspended", None, PART).await?;
        }
        if items.is_empty() {
            return Ok(Part::None);
        }
        for mut item in items {
            let Some(grant) = deed.change.grant(item.item.grant).await? else {
                moot(&mut item.item, deed.now, "unknown");
                deed.write_item(&item).await?;
                continue;
            };
            end_item(&mut deed, &mut item, &grant, &catalog, end).await?;
            deed.write_item(&item).await?;
        }
        deed.finish().await?;
        Ok(Part::Some)
    }

    /// The due date's effects are in force.
    async fn to_grace(&self, row: &CampaignRow) -> Result<Went, ReviewError> {
        let mut deed = self.deed().await?;
        let mut next = row.clone();
        next.campaign.state = CampaignState::Grace { at: deed.now };
        deed.write_campaign(&next).await?;
        deed.changed(Said::of(&next.campaign, ReviewChange::Due)).await?;
        self.tell_overdue(&mut deed, &next.campaign).await?;
        deed.finish().await?;
        Ok(Went::On)
    }
}

/// Whether a transaction found something to end.
enum Part {
    Some,
    None,
    /// Somebody moved the campaign on.
    ElsewhereChanged,
}

/// Grants that an end takes rights from, with those that it has taken them from already: so a crash half
/// way asks the same question.
fn would_end(counts: &[ItemCount]) -> u64 {
    let ends = |it: &ItemCount| match (it.state.as_str(), it.result.as_str()) {
        ("suspended", _) | ("decided", "ended_by_rule") => true,
        ("open", _) => match (it.sensitivity.as_str(), it.advice.as_str()) {
            ("low", _) => false,
            ("medium", advice) => advice == Advice::Revoke.name(),
            // High, and whatever else it may be.
            (_, _) => true,
        },
        (_, _) => false,
    };
    counts.iter().filter(|it| ends(it)).map(|it| it.items).sum()
}

/// Grants in scope that nobody has ended in this campaign or elsewhere.
fn active(counts: &[ItemCount]) -> u64 {
    let is_active = |it: &ItemCount| it.state != "moot" && it.result != "revoked";
    counts.iter().filter(|it| is_active(it)).map(|it| it.items).sum()
}

async fn end_item(
    deed: &mut Deed<'_>,
    row: &mut ItemRow,
    grant: &GrantRow,
    catalog: &Catalog,
    end: AutomaticEnd,
) -> Result<(), ReviewError> {
    match grant.grant.ended(deed.now) {
        Some(Ended::Revoked { .. }) => return over(deed, row, "revoked").await,
        Some(Ended::Expired { .. }) => return over(deed, row, "expired").await,
        Some(Ended::Suspended { .. }) | None => {}
    }
    let reviewed = Reviewed::of(&grant.grant, catalog);
    // What became more sensitive meanwhile counts as it is, what became less as it was.
    match reviewed.sensitivity.max(row.item.snapshot.sensitivity) {
        Sensitivity::High => match end {
            AutomaticEnd::Due => suspend(deed, row, grant).await,
            AutomaticEnd::Grace => end_by_rule(deed, row, grant, NO_ANSWER_IN_GRACE).await,
        },
        Sensitivity::Medium => match row.item.snapshot.recommendation.advice {
            Advice::Certify | Advice::NoData => not_reviewed(deed, row, grant).await,
            Advice::Revoke => end_by_rule(deed, row, grant, NO_ANSWER).await,
            Advice::Reduce => narrow(deed, row, grant, catalog).await,
        },
        Sensitivity::Low => not_reviewed(deed, row, grant).await,
    }
}

pub(super) async fn over(
    deed: &mut Deed<'_>,
    row: &mut ItemRow,
    how: &str,
) -> Result<(), ReviewError> {
    moot(&mut row.item, deed.now, how);
    deed.changed(Said::of_item(&row.item, ReviewChange::Moot)).await?;
    Ok(())
}

async fn suspend(
    deed: &mut Deed<'_>,
    row: &mut ItemRow,
    grant: &GrantRow,
) -> Result<(), ReviewError> {
    let by = clockwork();
    if grant.grant.state == GrantState::Active {
        let next =
            grant.grant.clone().suspend(&by, deed.now, NO_ANSWER).map_err(GrantError::from)?;
        deed.step(grant, next, GrantChange::Suspended, &by).await?;
    }
    row.item.state = ItemState::Suspended { at: deed.now };
    deed.changed(Said::of_item(&row.item, ReviewChange::Suspended)).await?;
    Ok(())
}

async fn end_by_rule(
    deed: &mut Deed<'_>,
    row: &mut ItemRow,
    grant: &GrantRow,
    why: &str,
) -> Result<(), ReviewError> {
    let by = clockwork();
    let next = grant.grant.clone().revoke(&by, deed.now, why);
    let after = deed.step(grant, next, GrantChange::Revoked, &by).await?;
    by_rule(deed, row, ItemResult::EndedByRule, &after).await
}

/// Narrows to what was used, as the snapshot has it. Where that is nothing less, the grant is kept.
async fn narrow(
    deed: &mut Deed<'_>,
    row: &mut ItemRow,
    grant: &GrantRow,
    catalog: &Catalog,
) -> Result<(), ReviewError> {
    let reduced = reduce(&grant.grant, &row.item.snapshot.usage, catalog);
    let narrowed = reduced.and_then(|it| {
        let terms = grant.grant.terms().reduced(&it.functions, &it.constraints);
        // What is left was certified when more was; until then, and not from now on.
        grant.grant.clone().narrow(terms, catalog, Certified::Kept).ok()
    });
    match narrowed.filter(|it| it.version != grant.grant.version) {
        None => not_reviewed(deed, row, grant).await,
        Some(next) => {
            let after = deed.step(grant, next, GrantChange::Narrowed, &clockwork()).await?;
            by_rule(deed, row, ItemResult::EndedByRule, &after).await
        }
    }
}

async fn not_reviewed(
    deed: &mut Deed<'_>,
    row: &mut ItemRow,
    grant: &GrantRow,
) -> Result<(), ReviewError> {
    by_rule(deed, row, ItemResult::NotReviewed, grant).await
}

async fn by_rule(
    deed: &mut Deed<'_>,
    row: &mut ItemRow,
    result: ItemResult,
    after: &GrantRow,
) -> Result<(), ReviewError> {
    row.item.state = ItemState::Decided(Outcome {
        result,
        at: deed.now,
        by: Vec::new(),
        epoch: deed.epoch().await?,
        verified_at: None,
        version: after.grant.version,
        before: None,
        narrowed_from: None,
    });
    deed.decided(&row.item, after.grant.version, None).await?;
    Ok(())
}
