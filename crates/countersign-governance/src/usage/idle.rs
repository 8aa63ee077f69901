//! The first use of a grant after a long idle opens a review of it (R19): nobody may remember what it was
//! for.

use super::fold::Batch;
use crate::{Governance, Unavailable};
use countersign_model::{Grant, GrantId, Span, Timestamp};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// So long without use, without a certification and after it was made, a grant is idle.
const IDLE_FOR: Span = Span::from_days(90);
/// Uses that are counted later than this are history: a ledger that is counted anew opens no reviews.
const RECENT: Span = Span::from_days(2);

impl Governance {
    /// Grants whose first use after a long idle is in a batch that is about to be written. Of other
    /// grants nothing is read.
    pub(super) async fn woken(&self, batch: &Batch) -> Result<Vec<Arc<Grant>>, Unavailable> {
        let (snapshot, now) = (self.policy().load(), self.clock().now());
        let mut idle: HashMap<GrantId, (Arc<Grant>, Timestamp)> = HashMap::new();
        for (id, first) in first_uses(batch) {
            let Some(grant) = snapshot.grant(id).filter(|it| !it.is_over(now)) else { continue };
            let certified = grant.certified.as_ref().map_or(grant.made_at, |it| it.at);
            let looked_at = certified.max(grant.made_at);
            if first >= now.minus(RECENT) && first.since(looked_at) >= IDLE_FOR {
                idle.insert(id, (Arc::clone(grant), first));
            }
        }
        if idle.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<GrantId> = idle.keys().copied().collect();
        // As every gateway has counted it before this batch.
        for row in self.store().view().await?.usage_of(&ids).await? {
            let used = |(_, first): &(Arc<Grant>, Timestamp)| {
                row.last_used_at.is_some_and(|last| first.since(last) < IDLE_FOR)
            };
            if idle.get(&row.key.grant).is_some_and(used) {
                idle.remove(&row.key.grant);
            }
        }
        let mut woken: Vec<Arc<Grant>> = idle.into_values().map(|(grant, _)| grant).collect();
        woken.sort_unstable_by_key(|it| it.id);
        Ok(woken)
    }
}

fn first_uses(batch: &Batch) -> BTreeMap<GrantId, Timestamp> {
    let mut first: BTreeMap<GrantId, Timestamp> = BTreeMap::new();
    for (id, at) in batch.first_uses() {
        first.entry(id).and_modify(|it| *it = at.min(*it)).or_insert(at);
    }
    first
}
