//! What time does: due dates (R8), the breaker (R9), what every gateway serves (R11), reminders.

use super::scene::rules;
use crate::world::{CUSTOMER, REFUND, STATUS, World, ada, olivia, on_both, subject};
use countersign_governance::Extension;
use countersign_model::{
    GrantState, Reason, Span,
    review::{AutomaticEnd, CampaignRules, CampaignState, ItemState, ReviewVerdict},
};

on_both!(
    r08_no_answer_suspends_and_then_ends_what_is_high,
    r08_no_answer_keeps_what_is_low_and_never_certifies_it,
    r08_no_answer_takes_the_recommendation_of_what_is_medium,
    r08_an_answer_in_grace_lets_a_suspended_grant_carry_calls_again,
    r08_a_look_after_both_dates_does_both_in_order,
    r09_the_breaker_stops_what_would_end_too_much,
    r09_more_time_lets_people_answer,
    r11_an_outcome_is_verified_when_every_gateway_serves_it,
    a_grant_that_ends_otherwise_makes_its_item_moot,
    a_reminder_is_sent_once,
);

use ReviewVerdict::{Certify, Revoke};

async fn r08_no_answer_suspends_and_then_ends_what_is_high(world: World) {
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    world.governance.certify_grant(&olivia(), id, 1).await.unwrap();
    let opened = world.open_review(rules()).await;
    world.pass_days(13).await;
    assert_eq!(world.said("riley", &[], REFUND), Reason::Granted);
    world.pass_days(1).await;
    assert_eq!(world.said("riley", &[], REFUND), Reason::GrantSuspended);
    assert_eq!(world.state(&opened, id).await, "suspended");
    assert!(matches!(world.campaign(opened.id).await.state, CampaignState::Grace { .. }));
    world.pass_days(6).await;
    assert!(matches!(world.stored(id).await.state, GrantState::Suspended { .. }));
    world.pass_days(1).await;
    assert_eq!(world.said("riley", &[], REFUND), Reason::GrantRevoked);
    assert_eq!(world.state(&opened, id).await, "ended_by_rule");
    assert!(matches!(world.campaign(opened.id).await.state, CampaignState::Closed { .. }));
    // What is over is over: nothing runs twice.
    let entries = world.entries("grant.changed").len();
    for _ in 0..3 {
        world.pass_days(1).await;
    }
    assert_eq!(world.entries("grant.changed").len(), entries);
    assert_eq!(world.entries("review.closed").len(), 1);
}

async fn r08_no_answer_keeps_what_is_low_and_never_certifies_it(world: World) {
    let id = world.grant(&ada(), subject("riley"), STATUS).await;
    let certified = world.stored(id).await.certified;
    let opened = world.open_review(rules()).await;
    world.pass_days(14).await;
    assert_eq!(world.state(&opened, id).await, "not_reviewed");
    assert_eq!(world.stored(id).await.certified, certified);
    assert!(matches!(world.campaign(opened.id).await.state, CampaignState::Closed { .. }));
    let decided = world.entries("review.decided");
    assert_eq!(decided[0]["result"], "not_reviewed");
    assert_eq!(decided[0].get("by"), None);
}

async fn r08_no_answer_takes_the_recommendation_of_what_is_medium(world: World) {
    let gone = world.grant(&ada(), subject("riley"), CUSTOMER).await;
    let there = world.grant(&ada(), subject("kim"), CUSTOMER).await;
    world.deactivate("riley").await;
    let opened = world.open_review(rules()).await;
    world.pass_days(14).await;
    assert_eq!(world.state(&opened, gone).await, "ended_by_rule");
    assert!(matches!(world.stored(gone).await.state, GrantState::Revoked { .. }));
    // Too little is known of this one: it stays, and is not certified.
    assert_eq!(world.state(&opened, there).await, "not_reviewed");
    assert_eq!(world.stored(there).await.certified, None);
}

async fn r08_an_answer_in_grace_lets_a_suspended_grant_carry_calls_again(world: World) {
    let keep = world.grant(&ada(), subject("riley"), REFUND).await;
    let end = world.grant(&ada(), subject("kim"), REFUND).await;
    let opened = world.open_review(rules()).await;
    world.pass_days(14).await;
    world.answer(&olivia(), &opened, keep, Certify).await.unwrap();
    assert_eq!(world.said("riley", &[], REFUND), Reason::Granted);
    // Undone, it is suspended again: grace has not begun anew.
    world.governance.undo(&olivia(), opened.id, keep).await.unwrap();
    assert_eq!(world.said("riley", &[], REFUND), Reason::GrantSuspended);
    assert_eq!(world.state(&opened, keep).await, "suspended");
    world.answer(&olivia(), &opened, keep, Certify).await.unwrap();
    world.answer(&olivia(), &opened, end, Revoke).await.unwrap();
    world.governance.undo(&olivia(), opened.id, end).await.unwrap();
    assert_eq!(world.said("kim", &[], REFUND), Reason::GrantSuspended);
    assert_eq!(world.state(&opened, end).await, "suspended");
    world.answer(&olivia(), &opened, end, Revoke).await.unwrap();
    world.look().await;
    assert!(matches!(world.campaign(opened.id).await.state, CampaignState::Closed { .. }));
    assert_eq!(world.said("riley", &[], REFUND), Reason::Granted);
}

