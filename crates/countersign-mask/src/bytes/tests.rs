use super::*;

#[test]
fn plain_run_stops_at_the_first_special_byte() {
    let check = |text: &[u8], length: usize, ascii: bool| {
        assert_eq!(plain_run(text), PlainRun { length, ascii }, "{text:?}");
    };
    check(b"", 0, true);
    check(b"\"", 0, true);
    check(b"abcdefgh\"", 8, true);
    check(b"abc\"defghijklmnop", 3, true);
    check(b"abcdefghijk\\n\"", 11, true);
    check(b"abcdefghijklmno\x1fp", 15, true);
    check(b"abc\x00defgh", 3, true);
    check("abc\u{e9}defgh\"".as_bytes(), 10, false);
    check("abc\"d\u{e9}fgh".as_bytes(), 3, true);
    check(b"abc\x7fdefgh\"", 9, true);
    check(b"!!!!!!!!!!!!!!!!", 16, true);
    check(b"\x80\x80\x80\x80\x80\x80\x80\xff\"", 8, false);
}

#[test]
fn plain_run_agrees_with_the_obvious_loop() {
    let mut seed = 7_u64;
    for _ in 0..20_000 {
        let mut bytes = Vec::new();
        for _ in 0..24 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            let value = u8::try_from(seed >> 56).unwrap();
            bytes.push(if seed & 0xf0000 == 0 { value } else { value % 96 + 0x20 });
        }
        let length = bytes
            .iter()
            .position(|byte| *byte < 0x20 || *byte == b'"' || *byte == b'\\')
            .unwrap_or(bytes.len());
        let ascii = bytes[..length].is_ascii();
        assert_eq!(plain_run(&bytes), PlainRun { length, ascii }, "{bytes:?}");
    }
}

#[test]
fn utf8_is_checked_across_any_cut() {
    let text = "a\u{e9}\u{20ac}\u{1f600}z".as_bytes();
    for first in 0..=text.len() {
        for second in first..=text.len() {
            let mut utf8 = Utf8::default();
            utf8.push(&text[..first]).unwrap();
            utf8.push(&text[first..second]).unwrap();
            utf8.push(&text[second..]).unwrap();
            assert!(utf8.is_whole());
        }
    }
    for bad in [&b"\xff"[..], b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82a"] {
        for cut in 0..=bad.len() {
            let mut utf8 = Utf8::default();
            let refused = utf8.push(&bad[..cut]).is_err() || utf8.push(&bad[cut..]).is_err();
            assert!(refused, "{bad:?} cut at {cut}");
        }
    }
    let mut utf8 = Utf8::default();
    utf8.push(b"\xe2\x82").unwrap();
    assert!(!utf8.is_whole());
}

#[test]
fn escaping_round_trips() {
    let text = "quote \" backslash \\ tab \t nul \0 unit \u{1f} \u{e9}\u{1f600}";
    let mut out = vec![b'"'];
    escape_json(text.as_bytes(), &mut out);
    out.push(b'"');
    assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
}
