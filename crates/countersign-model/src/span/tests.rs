use super::*;

#[test]
fn spans_are_read_as_people_write_them() {
    let rows = [
        ("90d", Some(7_776_000_000)),
        ("1h30m", Some(5_400_000)),
        ("250ms", Some(250)),
        ("2w", Some(1_209_600_000)),
        ("0s", Some(0)),
        ("", None),
        ("90", None),
        ("d", None),
        ("-1d", None),
        ("1.5h", None),
        ("90 d", None),
        ("99999999999999999999d", None),
        ("9223372036854775807d", None),
        ("1y", None),
    ];
    for (text, millis) in rows {
        assert_eq!(text.parse::<Span>().ok().map(Span::millis), millis, "{text}");
    }
}

#[test]
fn spans_are_shown_in_two_units_and_kept_exactly() {
    let rows = [
        ("90d", "90d", "\"90d\""),
        ("90061s", "1d1h", "\"90061s\""),
        ("1500ms", "1s500ms", "\"1500ms\""),
    ];
    for (text, shown, kept) in rows {
        let span: Span = text.parse().unwrap();
        assert_eq!(span.to_string(), shown);
        assert_eq!(serde_json::to_string(&span).unwrap(), kept);
        assert_eq!(serde_json::from_str::<Span>(kept).unwrap(), span);
    }
}