async fn r08_a_look_after_both_dates_does_both_in_order(world: World) {
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    let opened = world.open_review(rules()).await;
    let world = world.restart().await;
    world.pass_days(60).await;
    assert_eq!(world.state(&opened, id).await, "ended_by_rule");
    let changes: Vec<_> =
        world.entries("review.changed").iter().map(|it| it["change"].clone()).collect();
    assert_eq!(changes, ["suspended", "due"]);
    assert_eq!(world.entries("review.closed").len(), 1);
}

async fn r09_the_breaker_stops_what_would_end_too_much(world: World) {
    let mut ids = Vec::new();
    for name in ["a", "b", "c", "d"] {
        ids.push(world.grant(&ada(), subject(name), REFUND).await);
    }
    let opened = world.open_review(CampaignRules { breaker_percent: 50, ..rules() }).await;
    world.answer(&olivia(), &opened, ids[0], Certify).await.unwrap();
    world.pass_days(14).await;
    let stopped = world.campaign(opened.id).await;
    let CampaignState::Stopped { would_end, of, .. } = stopped.state else { panic!("{stopped:?}") };
    assert_eq!((would_end, of), (3, 4));
    assert_eq!(world.state(&opened, ids[1]).await, "open");
    world.pass_days(30).await;
    assert_eq!(world.state(&opened, ids[1]).await, "open", "it waits for an administrator");
    let error = world.governance.confirm_close(&olivia(), opened.id).await.unwrap_err();
    assert_eq!(error.code(), "not_administrator");
    world.governance.confirm_close(&ada(), opened.id).await.unwrap();
    assert_eq!(world.state(&opened, ids[1]).await, "suspended");
    // Grace has been over for long: that end asks again, and not before.
    let state = world.campaign(opened.id).await.state;
    assert!(
        matches!(state, CampaignState::Stopped { before: AutomaticEnd::Grace, .. }),
        "{state:?}"
    );
    world.governance.confirm_close(&ada(), opened.id).await.unwrap();
    assert_eq!(world.state(&opened, ids[1]).await, "ended_by_rule");
    assert_eq!(world.state(&opened, ids[0]).await, "certified");
    let changes: Vec<_> =
        world.entries("review.changed").iter().map(|it| it["change"].clone()).collect();
    assert_eq!(changes.iter().filter(|it| **it == "stopped").count(), 2);
    assert_eq!(changes.iter().filter(|it| **it == "confirmed").count(), 2);
}

async fn r09_more_time_lets_people_answer(world: World) {
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    let opened = world.open_review(CampaignRules { breaker_percent: 50, ..rules() }).await;
    world.pass_days(15).await;
    assert_eq!(world.campaign(opened.id).await.state.name(), "stopped");
    let more = |days: i64| Extension {
        end: AutomaticEnd::Due,
        until: world.now().plus(Span::from_days(days)),
        why: "holidays".to_owned(),
    };
    let error = world.governance.extend(&ada(), opened.id, &more(0)).await.unwrap_err();
    assert_eq!(error.code(), "invalid_review");
    let error = world.governance.extend(&ada(), opened.id, &more(91)).await.unwrap_err();
    assert_eq!(error.code(), "invalid_review");
    let error = world.governance.extend(&olivia(), opened.id, &more(7)).await.unwrap_err();
    assert_eq!(error.code(), "not_administrator");
    world.governance.extend(&ada(), opened.id, &more(7)).await.unwrap();
    world.look().await;
    assert_eq!(world.campaign(opened.id).await.state.name(), "open");
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
    world.pass_days(7).await;
    assert_eq!(world.state(&opened, id).await, "certified");
    assert_eq!(world.campaign(opened.id).await.state.name(), "closed");
}

async fn r11_an_outcome_is_verified_when_every_gateway_serves_it(world: World) {
    let other = world.beside("two").await;
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    other.look().await;
    let opened = world.open_review(rules()).await;
    let at = |item: countersign_model::review::Item| match item.state {
        ItemState::Decided(outcome) => outcome.verified_at,
        other => panic!("{other:?}"),
    };
    world.answer(&olivia(), &opened, id, Revoke).await.unwrap();
    world.look().await;
    assert_eq!(at(world.item(&opened, id).await), None, "the other gateway has not looked");
    assert_eq!(other.said("riley", &[], REFUND), Reason::GrantOverdue);
    world.pass(Span::from_seconds(2));
    other.look().await;
    assert_eq!(other.said("riley", &[], REFUND), Reason::GrantRevoked);
    world.look().await;
    assert_eq!(at(world.item(&opened, id).await), Some(world.now()));
}

async fn a_grant_that_ends_otherwise_makes_its_item_moot(world: World) {
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    let opened = world.open_review(rules()).await;
    world.governance.revoke_grant(&olivia(), id, "left").await.unwrap();
    world.look().await;
    assert_eq!(world.state(&opened, id).await, "moot");
    assert_eq!(world.governance.reviews_waiting_for(&"olivia".into()).await.unwrap(), 0);
    world.pass_days(14).await;
    assert_eq!(world.entries("review.closed")[0]["results"]["moot"], 1);
}

async fn a_reminder_is_sent_once(world: World) {
    let id = world.grant(&ada(), subject("riley"), REFUND).await;
    let opened = world.open_review(rules()).await;
    let reminded = || async { world.campaign(opened.id).await.reminded };
    world.pass_days(10).await;
    assert_eq!(reminded().await, 0);
    world.pass_days(1).await;
    assert_eq!(reminded().await, 1);
    world.look().await;
    assert_eq!(reminded().await, 1);
    world.pass_days(2).await;
    assert_eq!(reminded().await, 2);
    world.answer(&olivia(), &opened, id, Certify).await.unwrap();
}
