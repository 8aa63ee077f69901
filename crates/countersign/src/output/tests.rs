use super::plain;

#[test]
fn text_from_elsewhere_can_not_steer_the_terminal() {
    let rows = [
        ("plain text, ümläut", "plain text, ümläut"),
        ("a\nb\tc", "a\nb\tc"),
        ("\u{1b}[31mred", "\\u{1b}[31mred"),
        ("pay\u{202e}dlog", "pay\\u{202e}dlog"),
        ("zero\u{200b}width", "zero\\u{200b}width"),
        ("\r", "\\u{d}"),
    ];
    for (text, expect) in rows {
        assert_eq!(plain(text), expect, "{text:?}");
    }
}
