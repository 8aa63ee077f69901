//! How current the policy is.

use crate::{
    gateways::until,
    world::{World, demand, on_both},
};
use countersign_model::Span;

on_both!(a_store_that_is_gone_makes_the_policy_stale, time_is_kept_by_the_keeper);

async fn a_store_that_is_gone_makes_the_policy_stale(world: World) {
    let policy = world.governance.policy();
    assert!(policy.is_current(world.now()));
    world.pass(Span::from_seconds(5));
    assert!(policy.is_current(world.now()), "within the bound");
    world.pass(Span::from_millis(1));
    assert!(!policy.is_current(world.now()));
    assert!(!policy.is_current(world.now().minus(Span::from_seconds(60))), "a clock set back");
    // It is current again by itself.
    let keeper = tokio::spawn(world.governance.clone().keep_current());
    until(|| policy.is_current(world.now())).await;
    world.governance.store().close().await;
    world.pass(Span::from_seconds(6));
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert!(!policy.is_current(world.now()));
    keeper.abort();
}

async fn time_is_kept_by_the_keeper(world: World) {
    let id = world.held("call", vec![demand(&["owner"], 1)]).await;
    let mut watch = world.governance.watch_approval(id);
    let keeper = tokio::spawn(world.governance.clone().keep_current());
    world.pass(Span::from_seconds(901));
    let woken = tokio::time::timeout(std::time::Duration::from_secs(20), watch.changed());
    woken.await.unwrap().unwrap();
    until(|| world.entries("approval.changed").len() == 1).await;
    keeper.abort();
}
