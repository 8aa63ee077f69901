//! Grants: the compare-and-set, and what is in force while an entry waits.

use crate::world::{NOW, World, deliver, entry, grant, keep, on_both};
use countersign_model::{Digest, Epoch, Grant, catalog::raw::RawCatalog};
use countersign_store::{CatalogRow, Effect, GrantRow, Store, Written};

on_both!(
    who_writes_second_conflicts,
    a_new_grant_is_in_force_when_its_entry_is_written,
    a_certification_waits_and_a_revocation_does_not,
    a_look_brings_only_what_changed,
    a_catalog_is_in_force_when_its_entry_is_written,
);

async fn add(store: &Store, grant: &Grant) {
    let mut change = store.change().await.unwrap();
    let (epoch, id) = (change.lock_epoch().await.unwrap(), entry());
    change.add_grant(grant, epoch, id).await.unwrap();
    keep(&mut change, id, &grant.id.to_string(), Effect::AtDelivery).await;
    change.commit().await.unwrap();
}

async fn write(store: &Store, row: GrantRow, effect: Effect) -> Written {
    let mut change = store.change().await.unwrap();
    let epoch = match effect {
        Effect::AtCommit => change.next_epoch().await.unwrap(),
        Effect::AtDelivery => change.lock_epoch().await.unwrap(),
    };
    let id = entry();
    let written = change.write_grant(&row, epoch, id, effect).await.unwrap();
    keep(&mut change, id, &row.grant.id.to_string(), effect).await;
    change.commit().await.unwrap();
    written
}

async fn in_force(store: &Store, since: Option<u64>) -> Vec<Grant> {
    store.view().await.unwrap().grants_since(since.map(Epoch)).await.unwrap()
}

async fn stored(store: &Store, grant: &Grant) -> GrantRow {
    store.view().await.unwrap().grant(grant.id).await.unwrap().unwrap()
}

async fn who_writes_second_conflicts(world: World) {
    let grant = grant("riley");
    add(&world.store, &grant).await;
    let row = stored(&world.store, &grant).await;
    assert_eq!(write(&world.store, row.clone(), Effect::AtCommit).await, Written::Done);
    assert_eq!(write(&world.store, row, Effect::AtCommit).await, Written::Conflict);
    assert_eq!(stored(&world.store, &grant).await.revision, 2);
}

async fn a_new_grant_is_in_force_when_its_entry_is_written(world: World) {
    let grant = grant("riley");
    add(&world.store, &grant).await;
    assert_eq!(in_force(&world.store, None).await, []);
    deliver(&world.store).await;
    assert_eq!(in_force(&world.store, None).await, std::slice::from_ref(&grant));
    assert_eq!(in_force(&world.store, Some(0)).await, [grant]);
    assert_eq!(in_force(&world.store, Some(1)).await, []);
}

async fn a_certification_waits_and_a_revocation_does_not(world: World) {
    let grant = grant("riley");
    add(&world.store, &grant).await;
    deliver(&world.store).await;
    for _ in 0..2 {
        // The second waits upon the first, and what was in force before both still is.
        let row = stored(&world.store, &grant).await;
        let certified = row.grant.certify(&"olivia".into(), NOW).unwrap();
        let row = GrantRow { grant: certified, revision: row.revision };
        assert_eq!(write(&world.store, row, Effect::AtDelivery).await, Written::Done);
        assert_eq!(in_force(&world.store, None).await, std::slice::from_ref(&grant));
        assert_eq!(in_force(&world.store, Some(1)).await, []);
    }
    deliver(&world.store).await;
    assert!(in_force(&world.store, Some(1)).await[0].certified.is_some());
    let row = stored(&world.store, &grant).await;
    let revoked = row.grant.revoke(&"olivia".into(), NOW, "done");
    let row = GrantRow { grant: revoked.clone(), revision: row.revision };
    assert_eq!(write(&world.store, row, Effect::AtCommit).await, Written::Done);
    assert_eq!(in_force(&world.store, Some(2)).await, [revoked]);
}

async fn a_look_brings_only_what_changed(world: World) {
    let grants = [grant("riley"), grant("sam"), grant("kim")];
    for grant in &grants {
        add(&world.store, grant).await;
        deliver(&world.store).await;
    }
    assert_eq!(in_force(&world.store, None).await.len(), 3);
    assert_eq!(in_force(&world.store, Some(2)).await, [grants[2].clone()]);
}

async fn a_catalog_is_in_force_when_its_entry_is_written(world: World) {
    let digests = [Digest::of(b"one"), Digest::of(b"two")];
    let current = || async {
        let mut view = world.store.view().await.unwrap();
        let last = view.last_catalog_digest().await.unwrap();
        (view.catalog_digest().await.unwrap(), last)
    };
    assert_eq!(current().await, (None, None));
    let mut before = None;
    for digest in digests {
        let row = CatalogRow { digest, catalog: RawCatalog::default() };
        let mut change = world.store.change().await.unwrap();
        let id = entry();
        change.add_catalog(&row, &"ada".into(), NOW, id).await.unwrap();
        keep(&mut change, id, &digest.to_string(), Effect::AtDelivery).await;
        change.commit().await.unwrap();
        assert_eq!(current().await, (before, Some(digest)));
        deliver(&world.store).await;
        assert_eq!(current().await, (Some(digest), Some(digest)));
        let found = world.store.view().await.unwrap().catalog(&digest).await.unwrap();
        assert_eq!(found, Some(row));
        before = Some(digest);
    }
}
