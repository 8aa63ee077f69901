use super::{WAITING_PER_CALLER_MAX, Waiters};
use countersign_model::Subject;

#[test]
fn a_subject_has_its_own_places_and_gives_them_back() {
    let waiters = Waiters::default();
    let (one, two) = (Subject::from("one"), Subject::from("two"));
    let places: Vec<_> = (0..WAITING_PER_CALLER_MAX).map(|_| waiters.enter(&one)).collect();
    assert!(places.iter().all(Option::is_some));
    assert!(waiters.enter(&one).is_none(), "one more than there are");
    assert!(waiters.enter(&two).is_some(), "another subject has its own");
    drop(places);
    assert!(waiters.enter(&one).is_some());
    assert!(waiters.waiting().is_empty(), "nobody waits, and nobody is remembered");
}
