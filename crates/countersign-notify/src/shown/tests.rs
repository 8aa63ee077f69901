use super::*;

#[test]
fn nothing_is_hidden_in_what_others_wrote() {
    let check = |text: &str, expect: &str| assert_eq!(visible(text), expect, "{text:?}");
    check("plain, ünïcode 😀", "plain, ünïcode 😀");
    check("a\r\nb\tc\u{7f}", "a \nb c ");
    check("pay\u{202e}moc.live", "pay[U+202E]moc.live");
    check("ad\u{200b}min\u{feff}", "ad[U+200B]min[U+FEFF]");
    check("tag\u{e0041}", "tag[U+E0041]");
    check("line\u{2028}two", "line[U+2028]two");
}
