use super::*;

#[test]
fn names_round_trip_and_the_strictest_is_the_greatest() {
    for how in How::ALL {
        assert_eq!(how.to_string().parse::<How>(), Ok(how));
    }
    assert_eq!("Redact".parse::<How>(), Err(UnknownHow));
    assert!(How::Drop > How::Null && How::Null > How::Redact);
    assert!(How::Redact > How::Hash && How::Hash > How::Partial);
}

#[test]
fn hints() {
    let check = |text: &str, expect: &str| {
        let hint = hint(shape_of(text.as_bytes()), text.as_bytes());
        assert_eq!(String::from_utf8(hint).unwrap(), expect, "{text}");
    };
    check("", "");
    check("abc", "***");
    check("abcd", "***d");
    check("abcdef", "****ef");
    check("abcdefghijkl", "********ijkl");
    check("4111111111111111", "************1111");
    check("4111-1111-1111-1111", "************1111");
    check("DE89 3704 0044 0532 0130 00", "******************3000");
    check("DE89370400440532013000", "******************3000");
    check("+33 6 12 34 56 7 89", "********6789");
    check("+336123456789", "********6789");
    check("(0)30/12-34-56", "******456");
    check("192.168.1.20", "******120");
    check("1-2", "**");
    check("+-()", "***)");
    check("A-12 b", "**** b");
    check("Ada Lovelace 1815", "*************1815");
    check("2001:db8::1", "********::1");
    check("\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}", "****\u{fc}\u{fc}");
    check("ada@example.org", "a***@example.org");
    check("\u{e9}mile@example.org", "\u{e9}***@example.org");
    check("ab@example.org", "***@example.org");
    check("mail ada@example.org", "****************.org");
    check(&"x".repeat(1000), &format!("{}xxxx", "*".repeat(32)));
}

#[test]
fn replacements_are_escaped_where_they_stand_in_json() {
    let check = |escaping, how, text: &[u8], expect: &str| {
        let mut out = Vec::new();
        replace(how, None, text, &HashKey::new(&[0; 32]), (escaping, &mut out));
        assert_eq!(String::from_utf8(out).unwrap(), expect);
    };
    check(Escaping::Json, How::Partial, b"abcdefgh\"\\\n\x01", "********\\\"\\\\\\u000a\\u0001");
    check(Escaping::None, How::Partial, b"abcdefgh\"\\\n\x01", "********\"\\\n\x01");
    check(Escaping::Json, How::Redact, b"x", "[redacted]");
    check(Escaping::None, How::Null, b"x", "");
    check(Escaping::None, How::Drop, b"x", "");
}
