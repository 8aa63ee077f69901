#![expect(
    clippy::unwrap_in_result,
    clippy::too_many_lines,
    reason = "a test that panics is a test that fails, and a table may be long"
)]

use std::sync::Arc;

use crate::{Detector, FieldPath, Format, HashKey, How, Limits, Plan, Rule, Unmaskable, mask_all};

fn field(path: &str, how: How) -> Rule {
    Rule { field: Some(FieldPath::parse(path).unwrap()), detect: Vec::new(), how }
}

fn detect(how: How) -> Rule {
    Rule { field: None, detect: Detector::ALL.to_vec(), how }
}

/// Masks in one push and in single bytes, and holds both to the same answer.
fn run(rules: &[Rule], format: Format, limits: Limits, text: &[u8]) -> Result<Vec<u8>, Unmaskable> {
    let plan = Arc::new(Plan::compile(rules).unwrap());
    let key = Arc::new(HashKey::new(&[7; 32]));
    let whole = mask_all(&plan, &key, format, limits, text);
    let mut masker = crate::Masker::new(plan, key, format, limits);
    let mut out = Vec::new();
    let mut result = Ok(());
    for byte in text {
        result = result.and_then(|()| masker.push(&[*byte], &mut out));
    }
    result = result.and_then(|()| masker.finish(&mut out));
    match (whole, result) {
        (Ok((whole, report)), Ok(())) => {
            assert_eq!(String::from_utf8_lossy(&whole), String::from_utf8_lossy(&out));
            assert_eq!(report, masker.report());
            Ok(out)
        }
        (Err(whole), Err(piecemeal)) => {
            let kind = std::mem::discriminant::<Unmaskable>;
            assert_eq!(kind(&whole), kind(&piecemeal), "{whole} and {piecemeal}");
            Err(whole)
        }
        (whole, piecemeal) => panic!("{whole:?} and {piecemeal:?}"),
    }
}

fn masked(rules: &[Rule], text: &str) -> String {
    let out = run(rules, Format::Json, Limits::default(), text.as_bytes());
    String::from_utf8(out.unwrap_or_else(|error| panic!("{text}: {error}"))).unwrap()
}

#[test]
fn grammar_accepts() {
    let rules = [field("$.nothing", How::Redact)];
    let deep = format!("{}1{}", "[".repeat(128), "]".repeat(128));
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5e+10",
        "-1E-2",
        "0e1",
        "123.456",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[1,2]",
        "[[],{}]",
        " \t\r\n[ 1 , 2 ] \n",
        "{\"a\":1}",
        "{\"a\":1,\"a\":2}",
        "{\"\":0}",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\"",
        "\"\\ud83d\\ude00\"",
        "\"\u{7f}\"",
        "\"\u{e9}\u{20ac}\u{1f600}\"",
        "\"\\u0000\"",
        "[1e400]",
        "\"\\uFFFF\"",
        &deep,
    ] {
        assert_eq!(masked(&rules, text), text);
        assert_eq!(masked(&[detect(How::Drop)], text), text);
    }
}

#[test]
fn grammar_refuses() {
    let bad: &[&[u8]] = &[
        b"",
        b" ",
        b"nul",
        b"nulll",
        b"True",
        b"tru e",
        b"01",
        b"-",
        b"+1",
        b".5",
        b"1.",
        b"1.e1",
        b"1e",
        b"1e+",
        b"0x1",
        b"--1",
        b"1 2",
        b"NaN",
        b"Infinity",
        b"'a'",
        b"\"",
        b"\"a",
        b"\"\\x\"",
        b"\"\\u12g4\"",
        b"\"\\u12\"",
        b"\"\n\"",
        b"\"\x00\"",
        b"\"\x1f\"",
        b"\"\\",
        b"[",
        b"]",
        b"[1",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[1,,2]",
        b"[1}",
        b"{",
        b"}",
        b"{]",
        b"{\"a\"",
        b"{\"a\":",
        b"{\"a\":1",
        b"{\"a\":1,}",
        b"{,}",
        b"{a:1}",
        b"{1:1}",
        b"{\"a\" 1}",
        b"{\"a\":1 \"b\":2}",
        b"{\"a\"::1}",
        b"[]]",
        b"{}x",
        b"\"\" \"\"",
        b"[1]//",
        b"/**/1",
        b"\xef\xbb\xbf1",
        b"[\x0b]",
        b"\"\xff\"",
        b"\"\xc3\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xc0\xaf\"",
        b"\"a\xe2\x82\"",
        b"\xff",
        b"\"\\ud800\"",
        b"\"\\ud800x\"",
        b"\"\\udc00\"",
        b"\"\\ud800\\n\"",
        b"\"\\ud800\\ud800\"",
        b"{\"\\ud800\":1}",
    ];
    for text in bad {
        for rules in [&[field("$.nothing", How::Redact)], &[detect(How::Drop)]] {
            let result = run(rules, Format::Json, Limits::default(), text);
            assert!(result.is_err(), "{:?}", String::from_utf8_lossy(text));
        }
    }
}

