#![expect(clippy::unwrap_in_result, reason = "a test that panics is a test that fails")]

use std::sync::Arc;

use crate::{
    Detector, FieldPath, Format, HashKey, How, Limits, Masker, Plan, Rule, Unmaskable, mask_all,
};

fn masked(how: How, text: &[u8]) -> Result<String, Unmaskable> {
    let rule = Rule { field: None, detect: Detector::ALL.to_vec(), how };
    let plan = Arc::new(Plan::compile(&[rule]).unwrap());
    let key = Arc::new(HashKey::new(&[7; 32]));
    let (out, _) = mask_all(&plan, &key, Format::Text, Limits::default(), text)?;
    let mut masker = Masker::new(plan, key, Format::Text, Limits::default());
    let mut bytewise = Vec::new();
    for byte in text {
        masker.push(&[*byte], &mut bytewise)?;
    }
    masker.finish(&mut bytewise)?;
    assert_eq!(String::from_utf8_lossy(&bytewise), String::from_utf8_lossy(&out));
    Ok(String::from_utf8(out).unwrap())
}

#[test]
fn finds_are_replaced_and_the_rest_passes() {
    let check =
        |how, text: &str, expect: &str| assert_eq!(masked(how, text.as_bytes()).unwrap(), expect);
    check(How::Redact, "", "");
    check(How::Redact, "a \"quoted\" b\\c\r\n", "a \"quoted\" b\\c\r\n");
    check(How::Redact, "name,mail\r\nAda,ada@example.org\r\n", "name,mail\r\nAda,[redacted]\r\n");
    check(How::Drop, "to ada@example.org!", "to !");
    check(How::Null, "to ada@example.org!", "to !");
    check(How::Partial, "4111-1111-1111-1111 ok", "************1111 ok");
    check(How::Redact, "j\u{fc}rgen@example.org \u{1f600}", "[redacted] \u{1f600}");
}

#[test]
fn what_is_no_text_is_refused() {
    assert_eq!(masked(How::Redact, b"a\xffb"), Err(Unmaskable::InvalidUtf8 { offset: 1 }));
    assert_eq!(masked(How::Redact, b"ab\xc3"), Err(Unmaskable::InvalidUtf8 { offset: 3 }));
    assert_eq!(masked(How::Redact, b"a\0@\0b\0"), Err(Unmaskable::NotText { offset: 1 }));
}

#[test]
fn a_field_in_text_is_refused_even_before_the_first_byte() {
    let field = Some(FieldPath::parse("$.a").unwrap());
    let plan = Plan::compile(&[Rule { field, detect: vec![], how: How::Redact }]).unwrap();
    let key = Arc::new(HashKey::new(&[7; 32]));
    let mut masker = Masker::new(Arc::new(plan), key, Format::Text, Limits::default());
    assert_eq!(masker.push(b"", &mut Vec::new()), Err(Unmaskable::FieldRuleOnText));
    assert_eq!(masker.finish(&mut Vec::new()), Err(Unmaskable::FieldRuleOnText));
}

#[test]
fn text_flows() {
    let rule = Rule { field: None, detect: Detector::ALL.to_vec(), how: How::Redact };
    let plan = Arc::new(Plan::compile(&[rule]).unwrap());
    let key = Arc::new(HashKey::new(&[7; 32]));
    let mut masker = Masker::new(plan, key, Format::Text, Limits::default());
    let mut out = Vec::new();
    masker.push(b"Hello, world. Here is more", &mut out).unwrap();
    assert_eq!(out, b"Hello, world. Here is ");
    masker.push(b"@example.org now\n", &mut out).unwrap();
    assert_eq!(out, b"Hello, world. Here is [redacted] now\n");
}
