use super::*;
use proptest::prelude::*;
use serde_json::{Map, json};

fn read(text: &str) -> Result<Value, Fault> {
    parse(text.as_bytes(), Limits::default())
}

#[test]
fn reads_what_every_reader_understands_alike() {
    let check = |text: &str, expect: Value| assert_eq!(read(text), Ok(expect), "{text}");
    check("null", json!(null));
    check(" \t\r\n true \n", json!(true));
    check("false", json!(false));
    check("\"\"", json!(""));
    check("[]", json!([]));
    check("[ ]", json!([]));
    check("{ }", json!({}));
    check("[1 , [2],\n[ [ 3 ] ] ]", json!([1, [2], [[3]]]));
    check(r#"{"a":{"a":{"a":1}},"b":[{"a":2}]}"#, json!({"a": {"a": {"a": 1}}, "b": [{"a": 2}]}));
    check(r#"{"":1}"#, json!({"": 1}));
    check(r#""\"\\\/\b\f\n\r\t\u0041\u00e9\uD83D\uDE00""#, json!("\"\\/\u{8}\u{c}\n\r\tAé😀"));
    check("\"é €😀 \u{7f}\u{2028}\"", json!("é €😀 \u{7f}\u{2028}"));
    check(r#""exactly8exactly8""#, json!("exactly8exactly8"));
    check(r#""seven77\"behind eight bytes""#, json!("seven77\"behind eight bytes"));
    check(r#"{"a":1,"A":2,"a ":3}"#, json!({"a": 1, "A": 2, "a ": 3}));
}

#[test]
fn reads_numbers_that_mean_one_thing() {
    let check = |text: &str, expect: Value| assert_eq!(read(text), Ok(expect), "{text}");
    check("0", json!(0));
    check("-1", json!(-1));
    check("9007199254740991", json!(9_007_199_254_740_991_u64));
    check("-9007199254740991", json!(-9_007_199_254_740_991_i64));
    check("9.007199254740991e15", json!(9_007_199_254_740_991_u64));
    // Integral values are integers, however they were written.
    check("100.0", json!(100));
    check("1e2", json!(100));
    check("1E+2", json!(100));
    check("1200e-2", json!(12));
    check("-2.50e1", json!(-25));
    check("0.0", json!(0));
    check("0e999999999999", json!(0));
    check("0.1", json!(0.1));
    check("1.50", json!(1.5));
    check("1.5e-7", json!(1.5e-7));
    check("123456789.12345678", json!(123_456_789.123_456_78));
    check("1e21", json!(1e21));
    check("6.02e23", json!(6.02e23));
    check("1.7976931348623157e308", json!(f64::MAX));
    check("5e-324", json!(5e-324));
    check("2.2250738585072014e-308", json!(f64::MIN_POSITIVE));
    check(&format!("0.{}1", "0".repeat(200)), json!(1e-201));
}

#[test]
fn refuses_numbers_that_readers_take_for_different_ones() {
    use FaultKind::{AmbiguousNumber, BadNumber, IntegerTooLarge, NegativeZero};
    let check = |text: &str, kind: FaultKind| {
        assert_eq!(read(text), Err(Fault { kind: kind.clone(), offset: 0 }), "{text}");
        let offset = 7;
        assert_eq!(read(&format!(r#"{{"a" :[{text}]}}"#)), Err(Fault { kind, offset }), "{text}");
    };
    check("-0", NegativeZero);
    check("-0.0", NegativeZero);
    check("-0e5", NegativeZero);
    check("9007199254740992", IntegerTooLarge);
    check("-9007199254740992", IntegerTooLarge);
    check("9007199254740993.0", IntegerTooLarge);
    check("90071992547409920e-1", IntegerTooLarge);
    check("1e16", IntegerTooLarge);
    check("123456789e12", IntegerTooLarge);
    check("12345678901234567890", IntegerTooLarge);
    check("1000000000000000000000", IntegerTooLarge);
    check("99999999999999999999999999999999999999", IntegerTooLarge);
    check("0.10000000000000000555", AmbiguousNumber);
    check("0.10000000000000001", AmbiguousNumber);
    check("333333333.33333329", AmbiguousNumber);
    check("4503599627370497.25", AmbiguousNumber);
    check("9007199254740991.5", AmbiguousNumber);
    check("1e400", AmbiguousNumber);
    check("-1e400", AmbiguousNumber);
    check("1e-400", AmbiguousNumber);
    check("4e-324", AmbiguousNumber);
    check("4.9e-324", AmbiguousNumber);
    check("1e99999999999999999999", AmbiguousNumber);
    check("1e-99999999999999999999", AmbiguousNumber);
    check("1.7976931348623158e308", AmbiguousNumber);
    check("1.000000000000000000000000000001", AmbiguousNumber);
    check("01", BadNumber);
    check("-01", BadNumber);
    check("00", BadNumber);
    check("-", BadNumber);
    check("-a", BadNumber);
    check("1.", BadNumber);
    check("1.e1", BadNumber);
    check("1e", BadNumber);
    check("1e+", BadNumber);
}

#[test]
fn refuses_what_is_not_strict_json() {
    use FaultKind::{
        BadEscape, ByteOrderMark, ControlCharacter, Empty, Expected, InvalidUtf8, LoneSurrogate,
        Noncharacter, TrailingBytes, UnexpectedEnd,
    };
    let check = |bytes: &[u8], kind: FaultKind, offset: usize| {
        let expect = Err(Fault { kind, offset });
        assert_eq!(parse(bytes, Limits::default()), expect, "{}", bytes.escape_ascii());
    };
    check(b"", Empty, 0);
    check(b" \n", Empty, 2);
    check(b"\xEF\xBB\xBF{}", ByteOrderMark, 0);
    check(b"\xFE\xFF\0{", InvalidUtf8, 0);
    check(b"\"a\xFF\"", InvalidUtf8, 2);
    check(b"\"\xC0\xAF\"", InvalidUtf8, 1);
    check(b"\"\xED\xA0\x80\"", InvalidUtf8, 1);
    check(b"{} {}", TrailingBytes, 3);
    check(b"1 2", TrailingBytes, 2);
    check(b"1\0", TrailingBytes, 1);
    check(b"{}\x0C", TrailingBytes, 2);
    check("[]\u{feff}".as_bytes(), TrailingBytes, 2);
    check(b"nullx", TrailingBytes, 4);
    check(b"nul", Expected("a value"), 0);
    check(b"NaN", Expected("a value"), 0);
    check(b"Infinity", Expected("a value"), 0);
    check(b"-Infinity", FaultKind::BadNumber, 0);
    check(b"+1", Expected("a value"), 0);
    check(b".5", Expected("a value"), 0);
    check(b"'a'", Expected("a value"), 0);
    check(b"// c\n1", Expected("a value"), 0);
    check(b"[1,]", Expected("a value"), 3);
    check(b"[,1]", Expected("a value"), 1);
    check(b"[1 2]", Expected("a comma or the end of the array"), 3);
    check(b"[1}", Expected("a comma or the end of the array"), 2);
    check(b"{\"a\":1,}", Expected("a member name"), 7);
    check(b"{a:1}", Expected("a member name"), 1);
    check(b"{1:1}", Expected("a member name"), 1);
    check(b"{\"a\" 1}", Expected("a colon"), 5);
    check(b"{\"a\":}", Expected("a value"), 5);
    check(b"{\"a\":1 \"b\":2}", Expected("a comma or the end of the object"), 7);
    check(b"0x10", TrailingBytes, 1);
    check(b"[", UnexpectedEnd, 1);
    check(b"[1", UnexpectedEnd, 2);
    check(b"[1,", UnexpectedEnd, 3);
    check(b"{", UnexpectedEnd, 1);
    check(b"{\"a", UnexpectedEnd, 3);
    check(b"{\"a\"", UnexpectedEnd, 4);
    check(b"{\"a\":", UnexpectedEnd, 5);
    check(b"{\"a\":1", UnexpectedEnd, 6);
    check(b"\"a\\", UnexpectedEnd, 3);
    check(b"\"a\nb\"", ControlCharacter, 2);
    check(b"\"\x00\"", ControlCharacter, 1);
    check(b"\"0123456789\x1F\"", ControlCharacter, 11);
    check(b"\"\\x41\"", BadEscape, 1);
    check(b"\"\\u12\"", BadEscape, 1);
    check(b"\"\\u+123\"", BadEscape, 1);
    check("\"\\é\"".as_bytes(), BadEscape, 1);
    check(b"\"\\U0041\"", BadEscape, 1);
    check(b"\"a\\uD800\"", LoneSurrogate, 2);
    check(b"\"\\uDC00\"", LoneSurrogate, 1);
    check(b"\"\\uDC00\\uD800\"", LoneSurrogate, 1);
    check(b"\"\\uD800\\u0041\"", LoneSurrogate, 1);
    check(b"\"\\uD800\\n\"", LoneSurrogate, 1);
    check(b"\"\\uD800\\uZZZZ\"", BadEscape, 1);
    check(b"{\"\\uD800\":1}", LoneSurrogate, 2);
    check(b"[\"\\uFFFE\"]", Noncharacter, 2);
    check("\"a\u{fdd0}\"".as_bytes(), Noncharacter, 1);
    check("\"\u{10ffff}\"".as_bytes(), Noncharacter, 1);
}

#[test]
fn refuses_doubled_members_by_their_decoded_names() {
    let check = |text: &str, name: &str, offset: usize| {
        let kind = FaultKind::DuplicateMember(name.to_owned());
        assert_eq!(read(text), Err(Fault { kind, offset }), "{text}");
    };
    check(r#"{"a":1,"a":1}"#, "a", 7);
    check(r#"{"a":1,"\u0061":2}"#, "a", 7);
    check(r#"{"/":1,"\/":2}"#, "/", 7);
    check(r#"{"😀":1,"\ud83d\ude00":2}"#, "\\u{1f600}", 10);
    check(r#"{"a":{"b":1,"c":2,"b":3}}"#, "b", 18);
    check(r#"{"a":1,"b":2,"a":[[["#, "a", 13);
    // What a stranger wrote doesn't reach a log unescaped, or at length.
    check("{\"\\u001b[1m\":1,\"\\u001b[1m\":1}", "\\u{1b}[1m", 15);
    let long = "x".repeat(1000);
    let text = format!(r#"{{"{long}":1,"{long}":1}}"#);
    check(&text, &format!("{}...", "x".repeat(29)), 1006);
    let told = read(&text).unwrap_err().to_string();
    assert_eq!(
        told,
        format!("the member \"{}...\" stands twice in the object at byte 1006", "x".repeat(29))
    );
}

#[test]
fn limits_depth_and_members() {
    let check = |text: &str, limits: Limits, expect: Option<(FaultKind, usize)>| {
        let expect = expect.map(|(kind, offset)| Fault { kind, offset });
        assert_eq!(parse(text.as_bytes(), limits).err(), expect, "{text}");
    };
    let limits = |depth_max, members_max| Limits { depth_max, members_max };
    check("1", limits(0, 0), None);
    check("[]", limits(0, 0), Some((FaultKind::TooDeep, 0)));
    check("[]", limits(1, 0), None);
    check("[[1]]", limits(2, 2), None);
    check("[[[]]]", limits(2, 9), Some((FaultKind::TooDeep, 2)));
    check("[{},{},[],[]]", limits(2, 4), None);
    check("[1,2,3]", limits(1, 2), Some((FaultKind::TooManyMembers, 5)));
    check(r#"{"a":[1,2]}"#, limits(2, 3), None);
    check(r#"{"a":[1,2]}"#, limits(2, 2), Some((FaultKind::TooManyMembers, 8)));
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    check(&nested(64), Limits::default(), None);
    check(&nested(65), Limits::default(), Some((FaultKind::TooDeep, 64)));
    let all = limits(usize::MAX, usize::MAX);
    check(&nested(DEPTH_CEILING), all, None);
    check(&"[".repeat(1_000_000), all, Some((FaultKind::TooDeep, DEPTH_CEILING)));
    check(&"{\"a\":".repeat(1_000_000), all, Some((FaultKind::TooDeep, 5 * DEPTH_CEILING)));
}

/// RFC 8785, appendix B.
#[test]
fn writes_numbers_as_ecmascript_does() {
    let check = |bits: u64, expect: &str| {
        assert_eq!(canonical(&json!(f64::from_bits(bits))), expect, "{bits:016x}");
    };
    check(0x0000_0000_0000_0000, "0");
    check(0x8000_0000_0000_0000, "0");
    check(0x0000_0000_0000_0001, "5e-324");
    check(0x8000_0000_0000_0001, "-5e-324");
    check(0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308");
    check(0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308");
    check(0x4340_0000_0000_0000, "9007199254740992");
    check(0xc340_0000_0000_0000, "-9007199254740992");
    check(0x4430_0000_0000_0000, "295147905179352830000");
    check(0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22");
    check(0x44b5_2d02_c7e1_4af6, "1e+23");
    check(0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23");
    check(0x444b_1ae4_d6e2_ef4e, "999999999999999700000");
    check(0x444b_1ae4_d6e2_ef4f, "999999999999999900000");
    check(0x444b_1ae4_d6e2_ef50, "1e+21");
    check(0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7");
    check(0x3eb0_c6f7_a0b5_ed8d, "0.000001");
    check(0x41b3_de43_5555_5553, "333333333.3333332");
    check(0x41b3_de43_5555_5554, "333333333.33333325");
    check(0x41b3_de43_5555_5555, "333333333.3333333");
    check(0x41b3_de43_5555_5556, "333333333.3333334");
    check(0x41b3_de43_5555_5557, "333333333.33333343");
    check(0xbecb_f647_612f_3696, "-0.0000033333333333333333");
    check(0x4314_3ff3_c1cb_0959, "1424953923781206.2");
}

#[test]
fn writes_canonical_text() {
    let check = |value: Value, expect: &str| assert_eq!(canonical(&value), expect);
    check(json!(100.0), "100");
    check(json!(-0.0), "0");
    check(json!(-1.5), "-1.5");
    check(json!(i64::MIN), "-9223372036854775808");
    check(json!(u64::MAX), "18446744073709551615");
    check(
        json!("\u{0}\u{1}\u{1f}\u{8}\t\n\u{b}\u{c}\r\"\\/\u{7f}é"),
        "\"\\u0000\\u0001\\u001f\\b\\t\\n\\u000b\\f\\r\\\"\\\\/\u{7f}é\"",
    );
    check(json!({"b": [], "a": {}, "aa": null}), r#"{"a":{},"aa":null,"b":[]}"#);
}

/// RFC 8785, sections 3.2.2 and 3.2.3. The first holds a number that [`parse`] refuses, so that
/// `serde_json` reads it.
#[test]
fn writes_the_examples_of_the_specification() {
    let check = |text: &str, expect: &str| {
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(canonical(&value), expect);
    };
    check(
        r#"{
          "numbers": [333333333.33333329, 1E30, 4.50,
                      2e-3, 0.000000000000000000000000001],
          "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
          "literals": [null, true, false]
        }"#,
        "{\"literals\":[null,true,false],\
         \"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
         \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}",
    );
    check(
        r#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
            "\u00f6": "Latin Small Letter O With Diaeresis"}"#,
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
         \"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\
         \"😀\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}",
    );
}

/// What [`parse`] can make.
fn any_value() -> impl Strategy<Value = Value> {
    let integer = prop_oneof![-100_i64..100, -9_007_199_254_740_991_i64..=9_007_199_254_740_991];
    let double = any::<f64>()
        .prop_filter("a double that is no integer", |it| it.fract() != 0.0 || it.abs() >= 1e21);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        integer.prop_map(Value::from),
        double.prop_map(Value::from),
        any_text().prop_map(Value::String),
    ];
    leaf.prop_recursive(6, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::vec((any_text(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn any_text() -> impl Strategy<Value = String> {
    let special = prop::sample::select(vec!['"', '\\', '/', '\n', '\u{0}', '\u{1f}', '\u{7f}']);
    let high =
        prop::sample::select(vec!['é', '\u{d7ff}', '\u{e000}', '\u{fffd}', '😀', '\u{10000}']);
    let any = any::<char>().prop_filter("no noncharacter", |it| {
        u32::from(*it) & 0xFFFE != 0xFFFE && !('\u{fdd0}'..='\u{fdef}').contains(it)
    });
    let one = prop_oneof![4 => prop::char::range('a', 'z'), 1 => special, 1 => high, 1 => any];
    prop::collection::vec(one, 0..20).prop_map(String::from_iter)
}

/// Texts that are JSON, nearly JSON, and made of its parts.
fn any_json_like() -> impl Strategy<Value = Vec<u8>> {
    let part = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u0061\"",
        "\"",
        "\\",
        " ",
        "null",
        "true",
        "-0",
        "0",
        "1e2",
        "1.50",
        "9007199254740993",
        "1e999",
        "\"\\ud800\"",
        "\u{ffff}",
        "-",
        ".",
        "e",
        "\n",
        "\u{0}",
        "[[",
        "]]",
        "{\"a\":",
        "\"b\":",
    ]);
    let parts = prop::collection::vec(part, 0..12).prop_map(|it| it.concat().into_bytes());
    let damaged = (any_value(), any::<prop::sample::Index>(), any::<u8>(), 0..4_u8).prop_map(
        |(value, place, byte, how)| {
            let mut bytes = serde_json::to_vec(&value).unwrap();
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => drop(bytes.remove(place)),
                _ => {}
            }
            bytes
        },
    );
    prop_oneof![parts, damaged]
}

/// Numbers are equal by value: `100.0` is a double for serde and an integer for us.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, v)| b.get(k).is_some_and(|it| same(v, it)))
        }
        (a, b) => a == b,
    }
}

/// Digits without zeros at their ends, and the power of ten of the last: another way to the same
/// thing as `Decimal`, over the standard library's own shortest digits.
fn plain_decimal(text: &str) -> (String, i64) {
    let text = text.trim_start_matches('-').to_ascii_lowercase();
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let kept = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - kept.len()).unwrap();
    let power = exponent.parse::<i64>().unwrap() - i64::try_from(fraction.len()).unwrap() + dropped;
    (kept.trim_start_matches('0').to_owned(), power)
}

proptest! {
    #[test]
    fn canonical_text_reads_back_as_the_same_value(value in any_value()) {
        let text = canonical(&value);
        let again = read(&text);
        prop_assert_eq!(again.as_ref(), Ok(&value), "{}", text);
        prop_assert_eq!(canonical(&value), text.as_str());
        let mut appended = b"before".to_vec();
        canonical_into(&value, &mut appended);
        prop_assert_eq!(appended.strip_prefix(b"before".as_slice()), Some(text.as_bytes()));
    }

    #[test]
    fn members_stand_in_the_order_of_utf16(mut names in prop::collection::vec(any_text(), 0..8)) {
        let value: Map<_, _> = names.iter().map(|it| (it.clone(), Value::Null)).collect();
        names.sort_by_key(|it| it.encode_utf16().collect::<Vec<_>>());
        names.dedup();
        let expect: Vec<_> = names.iter().map(|it| format!("{}:null", canonical(&json!(it)))).collect();
        prop_assert_eq!(canonical(&Value::Object(value)), format!("{{{}}}", expect.join(",")));
    }

    #[test]
    fn takes_nothing_that_serde_reads_otherwise(bytes in any_json_like()) {
        let theirs = serde_json::from_slice::<Value>(&bytes);
        match (parse(&bytes, Limits::default()), theirs) {
            (Ok(ours), Ok(theirs)) => prop_assert!(same(&ours, &theirs), "{ours} {theirs}"),
            (Ok(ours), Err(error)) => prop_assert!(false, "only we take {ours}: {error}"),
            (Err(fault), Ok(theirs)) => prop_assert!(
                matches!(
                    fault.kind,
                    FaultKind::DuplicateMember(_)
                        | FaultKind::Noncharacter
                        | FaultKind::NegativeZero
                        | FaultKind::IntegerTooLarge
                        | FaultKind::AmbiguousNumber
                        | FaultKind::TooDeep
                ),
                "{fault} for {theirs}"
            ),
            (Err(fault), Err(_)) => prop_assert!(fault.offset <= bytes.len()),
        }
    }

    #[test]
    fn takes_exactly_the_shortest_decimals(
        negative in any::<bool>(),
        digits in "[1-9][0-9]{0,18}",
        zeros in 0..3_usize,
        point in 0..22_usize,
        exponent in prop_oneof![-25..25_i32, -345..345_i32],
    ) {
        let mut text = format!("{digits}{}", "0".repeat(zeros));
        if (1..text.len()).contains(&point) {
            text.insert(point, '.');
        }
        let sign = if negative { "-" } else { "" };
        let text = format!("{sign}{text}e{exponent}");
        let double: f64 = text.parse().unwrap();
        let is_shortest = double.is_finite()
            && plain_decimal(&text) == plain_decimal(&format!("{double:e}"));
        let is_gap = double.abs() > 9_007_199_254_740_991.0 && double.abs() < 1e21;
        match read(&text) {
            Ok(value) => prop_assert!(is_shortest && !is_gap && value.as_f64() == Some(double)),
            Err(fault) => prop_assert!(!is_shortest || is_gap, "{fault} for {text}"),
        }
    }
}
