//! The outbox: order, gateways, and what is delivered twice.

use crate::world::{NOW, World, deliver, entry, keep, on_both};
use countersign_model::{Epoch, Span};
use countersign_store::Effect;

on_both!(entries_wait_in_order_and_are_forgotten_once, a_dead_gateways_entries_are_taken_over);

async fn entries_wait_in_order_and_are_forgotten_once(world: World) {
    let ids = [entry(), entry(), entry()];
    let mut change = world.store.change().await.unwrap();
    for id in ids {
        keep(&mut change, id, "riley", Effect::AtDelivery).await;
    }
    change.commit().await.unwrap();
    let mut view = world.store.view().await.unwrap();
    let waiting = view.waiting_entries("one").await.unwrap();
    let found: Vec<&str> = waiting.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(found, ids.map(|id| id.to_string()));
    assert_eq!(waiting[0].entry, ids[0].to_string().into_bytes());
    assert_eq!(view.entries_wait_about("riley").await.unwrap(), 3);
    assert_eq!(view.entries_wait_about("sam").await.unwrap(), 0);
    drop(view);
    deliver(&world.store).await;
    let counters = world.store.view().await.unwrap().counters().await.unwrap();
    assert_eq!(counters.epoch, Epoch(1), "one delivery is one epoch");
    deliver(&world.store).await;
    let mut view = world.store.view().await.unwrap();
    assert_eq!(view.counters().await.unwrap().epoch, Epoch(1), "nothing was delivered");
    assert_eq!(view.entries_wait_about("riley").await.unwrap(), 0);
}

async fn a_dead_gateways_entries_are_taken_over(world: World) {
    let mut change = world.store.change().await.unwrap();
    change.saw_gateway("one", NOW).await.unwrap();
    change.saw_gateway("two", NOW.plus(Span::from_days(1))).await.unwrap();
    keep(&mut change, entry(), "riley", Effect::AtCommit).await;
    let later = NOW.plus(Span::from_seconds(1));
    assert_eq!(change.gateways_silent_since(NOW).await.unwrap(), Vec::<String>::new());
    assert_eq!(change.gateways_silent_since(later).await.unwrap(), ["one"]);
    assert_eq!(change.adopt_entries("one", "two").await.unwrap(), 1);
    change.forget_gateway("one").await.unwrap();
    assert_eq!(change.waiting_entries("two").await.unwrap().len(), 1);
    assert_eq!(change.waiting_entries("one").await.unwrap().len(), 0);
    assert_eq!(change.gateways_silent_since(later).await.unwrap(), Vec::<String>::new());
    change.commit().await.unwrap();
}
