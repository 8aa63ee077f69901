use super::Places::{Bare, Numbered};

#[test]
fn places_are_numbered_through_all_rows_or_bare() {
    assert_eq!(Numbered.one(3), "$3");
    assert_eq!(Bare.one(3), "?");
    assert_eq!(Numbered.list(3, 2), "$3, $4, $5");
    assert_eq!(Bare.list(3, 2), "?, ?, ?");
    assert_eq!(Numbered.rows(2, 2, ""), "($1, $2), ($3, $4)");
    assert_eq!(Numbered.rows(2, 1, ", 1"), "($1, 1), ($2, 1)");
    assert_eq!(Bare.rows(2, 2, ", 1"), "(?, ?, 1), (?, ?, 1)");
    assert_eq!(Bare.rows(0, 2, ""), "");
}
