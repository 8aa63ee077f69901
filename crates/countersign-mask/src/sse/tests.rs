#![expect(clippy::unwrap_in_result, reason = "a test that panics is a test that fails")]

use std::sync::Arc;

use crate::{
    Detector, FieldPath, Format, HashKey, How, Limits, Masker, Plan, Rule, Unmaskable, mask_all,
};

fn rules() -> [Rule; 2] {
    let field = Some(FieldPath::parse("$.name").unwrap());
    [
        Rule { field, detect: vec![], how: How::Redact },
        Rule { field: None, detect: vec![Detector::Email], how: How::Redact },
    ]
}

fn masked(rules: &[Rule], limits: Limits, text: &[u8]) -> Result<String, Unmaskable> {
    let plan = Arc::new(Plan::compile(rules).unwrap());
    let key = Arc::new(HashKey::new(&[7; 32]));
    let (out, _) = mask_all(&plan, &key, Format::Sse, limits, text)?;
    let mut masker = Masker::new(plan, key, Format::Sse, limits);
    let mut bytewise = Vec::new();
    for byte in text {
        masker.push(&[*byte], &mut bytewise)?;
    }
    masker.finish(&mut bytewise)?;
    assert_eq!(String::from_utf8_lossy(&bytewise), String::from_utf8_lossy(&out));
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn events() {
    let check = |text: &str, expect: &str| {
        assert_eq!(
            masked(&rules(), Limits::default(), text.as_bytes()).unwrap(),
            expect,
            "{text:?}"
        );
    };
    check("", "");
    check("\n\r\n\r", "\n\r\n\r");
    check("data: {\"name\":\"x\"}\n\n", "data: {\"name\":\"[redacted]\"}\n\n");
    check(
        "data:{\"name\":\r\ndata: \"x\"}\r\n\r\n",
        "data:{\"name\":\r\ndata: \"[redacted]\"}\r\n\r\n",
    );
    check("data: { \"x\" :1 }\ndata\nid: 7\n\n", "data: { \"x\" :1 }\ndata\nid: 7\n\n");
    check(
        ": hi a@b.de\nevent: a@b.de\nid: a@b.de\n\n",
        ": hi [redacted]\nevent: [redacted]\nid: [redacted]\n\n",
    );
    check("data: plain a@b.de\ndata: more\n\n", "data: plain [redacted]\ndata: more\n\n");
    check("data: [DONE]\n\n", "data: [DONE]\n\n");
    check("data: {\"name\":1}", "data: {\"name\":0}");
    check(
        "\u{feff}data: {\"name\":\n data\ndata: 1}\n\n",
        "\u{feff}data: {\"name\":\n data\ndata: 1}\n\n".replace("1}", "0}").as_str(),
    );
    check(
        "data: {\"name\":1}\r\rdata: {\"name\":2}\r\r",
        "data: {\"name\":0}\r\rdata: {\"name\":0}\r\r",
    );
}

#[test]
fn refusals() {
    let check = |rules: &[Rule], text: &[u8], expect: Result<&str, Unmaskable>| {
        let limits = Limits { event_bytes_max: 40, ..Limits::default() };
        assert_eq!(masked(rules, limits, text), expect.map(str::to_owned));
    };
    check(&rules(), b"\ndata: {\"name\":\n\n", Err(Unmaskable::Truncated { offset: 9 }));
    check(&rules()[1..], b"data: {oops\n\n", Ok("data: {oops\n\n"));
    check(&rules()[1..], b"data: \"\\ud800\"\n\n", Err(Unmaskable::LoneSurrogate { offset: 7 }));
    check(&rules(), b"data: \xff\n\n", Err(Unmaskable::InvalidUtf8 { offset: 6 }));
    check(&rules(), b"data: a\0\n\n", Err(Unmaskable::NotText { offset: 7 }));
    check(&rules(), &[b'x'; 41], Err(Unmaskable::EventTooLong { offset: 0 }));
}

#[test]
fn an_event_leaves_with_its_blank_line() {
    let plan = Arc::new(Plan::compile(&rules()).unwrap());
    let key = Arc::new(HashKey::new(&[7; 32]));
    let mut masker = Masker::new(plan, key, Format::Sse, Limits::default());
    let mut out = Vec::new();
    masker.push(b"data: {\"name\":1}\n", &mut out).unwrap();
    assert!(out.is_empty());
    masker.push(b"\ndata: 2", &mut out).unwrap();
    assert_eq!(out, b"data: {\"name\":0}\n\n");
}
