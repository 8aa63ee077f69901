//! Several gateways on the same facts.

#![expect(clippy::print_stdout, reason = "what was measured is shown with --nocapture")]

use crate::world::{CUSTOMER, World, ada, demand, olivia, on_both, subject};
use countersign_governance::{Active, Directory, UserFacts};
use countersign_model::{ApprovalState, Span, Verdict, snapshot::Letters};
use std::time::Duration;
use tokio::time::Instant;

on_both!(
    a_change_reaches_the_other_gateway,
    who_leaves_is_barred_on_the_other_gateway,
    a_dead_gateway_is_taken_over,
);

async fn a_change_reaches_the_other_gateway(world: World) {
    let other = world.beside("two").await;
    let keeper = tokio::spawn(other.governance.clone().keep_current());
    let id = world.grant(&olivia(), subject("riley"), CUSTOMER).await;
    let wanted = world.governance.policy().load().epoch();
    until(|| other.governance.policy().load().epoch() == wanted).await;
    assert!(other.governance.grant(id).is_some());
    world.governance.suspend(&ada(), &"riley".into(), "stolen").await.unwrap();
    until(|| other.governance.policy().load().suspension(&"riley".into()).is_some()).await;
    keeper.abort();
}

/// The bound of the product is five seconds; the time that it took is shown.
async fn who_leaves_is_barred_on_the_other_gateway(world: World) {
    let other = world.beside("two").await;
    let keeper = tokio::spawn(other.governance.clone().keep_current());
    let okta = Directory { name: "okta".into(), letters: Letters::Folded, groups: None };
    let user = |active| UserFacts {
        name: "riley".to_owned(),
        external_id: None,
        subject: "riley".into(),
        active,
        document: "{}".to_owned(),
    };
    let mut row = world.governance.add_user(&okta, user(Active::Yes)).await.unwrap();
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let began = Instant::now();
        row = world.governance.write_user(&okta, &row, user(Active::No)).await.unwrap();
        until(|| other.governance.policy().load().bars(&"riley".into())).await;
        slowest = slowest.max(began.elapsed());
        row = world.governance.write_user(&okta, &row, user(Active::Yes)).await.unwrap();
        until(|| !other.governance.policy().load().bars(&"riley".into())).await;
    }
    println!("deactivated here, barred on the other gateway: {slowest:?} at most");
    assert!(slowest < Duration::from_secs(5), "{slowest:?}");
    keeper.abort();
}

async fn a_dead_gateway_is_taken_over(world: World) {
    let mut other = world.beside("two").await;
    let used = other.held("used", vec![demand(&["owner"], 1)]).await;
    other.governance.vote(&olivia(), used, Verdict::Approve, "").await.unwrap();
    other.governance.redeem(used, other.call()).await.unwrap();
    other.break_ledger();
    other.governance.suspend(&ada(), &"sam".into(), "left").await.unwrap_err();
    drop(other);
    world.pass(Span::from_seconds(601));
    // Whoever starts next after the bound finds it.
    let third = world.beside("three").await;
    let found = third.governance.approval(used).await.unwrap().unwrap();
    assert!(matches!(found.state, ApprovalState::OutcomeUnknown { .. }));
    assert_eq!(third.entries("stop.changed").len(), 1);
}

/// Waits until something is so, 20 seconds at most.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    let look = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), look).await.unwrap();
}
