//! Transmitters are heard by whichever gateway, and the latest moment counts.

use crate::world::{NOW, World, on_both};
use countersign_model::Span;

on_both!(the_latest_moment_counts);

async fn the_latest_moment_counts(world: World) {
    let later = NOW.plus(Span::from_seconds(60));
    assert_eq!(world.store.last_heard().await.unwrap(), []);
    world.store.hear("acme", later).await.unwrap();
    // Another gateway's clock is behind.
    world.store.hear("acme", NOW).await.unwrap();
    world.store.hear("beta", NOW).await.unwrap();
    let heard = world.store.last_heard().await.unwrap();
    assert_eq!(heard, [("acme".to_owned(), later), ("beta".to_owned(), NOW)]);
}
