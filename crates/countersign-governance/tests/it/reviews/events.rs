//! Reviews that events open (R19): one item, at catalog apply.

use crate::world::{CUSTOMER, World, ada, catalog_with, olivia, on_both, subject};
use countersign_governance::CampaignFilter;
use countersign_model::{
    CampaignId, Sensitivity, Span,
    review::{Campaign, CampaignOrigin, campaign::ReviewEvent},
};
use serde_json::json;

on_both!(
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
