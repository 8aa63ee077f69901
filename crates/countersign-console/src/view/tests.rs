use super::*;
use serde_json::json;

#[test]
fn every_argument_is_listed_by_its_place() {
    let shown = json!({"amount": 40, "customer": {"id": "c_81", "tags": ["a", "b"]}, "empty": [], "note": null});
    let (rows, more) = arguments(&shown, &["/customer/id".to_owned(), "/gone".to_owned()]);
    let rows: Vec<_> =
        rows.iter().map(|it| (it.name.plain(), it.value.plain(), it.is_hidden)).collect();
    let row = |name: &str, value: &str, hidden| (name.to_owned(), value.to_owned(), hidden);
    assert_eq!(
        rows,
        [
            row("amount", "40", false),
            row("customer.id", "c_81", true),
            row("customer.tags[0]", "a", false),
            row("customer.tags[1]", "b", false),
            row("empty", "[]", false),
            row("note", "null", false),
            row("gone", "", true),
        ]
    );
    assert_eq!(more, 0);
}

#[test]
fn too_many_arguments_are_counted() {
    let many: Vec<u32> = (0..700).collect();
    let (rows, more) = arguments(&json!({"n": many}), &[]);
    assert_eq!((rows.len(), more), (ARGUMENTS_MAX, 200));
}

#[test]
fn text_that_could_pass_for_another_value_keeps_its_quotes() {
    let table = [
        (json!("c_81"), "c_81"),
        (json!("40"), "\"40\""),
        (json!(40), "40"),
        (json!("true"), "\"true\""),
        (json!("null"), "\"null\""),
        (json!(""), "\"\""),
        (json!(" a"), "\" a\""),
        (json!({}), "{}"),
    ];
    for (value, expected) in table {
        assert_eq!(value_text(&value).plain(), expected, "{value}");
    }
}

#[test]
fn hidden_covers_what_stands_below_and_nothing_beside() {
    let hidden = ["/card".to_owned()];
    let table = [("/card", true), ("/card/number", true), ("/cardholder", false), ("/a", false)];
    for (pointer, expected) in table {
        assert_eq!(is_hidden(pointer, &hidden), expected, "{pointer}");
    }
}

#[test]
fn spans_in_words() {
    let table = [
        (-5, "0 s"),
        (40, "40 s"),
        (60, "1 min"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (86_400, "1 day"),
        (864_000, "10 days"),
    ];
    for (seconds, words) in table {
        assert_eq!(span_words(Span::from_seconds(seconds)), words);
    }
}

#[test]
fn a_moment_is_machine_and_human_readable() {
    let at: Timestamp = "2026-11-22T09:30:07Z".parse().unwrap();
    assert_eq!(
        Moment(at).to_string(),
        "<time datetime=\"2026-11-22T09:30:07.000Z\">2026-11-22 09:30 UTC</time>"
    );
}
