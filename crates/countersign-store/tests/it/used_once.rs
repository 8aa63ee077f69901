//! What may be used once is used once, whoever asks.

use crate::world::{NOW, World, on_both};
use countersign_model::{Digest, Span};

on_both!(of_many_that_ask_one_is_the_first, what_is_over_is_forgotten);

async fn of_many_that_ask_one_is_the_first(world: World) {
    let until = NOW.plus(Span::from_seconds(60));
    let asked = (0..8).map(|_| {
        let store = world.store.clone();
        tokio::spawn(async move { store.use_once(&Digest::of(b"an assertion"), until).await })
    });
    let mut first = 0;
    for asked in asked.collect::<Vec<_>>() {
        first += usize::from(asked.await.unwrap().unwrap());
    }
    assert_eq!(first, 1);
    assert!(world.store.use_once(&Digest::of(b"another"), until).await.unwrap());
}

async fn what_is_over_is_forgotten(world: World) {
    let (soon, late) = (NOW.plus(Span::from_seconds(1)), NOW.plus(Span::from_seconds(2)));
    assert!(world.store.use_once(&Digest::of(b"soon"), soon).await.unwrap());
    assert!(world.store.use_once(&Digest::of(b"late"), late).await.unwrap());
    assert_eq!(world.store.sweep_used_once(soon).await.unwrap(), 1);
    assert!(world.store.use_once(&Digest::of(b"soon"), late).await.unwrap());
    assert!(!world.store.use_once(&Digest::of(b"late"), late).await.unwrap());
}
