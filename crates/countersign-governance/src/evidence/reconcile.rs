//! Whether the numbers of a campaign add up: items are the active grants without the exclusions, each
//! item is accounted for once, and the population at the close follows from that at the opening.

use super::facts::Facts;
use countersign_model::{
    Digest, Epoch, Timestamp,
    review::{Answer, ItemState},
};
use serde::Serialize;
use std::collections::BTreeMap;

/// The counts of a campaign's population.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    pub(crate) opening: Option<AtOpening>,
    pub(crate) closing: Option<AtClosing>,
    /// What does not add up; nothing in a good pack.
    pub(crate) faults: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AtOpening {
    pub(crate) at: Timestamp,
    pub(crate) epoch: Epoch,
    pub(crate) catalog: Digest,
    pub(crate) scope_sha256: Digest,
    /// Items and exclusions together: every grant that was known.
    pub(crate) grants: u64,
    /// Of these, those that had not ended.
    pub(crate) active_grants: u64,
    /// Grants that are no items, by why.
    pub(crate) excluded: BTreeMap<String, u64>,
    pub(crate) items: u64,
    pub(crate) snapshot_sha256: Digest,
    /// Until when calls had been counted, by gateway.
    pub(crate) calls_counted_until: BTreeMap<String, Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct AtClosing {
    pub(crate) at: Timestamp,
    pub(crate) items: u64,
    /// Items by how they ended.
    pub(crate) results: BTreeMap<String, u64>,
    /// Items whose grant was over at the close, by how.
    pub(crate) grants_ended: BTreeMap<String, u64>,
    /// Grants in scope that were made meanwhile.
    pub(crate) made_meanwhile: u64,
    /// Grants in scope at the close: items, without those that ended, with those made meanwhile.
    pub(crate) grants: u64,
    /// Answers that count.
    pub(crate) answers: u64,
}

/// Counts a campaign's population, and says what does not add up.
pub(crate) fn of(facts: &Facts) -> Counts {
    let items = number(facts.items.len());
    let mut faults = Vec::new();
    let opening = facts.campaign.opening.as_ref().map(|opening| {
        let excluded: u64 = opening.excluded.values().sum();
        let ended = opening.excluded.iter().filter(|it| ENDED.contains(&it.0.as_str()));
        let ended: u64 = ended.map(|it| it.1).sum();
        if opening.items != items {
            let said = opening.items;
            faults.push(format!("the opening counted {said} items, and here are {items}"));
        }
        AtOpening {
            at: opening.at,
            epoch: opening.epoch,
            catalog: opening.catalog,
            scope_sha256: opening.scope,
            grants: opening.items.saturating_add(excluded),
            active_grants: opening.items.saturating_add(excluded.saturating_sub(ended)),
            excluded: opening.excluded.clone(),
            items: opening.items,
            snapshot_sha256: opening.digest,
            calls_counted_until: opening.counted_until.clone(),
        }
    });
    let closing = facts.campaign.state.closed_at().map(|at| {
        let mut results: BTreeMap<String, u64> = BTreeMap::new();
        for item in &facts.items {
            let name = match &item.state {
                ItemState::Decided(outcome) => outcome.result.name(),
                ItemState::Open | ItemState::Suspended { .. } => {
                    faults
                        .push(format!("{} is not decided, and the campaign is closed", item.grant));
                    item.state.name()
                }
                ItemState::Moot { .. } => "moot",
            };
            *results.entry(name.to_owned()).or_default() += 1;
        }
        let mut grants_ended: BTreeMap<String, u64> = BTreeMap::new();
        for how in facts.ended().into_values() {
            *grants_ended.entry(how.to_owned()).or_default() += 1;
        }
        let made_meanwhile = number(facts.made_meanwhile.len());
        let gone: u64 = grants_ended.values().sum();
        let answers = facts.items.iter().flat_map(|it| &it.answers).filter(|it| counts(it));
        AtClosing {
            at,
            items,
            results,
            made_meanwhile,
            grants: items.saturating_sub(gone).saturating_add(made_meanwhile),
            grants_ended,
            answers: number(answers.count()),
        }
    });
    Counts { opening, closing, faults }
}

/// Exclusions of grants that had ended before the opening.
const ENDED: [&str; 2] = ["expired", "revoked"];

fn counts(answer: &Answer) -> bool {
    answer.counts()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
