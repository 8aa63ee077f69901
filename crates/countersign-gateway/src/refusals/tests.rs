use super::*;

#[test]
fn a_flood_writes_few_lines_and_says_how_many_it_left_out() {
    let lines = Lines::default();
    let at = |second: i64| Timestamp::from_millis(second * 1000);
    let first = (0..1000).filter(|_| lines.turn(at(7)).is_some()).count();
    assert_eq!(first, 20);
    assert_eq!(lines.turn(at(8)), Some(980));
    assert_eq!(lines.turn(at(8)), Some(0));
}
