//! Opening: what is refused, and what the file looks like.

use crate::world::{NOW, World, on_both};
use countersign_model::Epoch;
use countersign_store::{OpenError, Store, StoreError};
use std::time::Duration;

on_both!(opens_again_with_what_was_there, an_unfinished_change_leaves_nothing, a_listener_hears);

async fn opens_again_with_what_was_there(world: World) {
    let mut change = world.store.change().await.unwrap();
    assert_eq!(change.next_epoch().await.unwrap(), Epoch(1));
    change.commit().await.unwrap();
    world.store.close().await;
    let again = Store::open(&world.url).await.unwrap();
    let counters = again.view().await.unwrap().counters().await.unwrap();
    assert_eq!((counters.epoch, counters.approvals), (Epoch(1), 0));
}

async fn an_unfinished_change_leaves_nothing(world: World) {
    let mut change = world.store.change().await.unwrap();
    change.next_epoch().await.unwrap();
    drop(change);
    let counters = world.store.view().await.unwrap().counters().await.unwrap();
    assert_eq!(counters.epoch, Epoch(0));
    // And it does not keep others out.
    world.store.change().await.unwrap().lock_epoch().await.unwrap();
}

async fn a_listener_hears(world: World) {
    let Some(mut listener) = world.store.listen().await.unwrap() else { return };
    let mut change = world.store.change().await.unwrap();
    change.next_tick().await.unwrap();
    change.commit().await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), listener.changed()).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_no_store_is_refused_with_the_real_reason() {
    let directory = tempfile::tempdir().unwrap();
    let missing = format!("sqlite:{}/no/such/facts.db", directory.path().display());
    let error = |url: String| async move { Store::open(&url).await.unwrap_err() };
    assert!(matches!(error("mysql://x".to_owned()).await, OpenError::UnknownKind));
    assert!(matches!(error("sqlite::memory:".to_owned()).await, OpenError::InMemory));
    assert!(matches!(error(missing).await, OpenError::File { .. }));
    let refused = error("postgres://nobody@127.0.0.1:1/none".to_owned()).await;
    let OpenError::Unreachable(sqlx::Error::Io(cause)) = refused else { panic!("{refused:?}") };
    assert_eq!(cause.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::sqlite().await;
    let mut change = world.store.change().await.unwrap();
    change.saw_gateway("one", NOW).await.unwrap();
    change.commit().await.unwrap();
    for file in std::fs::read_dir(world.directory.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.path());
    }
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_not_touched() {
    use sqlx::Connection as _;
    let world = World::sqlite().await;
    world.store.close().await;
    let mut raw = sqlx::SqliteConnection::connect(&world.url).await.unwrap();
    sqlx::query("INSERT INTO migrations (version) VALUES (99)").execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
    let error = Store::open(&world.url).await.unwrap_err();
    assert!(matches!(error, OpenError::TooNew { found: 99, .. }), "{error:?}");
}

#[tokio::test]
async fn a_view_writes_nothing_and_a_closed_store_says_so() {
    let world = World::sqlite().await;
    let mut view = world.store.view().await.unwrap();
    assert!(view.next_epoch().await.is_err());
    drop(view);
    world.store.close().await;
    assert!(matches!(world.store.view().await, Err(StoreError::Database(sqlx::Error::PoolClosed))));
}
