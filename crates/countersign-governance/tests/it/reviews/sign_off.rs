//! Sign-off (R16): of one's own decisions, of a whole campaign, and what is written beside it.

use super::scene::{answer, rules};
use crate::{
    device::{Device, Said},
    passkeys::of,
    world::{CUSTOMER, REFUND, World, actor, ada, olivia, on_both, subject},
};
use countersign_governance::ReviewError;
use countersign_model::{
    Digest, Reason, Span, Timestamp,
    review::{CampaignState, Covers, ReviewVerdict, SignOff, SignOffProof},
};

on_both!(
    r16_a_passkey_signs_for_one_campaign_as_it_is,
    r16_what_was_signed_for_does_not_change,
    r16_the_owner_signs_for_a_closed_campaign,
    r16_a_wider_grant_needs_a_new_answer_and_a_new_signature,
);

use ReviewVerdict::{Certify, Revoke};

fn by_sign_in(signed_in_at: Timestamp) -> SignOffProof {
    SignOffProof::SignIn { signed_in_at }
}

async fn r16_a_passkey_signs_for_one_campaign_as_it_is(world: World) {
    let governance = world.governance.clone();
    let one = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    let other = world.open_review(rules()).await;
    let (device, olivia) = (Device::rsa(), olivia());
    let passkey = governance.add_passkey(&olivia, of(&device)).await.unwrap().id;
    world.pass(Span::from_seconds(1));
    world.answer(&olivia, &opened, one, Certify).await.unwrap();
    // The same answer a second later, so that the digests differ too, and not only the campaigns.
    world.pass(Span::from_seconds(1));
    world.answer(&olivia, &other, one, Certify).await.unwrap();
    // What it comes to is what the owner would sign for; the page works it out the same way.
    let item = world.item(&opened, one).await;
    let decided = |item: &countersign_model::review::Item| {
        let it = serde_json::json!({
            "grant": item.grant, "snapshot": item.digest, "answer": item.answers[0],
        });
        Digest::of(&Digest::of_json(&it).0)
    };
    let digest = decided(&item);
    let thing = |campaign, by: &str, covers, items, digest| {
        SignOff::signed_digest(campaign, &by.into(), covers, items, digest)
    };
    let sign = async |thing: &Digest, counter| -> Result<SignOff, ReviewError> {
        let signed = device.sign(passkey, thing, &Said { counter, ..Said::default() });
        let proof = SignOffProof::Passkey { passkey: Box::new(signed) };
        governance.sign_off(&olivia, opened.id, Covers::Own, proof).await
    };
    let theirs = decided(&world.item(&other, one).await);
    for wrong in [
        thing(other.id, "olivia", Covers::Own, 1, &theirs),
        thing(other.id, "olivia", Covers::Own, 1, &digest),
        thing(opened.id, "otto", Covers::Own, 1, &digest),
        thing(opened.id, "olivia", Covers::Campaign, 1, &digest),
        thing(opened.id, "olivia", Covers::Own, 2, &digest),
        thing(opened.id, "olivia", Covers::Own, 1, &theirs),
    ] {
        let refused = sign(&wrong, 8).await.unwrap_err();
        assert_eq!(refused.code(), "passkey_challenge_mismatch");
    }
    let right = thing(opened.id, "olivia", Covers::Own, 1, &digest);
    assert_eq!(sign(&right, 3).await.unwrap_err().code(), "passkey_counter_back");
    assert!(world.campaign(opened.id).await.sign_offs.is_empty(), "nothing was signed");
    assert!(world.entries("review.signed_off").is_empty());
    // A sign-in of an hour ago is not asked for.
    world.pass(Span::from_seconds(3_600));
    let signed = sign(&right, 8).await.unwrap();
    let SignOffProof::Passkey { passkey: kept } = &signed.proof else { panic!("by a passkey") };
    let entry = &world.entries("review.signed_off")[0];
    assert_eq!(entry["passkey"], passkey.to_string());
    assert_eq!(entry["signature"], kept.digest().to_string());
    assert!(entry.get("signed_in_at").is_none());
    assert_eq!(world.campaign(opened.id).await.sign_offs, [signed]);
    // The counter went up with it, so that the same is not sent again.
    assert_eq!(sign(&right, 8).await.unwrap_err().code(), "passkey_counter_back");
    governance.remove_passkey(&olivia, passkey).await.unwrap();
    assert_eq!(sign(&right, 9).await.unwrap_err().code(), "not_found");
    let riley = actor("riley", &[]);
    let theirs = governance.add_passkey(&riley, of(&Device::edwards(4))).await.unwrap().id;
    let signed = Device::edwards(4).sign(theirs, &right, &Said::default());
    let proof = SignOffProof::Passkey { passkey: Box::new(signed) };
    let refused = governance.sign_off(&olivia, opened.id, Covers::Own, proof).await.unwrap_err();
    assert_eq!(refused.code(), "not_found", "another person's");
}

async fn r16_what_was_signed_for_does_not_change(world: World) {
    let one = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let two = world.grant(&ada(), subject("kim"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    let owner = olivia();
    let sign = |at| world.governance.sign_off(&owner, opened.id, Covers::Own, by_sign_in(at));
    world.answer(&olivia(), &opened, one, Certify).await.unwrap();
    let error = sign(world.now()).await.unwrap_err();
    assert!(matches!(error, ReviewError::Undecided { open: 1 }), "{error}");
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
        async move { governance.sign_off(&who, campaign, Covers::Campaign, by_sign_in(now)).await }
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
    assert_eq!(signed.digest, Digest::of(&item.decision().0));
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
