//! Opening: the snapshot and what is in it (R1), crashes in the middle, and what came too late (R3).

use super::scene::{campaign, rules};
use crate::world::{CUSTOMER, REFUND, STATUS, World, actor, ada, group, olivia, on_both, subject};
use countersign_governance::NewCampaign;
use countersign_model::{
    Digest, Span,
    review::{CampaignRules, CampaignState, ReviewVerdict, Scope},
};

on_both!(
    r01_a_campaign_opens_with_a_snapshot_whose_digest_is_in_the_ledger,
    r01_a_snapshot_does_not_change_when_the_grant_does,
    r01_a_crash_in_the_middle_begins_anew,
    r01_two_gateways_make_one_snapshot,
    r03_grants_made_meanwhile_are_in_the_report_and_no_items,
    only_an_administrator_opens_by_hand,
);

async fn r01_a_campaign_opens_with_a_snapshot_whose_digest_is_in_the_ledger(world: World) {
    let mut ids = vec![
        world.grant(&ada(), subject("riley"), REFUND).await,
        world.grant(&olivia(), subject("sam"), CUSTOMER).await,
        world.grant(&ada(), group("support"), STATUS).await,
    ];
    let ended = world.grant(&olivia(), subject("kim"), CUSTOMER).await;
    world.governance.revoke_grant(&olivia(), ended, "done").await.unwrap();
    let scope = Scope { targets: ["billing".into()].into(), ..Scope::default() };
    let new = NewCampaign { scope, ..campaign(rules()) };
    let opened = world.governance.open_campaign(&ada(), new).await.unwrap();
    ids.truncate(2);
    ids.sort();
    assert_eq!(opened.state, CampaignState::Open);
    let opening = opened.opening.clone().unwrap();
    assert_eq!(opening.items, 2);
    assert_eq!(
        opening.excluded,
        [("out_of_scope".to_owned(), 1), ("revoked".to_owned(), 1)].into()
    );
    assert_eq!(opened.due_at, world.now().plus(Span::from_days(14)));
    // Anybody can make the digest again from what is stored, and the ledger has it.
    let mut bytes = Vec::new();
    for id in &ids {
        let item = world.item(&opened, *id).await;
        assert_eq!(item.digest, item.snapshot.digest());
        assert_eq!(item.snapshot.grant, world.stored(*id).await);
        assert_eq!(world.asked(&opened, *id).await, ["olivia"]);
        bytes.extend_from_slice(&item.digest.0);
    }
    assert_eq!(opening.digest, Digest::of(&bytes));
    let entries = world.entries("review.opened");
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["digest"], opening.digest.to_string());
    assert_eq!(entries[0]["items"], 2);
    assert!(world.read_back().iter().all(Result::is_ok));
    assert_eq!(world.governance.reviews_waiting_for(&"olivia".into()).await.unwrap(), 2);
}

async fn r01_a_snapshot_does_not_change_when_the_grant_does(world: World) {
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    let opened = world.open_review(rules()).await;
    let before = world.item(&opened, id).await;
    world.governance.certify_grant(&olivia(), id, 1).await.unwrap();
    world.look().await;
    let after = world.item(&opened, id).await;
    assert_eq!((before.snapshot, before.digest), (after.snapshot, after.digest));
    let view = world.governance.item(&olivia(), opened.id, id).await.unwrap();
    let codes: Vec<&str> = view.since_snapshot.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["certified"]);
}

async fn r01_a_crash_in_the_middle_begins_anew(world: World) {
    let mut ids = Vec::new();
    for name in ["riley", "sam", "kim"] {
        ids.push(world.grant(&olivia(), subject(name), CUSTOMER).await);
    }
    let opened = world.open_review(rules()).await;
    // As a crash leaves it: written down, begun by this gateway, one item there.
    let item = world.item(&opened, ids[0]).await;
    let half = countersign_model::review::Campaign {
        id: countersign_model::CampaignId::new(world.now(), world.governance.entropy()),
        opening: None,
        state: CampaignState::Opening,
        ..opened.clone()
    };
    let mut change = world.governance.store().change().await.unwrap();
    change.add_campaign(&half).await.unwrap();
    let claimed = change.claim_filling(half.id, None, "before the crash", "one").await.unwrap();
    assert_eq!(claimed, countersign_store::Written::Done);
    let item = countersign_model::review::Item { campaign: half.id, ..item };
    change.add_items(half.id, &[item]).await.unwrap();
    change.commit().await.unwrap();
    let world = world.restart().await;
    world.look().await;
    let opened = world.campaign(half.id).await;
    assert_eq!(opened.state, CampaignState::Open);
    assert_eq!(opened.opening.unwrap().items, 3);
    assert_eq!(world.entries("review.opened").len(), 2);
    // A second look opens nothing again.
    world.look().await;
    assert_eq!(world.entries("review.opened").len(), 2);
}