#[test]
fn faults_have_names() {
    let check = |text: &[u8], expect: Unmaskable| {
        let rules = [field("$.a", How::Redact), detect(How::Null)];
        let limits =
            Limits { depth_max: 3, key_bytes_max: 5, string_bytes_max: 8, ..Limits::default() };
        assert_eq!(run(&rules, Format::Json, limits, text), Err(expect));
    };
    check(b"[1,x]", Unmaskable::NotJson { offset: 3 });
    check(b"[[[[", Unmaskable::TooDeep { offset: 3 });
    check(b"{\"abcdef\":1}", Unmaskable::KeyTooLong { offset: 1 });
    check(b"{\"abcde\\n\":1}", Unmaskable::KeyTooLong { offset: 1 });
    check(b"[\"123456789\"]", Unmaskable::ValueTooLong { offset: 1 });
    check(b"[\"12345678\\n\"]", Unmaskable::ValueTooLong { offset: 1 });
    check(b"[\"\xff\"]", Unmaskable::InvalidUtf8 { offset: 2 });
    check(b"[\"\\udc00\"]", Unmaskable::LoneSurrogate { offset: 7 });
    check(b"[", Unmaskable::Truncated { offset: 1 });
    check("1".repeat(1025).as_bytes(), Unmaskable::ValueTooLong { offset: 0 });
    assert_eq!(Unmaskable::NotJson { offset: 3 }.to_string(), "not json at byte 3");
}

#[test]
fn every_cell_of_the_table_of_fields() {
    let hash = |value: &str| format!("\"{}\"", HashKey::new(&[7; 32]).hash(value.as_bytes()));
    let values = ["\"ada@example.org\"", "42", "true", "null", "{\"x\": [1]}", "[1, {}]"];
    let hashes = [
        hash("ada@example.org"),
        hash("42"),
        "false".into(),
        "null".into(),
        hash("{\"x\": [1]}"),
        hash("[1, {}]"),
    ];
    let check = |how: How, expect: [&str; 6]| {
        for (value, expect) in values.iter().zip(expect) {
            let text = format!("{{ \"a\" : {value} , \"b\":1 }}");
            assert_eq!(
                masked(&[field("$.a", how)], &text),
                format!("{{ \"a\" : {expect} , \"b\":1 }}")
            );
        }
    };
    check(How::Redact, ["\"[redacted]\"", "0", "false", "null", "{}", "[]"]);
    check(How::Partial, ["\"a***@example.org\"", "0", "false", "null", "{}", "[]"]);
    check(How::Hash, hashes.each_ref().map(String::as_str));
    check(How::Null, ["null"; 6]);
    for value in values {
        let rules = [field("$.a", How::Drop)];
        assert_eq!(masked(&rules, &format!("{{\"a\":{value},\"b\":1}}")), "{\"b\":1}");
        assert_eq!(masked(&rules, &format!("{{\"b\":1,\"a\":{value}}}")), "{\"b\":1}");
        assert_eq!(masked(&rules, &format!("{{\"a\":{value}}}")), "{}");
        assert_eq!(masked(&[field("$", How::Drop)], value), "null");
        assert_eq!(masked(&[field("$", How::Null)], value), "null");
    }
}

#[test]
fn dropping_keeps_the_commas_right() {
    let check = |path: &str, text: &str, expect: &str| {
        assert_eq!(masked(&[field(path, How::Drop)], text), expect, "{path} in {text}");
    };
    check("$[0]", "[1, 2, 3]", "[ 2, 3]");
    check("$[1]", "[1, 2, 3]", "[1, 3]");
    check("$[2]", "[1, 2 , 3 ]", "[1, 2  ]");
    check("$[*]", "[1, 2, 3]", "[]");
    check("$.*", "{\"a\":1, \"b\":{\"c\":[]}}", "{}");
    check(
        "$..a",
        "{\"a\":1,\"b\":[{\"a\":1},{\"a\":2,\"c\":3}],\"a\":3}",
        "{\"b\":[{},{\"c\":3}]}",
    );
    check("$..a", "[{},[],{\"b\":{}}]", "[{},[],{\"b\":{}}]");
    check("$.b", "{\"a\":[ ],\"b\":[1,[2]],\"c\":{ }}", "{\"a\":[ ],\"c\":{ }}");
}

#[test]
fn what_is_not_masked_is_copied_as_it_came() {
    let check = |text: &str, expect: &str| {
        assert_eq!(masked(&[field("$..email", How::Redact), detect(How::Redact)], text), expect);
    };
    check(
        "{\r\n\t\"n\" : 1.00E+2 , \"s\":\"\\/\\u0041\", \"email\" :null }\n",
        "{\r\n\t\"n\" : 1.00E+2 , \"s\":\"\\/\\u0041\", \"email\" :null }\n",
    );
    check(
        "[\"\\/\\u0041 ada@example.org \\/\\u0042\", 1.0]",
        "[\"\\/\\u0041 [redacted] \\/\\u0042\", 1.0]",
    );
    check(
        "{\"em\\u0061il\":\"x\",\"email\":\"y\"}",
        "{\"em\\u0061il\":\"[redacted]\",\"email\":\"[redacted]\"}",
    );
    check("{\"email\":1,\"email\":2}", "{\"email\":0,\"email\":0}");
}

