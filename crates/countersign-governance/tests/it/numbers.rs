//! Numbers of real campaigns, and who sees which.

use crate::{
    evidence::{finish, open},
    world::{World, actor, ada, on_both},
};
use countersign_governance::ReviewGauges;
use countersign_model::Span;

on_both!(numbers_of_a_campaign_and_who_sees_them, numbers_for_metrics_are_of_everything);

async fn numbers_of_a_campaign_and_who_sees_them(world: World) {
    let governance = &world.governance;
    let review = open(&world).await;
    let open = governance.review_numbers(&ada(), None).await.unwrap();
    assert_eq!((open.campaigns[0].items, open.campaigns[0].done_percent), (3, 0));
    let waits: Vec<(&str, u64)> =
        open.reviewers.iter().map(|it| (it.reviewer.as_str(), it.waits)).collect();
    assert_eq!(waits, [("olivia", 2), ("otto", 1)]);
    assert_eq!(open.campaigns[0].overdue, 0);
    world.pass(Span::from_days(20));
    let late = governance.review_numbers(&ada(), Some(review.id)).await.unwrap();
    assert_eq!(late.campaigns[0].overdue, 3, "nobody answered, and the clock did not run");

    finish(&world, &review).await;
    let closed = governance.review_numbers(&actor("gwen", &["audit"]), None).await.unwrap();
    let campaign = &closed.campaigns[0];
    assert_eq!((campaign.state, campaign.done_percent, campaign.overdue), ("signed_off", 100, 0));
    assert_eq!(campaign.results["certified"], 2);
    assert_eq!(campaign.revoked_percent, Some(33));
    assert!(campaign.signed_off_at.is_some());
    let olivia = closed.reviewers.iter().find(|it| it.reviewer.as_str() == "olivia").unwrap();
    assert_eq!((olivia.kept, olivia.revoked, olivia.waits), (1, 1, 0));
    assert_eq!(olivia.seen_ms, Some(4_000));
    let grants = closed.grants.unwrap();
    assert_eq!((grants.active, grants.never_certified), (2, 0));

    let own = governance.review_numbers(&actor("cora", &[]), None).await.unwrap();
    assert_eq!((own.campaigns.len(), own.grants), (1, None), "an owner sees their campaigns only");
    for id in [None, Some(review.id)] {
        let refused = governance.review_numbers(&actor("riley", &[]), id).await.unwrap_err();
        let code = if id.is_some() { "no_such_campaign" } else { "not_yours" };
        assert_eq!(refused.code(), code);
    }
}

async fn numbers_for_metrics_are_of_everything(world: World) {
    let governance = &world.governance;
    assert_eq!(governance.review_gauges(), None, "nothing was counted");
    let review = open(&world).await;
    world.pass(Span::from_seconds(90));
    governance.count_reviews().await.unwrap();
    let counted = governance.review_gauges().unwrap();
    assert_eq!(counted.campaigns, [("open".to_owned(), 1)]);
    assert_eq!((counted.open_items, counted.oldest_open_seconds), (3, 90));
    finish(&world, &review).await;
    governance.count_reviews().await.unwrap();
    let ReviewGauges { campaigns, open_items, oldest_open_seconds, results, .. } =
        (*governance.review_gauges().unwrap()).clone();
    assert_eq!(campaigns, [("signed_off".to_owned(), 1)]);
    assert_eq!((open_items, oldest_open_seconds), (0, 0));
    assert_eq!(results, [("certified".to_owned(), 2), ("revoked".to_owned(), 1)]);
}
