use super::{Cell, Table, shortened};
use crate::output::RED;

fn stripped(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let mut table = Table::new(["id", "holder", "state"]);
    table.row(["g1".into(), "agent:dunning".into(), Cell::styled("overdue", RED)]);
    table.row(["grt_2".into(), "zoë".into(), "fresh".into()]);
    assert_eq!(
        stripped(&table.render("nothing")),
        "ID     HOLDER         STATE\n\
         g1     agent:dunning  overdue\n\
         grt_2  zoë            fresh\n"
    );
}

#[test]
fn a_cell_is_one_short_plain_line() {
    let mut table = Table::new(["text"]);
    table.row(["a\nb\u{1b}[2J".into()]);
    table.row(["x".repeat(200).into()]);
    let text = stripped(&table.render(""));
    assert!(text.contains("a b\\u{1b}[2J"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 72), "{text}");
}

#[test]
fn an_empty_table_says_so() {
    assert_eq!(Table::new(["id"]).render("No grants."), "No grants.\n");
}

#[test]
fn shortening_keeps_characters_whole() {
    for (text, max, expect) in [("äöü", 3, "äöü"), ("äöüß", 3, "äö…"), ("", 0, "")] {
        assert_eq!(shortened(text, max), expect);
    }
}
