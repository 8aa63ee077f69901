//! The digests that the ledger has of a campaign, made again from what is in a pack.

use countersign_model::{
    Digest,
    review::{Answer, Campaign, Covers, Item, SignOff},
};
use serde_json::json;

/// Over the scope and the rules.
pub(crate) fn scope(campaign: &Campaign) -> Digest {
    Digest::of_json(&json!({"scope": campaign.scope, "rules": campaign.rules}))
}

/// Over the items' snapshots, in the order of their grants' ids.
pub(crate) fn snapshot(items: &[Item]) -> Digest {
    over(items.iter().map(|it| it.digest))
}

/// What a sign-off covers: how many things, and the digest over them.
pub(crate) fn covered(items: &[Item], sign_off: &SignOff) -> (u64, Digest) {
    match sign_off.covers {
        Covers::Campaign => {
            (u64::try_from(items.len()).unwrap_or(u64::MAX), over(items.iter().map(Item::decision)))
        }
        Covers::Own => {
            let own = |it: &&Answer| {
                it.by == sign_off.by && it.at <= sign_off.at && it.void.is_none() && it.counts()
            };
            let all: Vec<Digest> = items
                .iter()
                .flat_map(|item| item.answers.iter().filter(own).map(|it| one(item, it)))
                .collect();
            (u64::try_from(all.len()).unwrap_or(u64::MAX), over(all.into_iter()))
        }
    }
}

/// One answer with the grant and the snapshot that it is about.
fn one(item: &Item, answer: &Answer) -> Digest {
    Digest::of_json(&json!({"grant": item.grant, "snapshot": item.digest, "answer": answer}))
}

fn over(digests: impl Iterator<Item = Digest>) -> Digest {
    let mut bytes = Vec::new();
    digests.for_each(|Digest(it)| bytes.extend_from_slice(&it));
    Digest::of(&bytes)
}
