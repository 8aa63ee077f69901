use super::Keys;
use crate::clock;

#[test]
fn a_master_key_is_32_bytes_of_base64() {
    let rows = [
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", true),
        (" AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", true),
        ("AAAA", false),
        ("", false),
        ("not base64 at all, but long enough to be it", false),
    ];
    for (text, expect) in rows {
        assert_eq!(Keys::read(text).is_ok(), expect, "{text}");
    }
}

#[test]
fn derived_keys_are_found_again_and_differ() {
    let text = Keys::generate(&clock::entropy().unwrap());
    let (one, again) = (Keys::read(&text).unwrap(), Keys::read(&text).unwrap());
    assert_eq!(one.derive("a"), again.derive("a"));
    assert_ne!(one.derive("a"), one.derive("b"));
    let other = Keys::read(&Keys::generate(&clock::entropy().unwrap())).unwrap();
    assert_ne!(one.derive("a"), other.derive("a"));
}
