//! Sign-off (R16): of one's own decisions, of a whole campaign, and what is written beside it.

use super::scene::{answer, rules};
use crate::world::{CUSTOMER, REFUND, World, actor, ada, olivia, on_both, subject};
use countersign_model::{
    Reason, Span,
    review::{CampaignState, Covers, ReviewVerdict},
};

on_both!(
    r16_what_was_signed_for_does_not_change,
    r16_the_owner_signs_for_a_closed_campaign,
    r16_a_wider_grant_needs_a_new_answer_and_a_new_signature,
);

use ReviewVerdict::{Certify, Revoke};

async fn r16_what_was_signed_for_does_not_change(world: World) {
    let one = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let two = world.grant(&ada(), subject("kim"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    let owner = olivia();
    let sign = |at| world.governance.sign_off(&owner, opened.id, Covers::Own, at);
    world.answer(&olivia(), &opened, one, Certify).await.unwrap();
    let error = sign(world.now()).await.unwrap_err();
    assert!(matches!(error, countersign_governance::ReviewError::Undecided { open: 1 }), "{error}");
    world.answer(&olivia(), &opened, two, Revoke).await.unwrap();
    world.pass(Span::from_seconds(60));
    let error = sign(world.now().minus(Span::from_seconds(301))).await.unwrap_err();
    assert_eq!(error.code(), "sign_in_again");
    let error = sign(world.now().plus(Span::from_seconds(61))).await.unwrap_err();
    assert_eq!(error.code(), "sign_in_again");
    let signed = sign(world.now().minus(Span::from_seconds(299))).await.unwrap();
    assert_eq!(signed.items, 2);
    let entries = world.entries("review.signed_off");
    assert_eq!(
        (&entries[0]["by"], &entries[0]["digest"]),
        (&"olivia".into(), &signed.digest.to_string().into())
    );
    for (id, verdict) in [(one, Revoke), (one, Certify)] {
        assert_eq!(world.refused(&olivia(), &opened, id, verdict).await, "signed_off");
    }
    for id in [one, two] {
        let error = world.governance.undo(&olivia(), opened.id, id).await.unwrap_err();
        assert_eq!(error.code(), "signed_off");
    }
    // Corrections stand beside it.
    let error = world
        .governance
        .add_addendum(&actor("kim", &[]), opened.id, Some(one), "no")
        .await
        .unwrap_err();
    assert_eq!(error.code(), "campaign_state");
    world
        .governance
        .add_addendum(&olivia(), opened.id, Some(one), "he moved in May")
        .await
        .unwrap();
    assert_eq!(world.campaign(opened.id).await.addenda.len(), 1);
    // Everybody has signed for everything: there is nothing to wait for.
    world.look().await;
    assert!(matches!(world.campaign(opened.id).await.state, CampaignState::Closed { .. }));
    assert_eq!(world.said("riley", &[], CUSTOMER), Reason::Granted);
}

async fn r16_the_owner_signs_for_a_closed_campaign(world: World) {
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    let opened = world.open_review(rules()).await;
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    let campaign = opened.id;
    let sign = |who: countersign_governance::Actor| {
        let (governance, now) = (world.governance.clone(), world.now());
        async move { governance.sign_off(&who, campaign, Covers::Campaign, now).await }
    };
    assert_eq!(sign(ada()).await.unwrap_err().code(), "campaign_state");
    world.pass_days(14).await;
    assert_eq!(sign(olivia()).await.unwrap_err().code(), "not_yours");
    assert_eq!(sign(actor("adam", &["platform"])).await.unwrap_err().code(), "not_yours");
    let signed = sign(ada()).await.unwrap();
    let campaign = world.campaign(opened.id).await;
    assert!(matches!(campaign.state, CampaignState::SignedOff { .. }));
    assert_eq!(sign(ada()).await.unwrap_err().code(), "signed_off");
    let item = world.item(&opened, id).await;
    assert_eq!(signed.digest, countersign_model::Digest::of(&item.decision().0));
    // Nothing of it changes any more.
    let new = vec![answer(id, 1, Revoke)];
    let error = world.governance.answer_items(&olivia(), opened.id, new).await.unwrap_err();
    assert_eq!(error.code(), "campaign_state");
    let error = world.governance.undo(&olivia(), opened.id, id).await.unwrap_err();
    assert_eq!(error.code(), "campaign_state");
    world.governance.add_addendum(&ada(), opened.id, None, "seen by the board").await.unwrap();
    let error =
        world.governance.add_addendum(&actor("kim", &[]), opened.id, None, "x").await.unwrap_err();
    assert_eq!(error.code(), "not_yours");
}

async fn r16_a_wider_grant_needs_a_new_answer_and_a_new_signature(world: World) {
    let id = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    world.grant(&ada(), subject("kim"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    world.widen(id, REFUND).await;
    world.look().await;
    assert_eq!(world.state(&opened, id).await, "open");
    world.pass(Span::from_seconds(1));
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    assert_eq!(world.state(&opened, id).await, "certified");
}
