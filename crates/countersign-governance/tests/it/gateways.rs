//! Several gateways on the same facts.

use crate::world::{CUSTOMER, World, ada, demand, olivia, on_both, subject};
use countersign_model::{ApprovalState, Span, Verdict};
use std::time::Duration;

on_both!(a_change_reaches_the_other_gateway, a_dead_gateway_is_taken_over);

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
