use super::*;

#[track_caller]
fn check(bytes: &[u8], bytes_max: Option<usize>, text: Option<&str>, cut: bool) {
    let kept = Kept::of(bytes, bytes_max);
    assert_eq!((kept.text, kept.cut), (text, cut), "in one piece");
    let mut capture = Capture::new(bytes_max);
    for byte in bytes.chunks(1) {
        capture.push(byte);
    }
    let kept = capture.kept();
    assert_eq!((kept.text, kept.cut), (text, cut), "byte by byte");
}

#[test]
fn keeps_text_up_to_the_limit() {
    check(b"", Some(4), Some(""), false);
    check(b"abcd", Some(4), Some("abcd"), false);
    check(b"abcde", Some(4), Some("abcd"), true);
    check(b"abcde", None, None, false);
    check(b"abcde", Some(0), Some(""), true);
    // Cut in a character: what stands before it is text. What is no text is not kept.
    check("abcé".as_bytes(), Some(4), Some("abc"), true);
    check(b"ab\xFFde", Some(4), None, true);
    check(b"abc\xC3", Some(4), None, false);
}