#[test]
fn finds_in_strings_keys_and_numbers() {
    let check = |how: How, text: &str, expect: &str| {
        assert_eq!(masked(&[detect(how)], text), expect, "{how} {text}");
    };
    check(How::Redact, "[\"ada\\u0040example.org\"]", "[\"[redacted]\"]");
    check(
        How::Redact,
        "[\"{\\\"to\\\":\\\"ada@example.org\\\"}\"]",
        "[\"{\\\"to\\\":\\\"[redacted]\\\"}\"]",
    );
    check(
        How::Partial,
        "[\"mail ada@example.org or 4111 1111 1111 1111\"]",
        "[\"mail a***@example.org or ************1111\"]",
    );
    check(How::Redact, "{\"ada@example.org\":{\"x\":1}}", "{\"[redacted]\":{\"x\":1}}");
    check(How::Drop, "{\"\\u0061da@example.org\":{\"x\":1}}", "{\"[redacted]\":{\"x\":1}}");
    check(How::Null, "{\"a\":\"x 10.0.0.1\",\"b\":\"y\"}", "{\"a\":null,\"b\":\"y\"}");
    check(How::Drop, "{\"a\":\"x 10.0.0.1\",\"b\":\"y\"}", "{\"b\":\"y\"}");
    check(How::Drop, "[\"\\t10.0.0.1\",\"\\ty\", \"10.0.0.1\"]", "[\"\\ty\"]");
    check(How::Redact, "[4111111111111111]", "[0]");
    check(
        How::Partial,
        "[4111111111111111.00,4.111111111111111e15,4111111111111112]",
        "[0,0,4111111111111112]",
    );
    check(How::Null, "4111111111111111", "null");
    check(How::Drop, "[1,4111111111111111,2]", "[1,2]");
    check(
        How::Redact,
        "[4111111111111111.5, 41111111111111110e-1, -1.5]",
        "[4111111111111111.5, 41111111111111110e-1, -1.5]",
    );
}

#[test]
fn a_rule_with_both_looks_only_in_its_field() {
    let rule = Rule {
        field: Some(FieldPath::parse("$.note").unwrap()),
        detect: vec![Detector::Email],
        how: How::Redact,
    };
    assert_eq!(
        masked(&[rule], "{\"note\":{\"x\":[\"to a.b@c.de\"],\"d@e.fg\":1},\"to\":\"a.b@c.de\"}"),
        "{\"note\":{\"x\":[\"to [redacted]\"],\"[redacted]\":1},\"to\":\"a.b@c.de\"}"
    );
}

#[test]
fn blanks_before_what_may_be_dropped_are_bounded() {
    let limits = Limits { key_bytes_max: 10, ..Limits::default() };
    let check = |how: How, blanks: usize, expect: bool| {
        let text = format!("[1,{}2]", " ".repeat(blanks));
        let rules = [field("$.a", how)];
        let out = run(&rules, Format::Json, limits, text.as_bytes());
        assert_eq!(out.is_ok(), expect, "{how} with {blanks}");
    };
    check(How::Drop, 79, true);
    check(How::Drop, 80, false);
    check(How::Null, 1000, true);
}

#[test]
fn lines_are_documents() {
    let rules = [field("$.a", How::Drop)];
    let check = |text: &str, expect: Option<&str>| {
        let out = run(&rules, Format::Ndjson, Limits::default(), text.as_bytes());
        assert_eq!(
            out.ok().map(|out| String::from_utf8(out).unwrap()).as_deref(),
            expect,
            "{text:?}"
        );
    };
    check("", Some(""));
    check("\n\n", Some("\n\n"));
    check("{\"a\":1}\n{\"b\":1}\r\n\n3", Some("{}\n{\"b\":1}\r\n\n3"));
    check("1\n\"x\"\n", Some("1\n\"x\"\n"));
    check("{} {}\n", None);
    check("{\n}\n", None);
    check("{}\n{", None);
    check("{}\n1x", None);
}

#[test]
fn long_strings_stream_and_are_bounded() {
    let text = format!("[\"{} ada@example.org {}\"]", "long ".repeat(9000), "long\\n".repeat(9000));
    let expect = text.replace("ada@example.org", "[redacted]");
    assert_eq!(masked(&[detect(How::Redact)], &text), expect);
    let limits = Limits { string_bytes_max: 20, ..Limits::default() };
    let out = run(&[field("$[0]", How::Partial)], Format::Json, limits, text.as_bytes()).unwrap();
    assert_eq!(out, b"[\"[redacted]\"]");
}
