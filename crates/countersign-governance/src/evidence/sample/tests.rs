use super::draw;
use countersign_model::GrantId;

fn grants(count: u128) -> Vec<GrantId> {
    (0..count).map(|it| GrantId::from_bytes(it.to_be_bytes())).collect()
}

#[test]
fn a_seed_draws_the_same_items_whatever_their_order() {
    let all = grants(500);
    let back: Vec<GrantId> = all.iter().rev().copied().collect();
    assert_eq!(draw(&all, "2027-Q1", 25), draw(&back, "2027-Q1", 25));
    assert_ne!(draw(&all, "2027-Q1", 25), draw(&all, "2027-Q2", 25));
    let larger = draw(&all, "2027-Q1", 40);
    assert!(larger.starts_with(&draw(&all, "2027-Q1", 25)), "a larger sample has the smaller one");
}

#[test]
fn a_sample_has_each_item_once_and_never_more_than_there_are() {
    let mut drawn = draw(&grants(30), "s", 100);
    assert_eq!(drawn.len(), 30);
    drawn.sort_unstable();
    assert_eq!(drawn, grants(30));
    assert_eq!(draw(&grants(30), "s", 0), []);
}

#[test]
fn every_item_is_drawn_about_as_often() {
    let all = grants(20);
    let mut times = vec![0_u32; 20];
    for seed in 0..2_000 {
        for id in draw(&all, &seed.to_string(), 5) {
            if let Some(count) =
                all.iter().position(|it| *it == id).and_then(|it| times.get_mut(it))
            {
                *count += 1;
            }
        }
    }
    // 500 times each, and hardly ever more than five deviations (about 19) away.
    assert!(times.iter().all(|it| (400..600).contains(it)), "{times:?}");
}
