use super::*;

fn id(number: u8) -> ApprovalId {
    ApprovalId::from_bytes([number; 16])
}

#[test]
fn who_waits_is_told_once_of_each_change() {
    let watchers = Watchers::default();
    let mut first = watchers.watch(id(1));
    let second = watchers.watch(id(2));
    assert!(!first.has_changed().unwrap(), "nothing happened yet");
    watchers.tell(id(1), 5);
    assert!(first.has_changed().unwrap());
    assert!(!second.has_changed().unwrap(), "another approval");
    assert_eq!(*first.borrow_and_update(), 5);
    // The same change, seen again by a look at the store.
    watchers.tell(id(1), 5);
    watchers.tell(id(1), 4);
    assert!(!first.has_changed().unwrap());
    watchers.tell(id(3), 9);
    assert_eq!(watchers.0.lock().unwrap().len(), 2, "nobody waits for the third");
}

#[test]
fn what_nobody_waits_for_is_forgotten() {
    let watchers = Watchers::default();
    let kept = watchers.watch(id(1));
    let again = watchers.watch(id(1));
    drop((again, watchers.watch(id(2))));
    watchers.sweep();
    assert_eq!(watchers.0.lock().unwrap().len(), 1);
    watchers.tell(id(1), 1);
    assert!(kept.has_changed().unwrap());
}
