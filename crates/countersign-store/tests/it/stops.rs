//! Suspensions and kill switches: at once on, off when the entry is written.

use crate::world::{NOW, World, deliver, entry, keep, on_both};
use countersign_model::snapshot::{Kill, KillScope, Suspension};
use countersign_store::{Effect, Written};

on_both!(a_suspension_stands_until_its_end_is_written, a_kill_switch_stays_on_when_turned_on_again);

async fn a_suspension_stands_until_its_end_is_written(world: World) {
    let suspension =
        Suspension { subject: "riley".into(), by: "ada".into(), at: NOW, why: "left".to_owned() };
    let standing = || async { world.store.view().await.unwrap().suspensions().await.unwrap() };
    let mut change = world.store.change().await.unwrap();
    change.suspend(&suspension).await.unwrap();
    change.commit().await.unwrap();
    assert_eq!(standing().await, std::slice::from_ref(&suspension));

    let mut change = world.store.change().await.unwrap();
    let id = entry();
    assert_eq!(
        change.lift_suspension(&"sam".into(), id).await.unwrap(),
        Written::Conflict,
        "who is not suspended"
    );
    assert_eq!(change.lift_suspension(&"riley".into(), id).await.unwrap(), Written::Done);
    keep(&mut change, id, "riley", Effect::AtDelivery).await;
    change.commit().await.unwrap();
    assert_eq!(standing().await, [suspension]);
    deliver(&world.store).await;
    assert_eq!(standing().await, []);
}

async fn a_kill_switch_stays_on_when_turned_on_again(world: World) {
    let kill = |why: &str| Kill {
        scope: KillScope::Target("billing".into()),
        by: "ada".into(),
        at: NOW,
        why: why.to_owned(),
    };
    let on = || async { world.store.view().await.unwrap().kills().await.unwrap() };
    let mut change = world.store.change().await.unwrap();
    change.kill(&kill("first")).await.unwrap();
    let id = entry();
    assert_eq!(change.lift_kill(&kill("").scope, id).await.unwrap(), Written::Done);
    keep(&mut change, id, "target:billing", Effect::AtDelivery).await;
    // Turned on again before the end of the first was written.
    change.kill(&kill("second")).await.unwrap();
    change.commit().await.unwrap();
    deliver(&world.store).await;
    assert_eq!(on().await, [kill("second")]);
}
