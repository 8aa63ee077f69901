//! Access reviews, as pages and the management API show them: which campaign and which item somebody
//! means, in what order items are looked at, and what is said of each in one line. Who sees and who may do
//! what is judged by governance.

pub(crate) mod form;
pub(crate) mod line;
pub(crate) mod spark;
pub(crate) mod words;

use crate::{asker::Asker, console::Console, problem::Problem};
use countersign_governance::{CampaignView, ItemFilter, ItemView};
use countersign_model::{
    CampaignId, GrantId, Sensitivity, Snapshot, Subject, Timestamp,
    review::{
        Campaign, Item, Reduced, ReviewVerdict,
        item::{Advice, UNDO_WITHIN},
        reduce,
        schedule::ReasonNeeded,
    },
};

/// A campaign that an asker has a part in.
pub(crate) async fn campaign(
    console: &Console,
    asker: &Asker,
    id: &str,
) -> Result<CampaignView, Problem> {
    Ok(console.governance().campaign(&asker.actor, campaign_id(id)?).await?)
}

/// An item that an asker may see.
pub(crate) async fn item(
    console: &Console,
    asker: &Asker,
    campaign: &str,
    grant: &str,
) -> Result<ItemView, Problem> {
    let (campaign, grant) = (campaign_id(campaign)?, grant_id(grant)?);
    Ok(console.governance().item(&asker.actor, campaign, grant).await?)
}

/// The campaign that a path or a form names.
pub(crate) fn campaign_id(id: &str) -> Result<CampaignId, Problem> {
    id.parse().map_err(|_| Problem::not_found("campaign"))
}

/// The grant that a path or a form names.
pub(crate) fn grant_id(id: &str) -> Result<GrantId, Problem> {
    id.parse().map_err(|_| Problem::not_found("item"))
}

/// Every item of a campaign that the filter names, page by page; at most [`ITEMS_MAX`].
pub(crate) async fn all_items(
    console: &Console,
    asker: &Asker,
    mut filter: ItemFilter,
) -> Result<Vec<Item>, Problem> {
    let mut found = Vec::new();
    loop {
        let page = console.governance().items(&asker.actor, &filter).await?;
        found.extend(page.items);
        match page.next {
            Some(next) if found.len() < ITEMS_MAX => filter.after = Some(next),
            Some(_) | None => return Ok(found),
        }
    }
}

/// All items of a campaign about which somebody is or was asked.
pub(crate) async fn items_of(
    console: &Console,
    asker: &Asker,
    campaign: CampaignId,
) -> Result<Vec<Item>, Problem> {
    let filter = ItemFilter {
        campaign: Some(campaign),
        reviewer: Some(asker.actor.subject().clone()),
        ..ItemFilter::default()
    };
    all_items(console, asker, filter).await
}

/// How much an item wants to be looked at: sensitivity × recommendation × breadth × unused × changed.
pub(crate) fn risk(item: &Item) -> u64 {
    let snapshot = &item.snapshot;
    let sensitivity = match snapshot.sensitivity {
        Sensitivity::Low => 1,
        Sensitivity::Medium => 3,
        Sensitivity::High => 9,
    };
    let advice = match snapshot.recommendation.advice {
        Advice::Certify => 1,
        Advice::NoData => 2,
        Advice::Reduce => 3,
        Advice::Revoke => 4,
    };
    let breadth = 4 + u64::try_from(snapshot.functions.len()).unwrap_or(u64::MAX).min(BREADTH_MAX);
    let unused = if snapshot.usage.used == 0 { 3 } else { 2 };
    let changed = if snapshot.changes.is_empty() { 2 } else { 3 };
    sensitivity * advice * breadth * unused * changed
}

/// Puts what wants to be looked at most first. What its reader does not know anything of comes last.
pub(crate) fn rank(items: &mut [Item], reader: &Subject) {
    let unknown = |item: &Item| {
        let said = item.answers.iter().rev().find(|it| it.by == *reader);
        said.is_some_and(|it| it.verdict == ReviewVerdict::DontKnow)
    };
    items.sort_by_cached_key(|it| (unknown(it), std::cmp::Reverse(risk(it)), it.grant));
}

/// What a grant would be narrowed to, by what it was used for before the snapshot.
pub(crate) fn reduced(item: &Item, snapshot: &Snapshot) -> Option<Reduced> {
    reduce(&item.snapshot.grant, &item.snapshot.usage, snapshot.catalog())
}

/// Whether a verdict needs a reason; governance judges again when it is sent (R17).
pub(crate) fn needs_reason(item: &Item, campaign: &Campaign, verdict: &ReviewVerdict) -> bool {
    let by_rule = match (campaign.rules.reason, verdict) {
        (ReasonNeeded::Always, ReviewVerdict::Certify) => true,
        (ReasonNeeded::High, ReviewVerdict::Certify) => {
            item.snapshot.sensitivity == Sensitivity::High
        }
        (
            ReasonNeeded::AgainstRecommendation | ReasonNeeded::High | ReasonNeeded::Always,
            ReviewVerdict::Certify
            | ReviewVerdict::Reduce { .. }
            | ReviewVerdict::Revoke
            | ReviewVerdict::HandOn { .. }
            | ReviewVerdict::DontKnow,
        ) => false,
    };
    by_rule || verdict.is_against(item.snapshot.recommendation.advice)
}

/// The verdicts that need a reason, by name.
pub(crate) fn need_reasons(item: &Item, campaign: &Campaign) -> Vec<&'static str> {
    let reduce = ReviewVerdict::Reduce { functions: Vec::new(), constraints: Vec::new() };
    let all = [ReviewVerdict::Certify, reduce, ReviewVerdict::Revoke];
    let named = all.iter().filter(|it| needs_reason(item, campaign, it));
    named.map(ReviewVerdict::name).collect()
}

/// Whether an item is of the group that can be kept together: nothing changed, not sensitive, used as
/// granted, and the recommendation says so.
pub(crate) fn is_plain(item: &Item, current: Option<u32>) -> bool {
    let snapshot = &item.snapshot;
    snapshot.sensitivity != Sensitivity::High
        && snapshot.changes.is_empty()
        && snapshot.recommendation.advice == Advice::Certify
        && snapshot.usage.used > 0
        && current == Some(snapshot.grant.version)
}

/// Until when an asker can undo what they said last about an item; `None` if they can't.
pub(crate) fn undo_until(item: &Item, campaign: &Campaign, reader: &Subject) -> Option<Timestamp> {
    let said = item.answers.iter().rev().find(|it| it.by == *reader && it.void.is_none())?;
    let signed = campaign.signed_off_by(reader);
    if !campaign.state.takes_answers() || signed.is_some_and(|it| it >= said.at) {
        return None;
    }
    match said.verdict {
        // Until its author signs off, or the campaign closes.
        ReviewVerdict::Certify => Some(campaign.grace_until),
        ReviewVerdict::Reduce { .. } | ReviewVerdict::Revoke => Some(said.at.plus(UNDO_WITHIN)),
        ReviewVerdict::HandOn { .. } | ReviewVerdict::DontKnow => None,
    }
}

/// Items that a page or an act looks at, at most.
pub(crate) const ITEMS_MAX: usize = 20_000;
/// Functions beyond which a grant does not count as broader.
const BREADTH_MAX: u64 = 16;

#[cfg(test)]
mod tests;
