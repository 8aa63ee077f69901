//! Reviews that events open (R19): one item, at catalog apply.

use crate::world::{CUSTOMER, REFUND, STATUS, World, ada, catalog_with, olivia, on_both, subject};
use countersign_governance::CampaignFilter;
use countersign_model::{
    CampaignId, Sensitivity, Span,
    review::{Campaign, CampaignOrigin, ReviewVerdict, campaign::ReviewEvent},
};
use serde_json::json;

on_both!(
    r19_a_drifted_contract_opens_a_review_of_each_grant_that_reaches_it,
    r19_what_becomes_more_sensitive_is_reviewed_and_what_becomes_less_is_not,
    r19_another_sponsor_opens_a_review_of_what_the_agent_holds,
);

impl World {
    async fn campaigns(&self) -> Vec<Campaign> {
        self.look().await;
        let found = self.governance.campaigns(&ada(), &CampaignFilter::default()).await.unwrap();
        found.into_iter().map(|it| it.campaign).collect()
    }

    async fn apply(&self, pointer: &str, value: serde_json::Value) {
        self.pass(Span::from_seconds(1));
        let next = catalog_with(pointer, value);
        self.governance.apply_catalog(&ada(), next, None).await.unwrap();
    }
}

fn event(campaign: &Campaign) -> ReviewEvent {
    match campaign.origin {
        CampaignOrigin::Event { what, .. } => what,
        CampaignOrigin::Schedule { .. } | CampaignOrigin::ByHand { .. } => panic!("{campaign:?}"),
    }
}

async fn r19_a_drifted_contract_opens_a_review_of_each_grant_that_reaches_it(world: World) {
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    world.governance.certify_grant(&olivia(), id, 1).await.unwrap();
    world.grant(&ada(), subject("kim"), STATUS).await;
    let input = json!({"type": "object", "additionalProperties": false, "properties": {
        "amount": {"type": "number"}, "customer": {"type": "string"}, "note": {"type": "string"}}});
    world.apply("/functions/billing.refunds.create/input", input.clone()).await;
    let found = world.campaigns().await;
    assert_eq!(found.len(), 1);
    assert_eq!((event(&found[0]), found[0].state.name()), (ReviewEvent::ContractDrifted, "open"));
    let item = world.item(&found[0], id).await;
    let codes: Vec<_> = item.snapshot.changes.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["contract"]);
    // Applying the like again while that review runs opens no other one.
    let mut more = input;
    more["properties"]["lines"] = json!({"type": "number"});
    world.apply("/functions/billing.refunds.create/input", more).await;
    assert_eq!(world.campaigns().await.len(), 1);
    world.answer(&olivia(), &found[0], id, ReviewVerdict::Certify).await.unwrap();
    assert_eq!(world.state(&found[0], id).await, "certified");
}

async fn r19_what_becomes_more_sensitive_is_reviewed_and_what_becomes_less_is_not(world: World) {
    let id = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    world.apply("/functions/billing.customers.get/sensitivity", json!("low")).await;
    assert_eq!(world.campaigns().await, []);
    world.apply("/functions/billing.customers.get/sensitivity", json!("high")).await;
    let found = world.campaigns().await;
    assert_eq!(event(&found[0]), ReviewEvent::SensitivityRose);
    // The snapshot is of the catalog that made it: olivia made the grant, and now much is at stake.
    let item = world.item(&found[0], id).await;
    assert_eq!(item.snapshot.sensitivity, Sensitivity::High);
    assert_eq!(world.asked(&found[0], id).await, ["ada"]);
    // Nobody answers: one grant is no share, and the breaker says nothing.
    world.pass_days(14).await;
    assert_eq!(world.state(&found[0], id).await, "suspended");
    assert_ne!(found[0].id, CampaignId::from_bytes([0; 16]));
}

async fn r19_another_sponsor_opens_a_review_of_what_the_agent_holds(world: World) {
    let id = world.grant(&ada(), subject("agent:dunning"), CUSTOMER).await;
    world.apply("/agents/agent:dunning/sponsor", json!("nora")).await;
    let found = world.campaigns().await;
    assert_eq!((found.len(), event(&found[0])), (1, ReviewEvent::SponsorChanged));
    assert_eq!(world.asked(&found[0], id).await, ["olivia"]);
}
