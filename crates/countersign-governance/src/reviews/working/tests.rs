use super::*;

/// The clockwork meets what somebody opens by hand: it must neither wait for ever nor end the other's.
#[test]
fn what_is_being_made_is_not_begun_twice_and_ends_with_whoever_began() {
    let working = Working::default();
    let id: CampaignId = "cmp_01J0000000000000000000000A".parse().unwrap();
    let first = Filling::begin(&working, id);
    assert!(first.is_some());
    for _ in 0..2 {
        assert!(Filling::begin(&working, id).is_none());
    }
    drop(first);
    assert!(Filling::begin(&working, id).is_some());
}
