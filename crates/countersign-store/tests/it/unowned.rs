//! What is noted of functions that nobody answers for: each thing once, whichever gateway is first.

use crate::world::{NOW, World, on_both};
use countersign_model::{FunctionName, Span, snapshot::Unowned};
use countersign_store::Written;

on_both!(r07_each_thing_is_noted_once);

async fn r07_each_thing_is_noted_once(world: World) {
    let refund = FunctionName::from("billing.refunds.create");
    let later = NOW.plus(Span::from_days(14));
    let mut change = world.store.change().await.unwrap();
    assert_eq!(change.saw_unowned(&refund, NOW).await.unwrap(), Written::Done);
    assert_eq!(change.saw_unowned(&refund, later).await.unwrap(), Written::Conflict);
    change.commit().await.unwrap();
    let noted = Unowned { function: refund.clone(), seen_at: NOW, stopped_at: None };
    let all = || async { world.store.view().await.unwrap().unowned().await.unwrap() };
    assert_eq!(all().await, std::slice::from_ref(&noted));
    let mut change = world.store.change().await.unwrap();
    assert_eq!(change.stop_unowned(&noted, later).await.unwrap(), Written::Done);
    assert_eq!(change.stop_unowned(&noted, later).await.unwrap(), Written::Conflict);
    change.commit().await.unwrap();
    assert_eq!(all().await, [Unowned { stopped_at: Some(later), ..noted.clone() }]);
    // A note of another time is another one.
    let other = Unowned { seen_at: later, ..noted.clone() };
    let mut change = world.store.change().await.unwrap();
    assert_eq!(change.forget_unowned(&other).await.unwrap(), Written::Conflict);
    assert_eq!(change.forget_unowned(&noted).await.unwrap(), Written::Done);
    assert_eq!(change.forget_unowned(&noted).await.unwrap(), Written::Conflict);
    change.commit().await.unwrap();
    assert_eq!(all().await, []);
}
