//! All that is known of one grant's use, for its page and whoever asks for it: usage, peers, what to do,
//! what it could be narrowed to. And as much of it as somebody may see who may not see calls.

use super::{LOOK_BACK_MAX, standing};
use crate::{Governance, Unavailable, grants::rights::reached};
use countersign_model::{
    FunctionName, Grant, GrantId, Holder, Snapshot, Span,
    review::{
        RecommendInput, Recommendation, Reduced, item::Peers, peers, recommend, reduce,
        usage::GrantUsage,
    },
};
use serde::Serialize;
use std::{collections::BTreeSet, sync::Arc};

/// Grants beside one that are looked at for its peers. If more reach its functions, nothing is said.
const BESIDE_MAX: usize = 2_000;

/// What is known of a grant's use.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrantEvidence {
    /// How far back it reaches.
    pub look_back: Span,
    /// What the grant was used for.
    pub usage: GrantUsage,
    /// Others of the same kind who can call the same functions.
    pub peers: Peers,
    /// What to do with it, and why; absent once it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recommendation: Option<Recommendation>,
    /// What it would be narrowed to; absent where that is all of it, or nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reduced: Option<Reduced>,
}

impl Governance {
    /// What is known of a grant's use.
    ///
    /// # Errors
    /// [`Unavailable::Store`].
    pub async fn grant_evidence(
        &self,
        grant: &Arc<Grant>,
        look_back: Span,
    ) -> Result<GrantEvidence, Unavailable> {
        let look_back = look_back.clamp(Span::from_days(1), LOOK_BACK_MAX);
        let snapshot = self.policy().load();
        let now = self.clock().now();
        let beside = beside(grant, &snapshot);
        let ids: Vec<GrantId> = beside.iter().map(|it| it.id).chain([grant.id]).collect();
        let mut found = self.grant_usage(&ids, look_back).await?;
        let peers = match beside.len() {
            0 => Peers::default(),
            _ => {
                let all = beside.into_iter().chain([grant]);
                peers(all, snapshot.catalog(), &found, now).remove(&grant.id).unwrap_or_default()
            }
        };
        let usage = found.remove(&grant.id).unwrap_or_default();
        if grant.ended(now).is_some() {
            let (recommendation, reduced) = (None, None);
            return Ok(GrantEvidence { look_back, usage, peers, recommendation, reduced });
        }
        let recommendation = recommend(&RecommendInput {
            grant,
            usage: &usage,
            catalog: snapshot.catalog(),
            peers,
            standing: standing(grant, &snapshot),
            look_back,
            now,
        });
        let reduced = reduce(grant, &usage, snapshot.catalog());
        let recommendation = Some(recommendation);
        Ok(GrantEvidence { look_back, usage, peers, recommendation, reduced })
    }
}

/// Other grants that reach a function of this one; none if there are too many to look at.
fn beside<'a>(grant: &Grant, snapshot: &'a Snapshot) -> Vec<&'a Arc<Grant>> {
    let catalog = snapshot.catalog();
    let own: BTreeSet<&FunctionName> =
        reached(grant, catalog).into_iter().map(|it| &it.name).collect();
    let by_tag = |other: &Grant| {
        !other.tags.is_empty()
            && reached(other, catalog).into_iter().any(|it| own.contains(&it.name))
    };
    let same_kind = |other: &Grant| match (&grant.holder, &other.holder) {
        (Holder::Subject(_), Holder::Subject(_)) | (Holder::Group(_), Holder::Group(_)) => true,
        (Holder::Subject(_), Holder::Group(_)) | (Holder::Group(_), Holder::Subject(_)) => false,
    };
    let found: Vec<&Arc<Grant>> = snapshot
        .grants()
        .filter(|it| it.id != grant.id && same_kind(it))
        .filter(|it| it.functions.iter().any(|it| own.contains(it)) || by_tag(it))
        .take(BESIDE_MAX + 1)
        .collect();
    if found.len() > BESIDE_MAX { Vec::new() } else { found }
}

impl GrantEvidence {
    /// The same for somebody who may see how much was called, and what was called only of these functions:
    /// of all others neither arguments nor who called them.
    pub fn without_details_but_of(mut self, seen: &BTreeSet<FunctionName>) -> Self {
        let is_whole = self.usage.functions.keys().all(|it| seen.contains(it));
        if is_whole {
            return self;
        }
        for (name, function) in &mut self.usage.functions {
            if !seen.contains(name) {
                function.arguments.clear();
                function.arguments_seen = 0;
            }
        }
        let named = u64::try_from(self.usage.subjects.len()).unwrap_or(u64::MAX);
        self.usage.more_subjects = self.usage.more_subjects.saturating_add(named);
        self.usage.subjects.clear();
        // Both say values of arguments.
        self.reduced = None;
        if let Some(recommendation) = &mut self.recommendation {
            recommendation.reasons.retain(|it| it.code != "few_values");
        }
        self
    }
}