async fn r01_two_gateways_make_one_snapshot(world: World) {
    let other = world.beside("two").await;
    world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let opened = world.open_review(rules()).await;
    let half = countersign_model::review::Campaign {
        id: countersign_model::CampaignId::new(world.now(), world.governance.entropy()),
        opening: None,
        state: CampaignState::Opening,
        ..opened
    };
    let mut change = world.governance.store().change().await.unwrap();
    change.add_campaign(&half).await.unwrap();
    change.commit().await.unwrap();
    let (one, two) = tokio::join!(world.governance.run_reviews(), other.governance.run_reviews());
    one.unwrap();
    two.unwrap();
    world.look().await;
    other.look().await;
    assert_eq!(world.campaign(half.id).await.state, CampaignState::Open);
    let both = world.entries("review.opened").len() + other.entries("review.opened").len();
    assert_eq!(both, 2, "one each for the two campaigns");
}

async fn r03_grants_made_meanwhile_are_in_the_report_and_no_items(world: World) {
    let before = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let opened = world.open_review(CampaignRules { grace: Span::from_days(0), ..rules() }).await;
    let late = world.grant(&olivia(), subject("sam"), CUSTOMER).await;
    world.answer(&olivia(), &opened, before, ReviewVerdict::Certify).await.unwrap();
    let missing = world.governance.item(&ada(), opened.id, late).await.unwrap_err();
    assert_eq!(missing.code(), "no_such_item");
    world.pass_days(15).await;
    let closed = world.campaign(opened.id).await;
    let CampaignState::Closed { report: digest, .. } = closed.state else {
        panic!("{:?}", closed.state)
    };
    let report = world.governance.review_report(&ada(), opened.id).await.unwrap();
    assert_eq!(Digest::of(report.as_bytes()), digest);
    let report: serde_json::Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["not_reviewed"][0]["grant"], late.to_string());
    assert_eq!(report["not_reviewed"].as_array().unwrap().len(), 1);
    assert_eq!(report["results"]["certified"], 1);
    let entries = world.entries("review.closed");
    assert_eq!(entries[0]["report"], digest.to_string());
    assert_eq!(entries[0]["made_meanwhile"], 1);
}

async fn only_an_administrator_opens_by_hand(world: World) {
    let codes = [
        world.governance.open_campaign(&olivia(), campaign(rules())).await.unwrap_err().code(),
        world
            .governance
            .open_campaign(&actor("kim", &["audit", "platform"]), campaign(rules()))
            .await
            .unwrap_err()
            .code(),
        world
            .governance
            .open_campaign(&actor("svc:bot", &["platform"]), campaign(rules()))
            .await
            .unwrap_err()
            .code(),
    ];
    assert_eq!(codes, ["not_administrator", "auditor_changes_nothing", "not_a_person"]);
    let none = CampaignRules { stages: vec![], ..rules() };
    let error = world.governance.open_campaign(&ada(), campaign(none)).await.unwrap_err();
    assert_eq!(error.to_string(), "rules.stages: 1 to 3 stages");
    // Who has no part in a campaign does not learn that there is one.
    let opened = world.open_review(rules()).await;
    let error = world.governance.campaign(&actor("kim", &[]), opened.id).await.unwrap_err();
    assert_eq!(error.code(), "no_such_campaign");
    assert!(
        world.governance.campaigns(&actor("kim", &[]), &<_>::default()).await.unwrap().is_empty()
    );
}
