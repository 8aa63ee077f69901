//! The properties themselves.

use std::sync::Arc;

use countersign_mask::{
    Detector, Format, HashKey, How, Limits, Masker, Plan, Report, Rule, Unmaskable, mask_all,
};
use proptest::prelude::*;
use serde_json::Value;

use crate::documents::{document, how, oracle, path, rules, text, write};

fn key() -> Arc<HashKey> {
    Arc::new(HashKey::new(&[7; 32]))
}

fn plan(rules: &[Rule]) -> Arc<Plan> {
    Arc::new(Plan::compile(rules).unwrap())
}

fn whole(plan: &Arc<Plan>, format: Format, bytes: &[u8]) -> Result<(Vec<u8>, Report), Unmaskable> {
    mask_all(plan, &key(), format, Limits::default(), bytes)
}

fn chunked(
    plan: &Arc<Plan>,
    format: Format,
    bytes: &[u8],
    cuts: &[usize],
) -> Result<(Vec<u8>, Report), Unmaskable> {
    let mut masker = Masker::new(Arc::clone(plan), key(), format, Limits::default());
    let mut out = Vec::new();
    let mut rest = bytes;
    for cut in cuts.iter().cycle() {
        let (chunk, after) = rest.split_at(*cut.min(&rest.len()));
        masker.push(chunk, &mut out)?;
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    masker.finish(&mut out)?;
    Ok((out, masker.report()))
}

fn same(
    plan: &Arc<Plan>,
    format: Format,
    bytes: &[u8],
    cuts: &[usize],
) -> Result<(), TestCaseError> {
    let kind = |error: Unmaskable| format!("{error:?}").split(' ').next().map(str::to_owned);
    let show =
        |(out, report): (Vec<u8>, Report)| (String::from_utf8_lossy(&out).into_owned(), report);
    let one = whole(plan, format, bytes).map(show).map_err(kind);
    let many = chunked(plan, format, bytes, cuts).map(show).map_err(kind);
    prop_assert_eq!(one, many, "{:?} in chunks of {:?}", String::from_utf8_lossy(bytes), cuts);
    Ok(())
}

fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..30, 1..8)
}

fn noise() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..64)
}

fn written(value: &Value, noise: &[u8]) -> String {
    let mut out = String::new();
    write(value, &mut noise.iter().copied().cycle(), &mut out);
    out
}

/// What a field becomes, said once more.
fn replaced(how: How, value: &Value, raw: impl Fn(&Value) -> String) -> Option<Value> {
    let hash = |text: &str| Value::from(key().hash(text.as_bytes()));
    match (how, value) {
        (How::Drop, _) => None,
        (How::Null, _) | (_, Value::Null) => Some(Value::Null),
        (_, Value::Bool(_)) => Some(false.into()),
        (How::Hash, Value::String(text)) => Some(hash(text)),
        (How::Hash, _) => Some(hash(&raw(value))),
        (_, Value::Number(_)) => Some(0.into()),
        (_, Value::Object(_)) => Some(Value::Object(Default::default())),
        (_, Value::Array(_)) => Some(Value::Array(vec![])),
        (How::Redact, Value::String(_)) => Some("[redacted]".into()),
        (How::Partial, Value::String(text)) => {
            // The shape of hints is the unit tests' matter: here any hint is good enough.
            Some(Value::from(text.chars().count()))
        }
    }
}

/// Puts the length of a hint's value in place of the hint is not possible, so both sides lose it.
fn without_strings(value: &Value) -> Value {
    match value {
        Value::String(_) | Value::Number(_) => Value::from(1),
        Value::Array(elements) => elements.iter().map(without_strings).collect(),
        Value::Object(members) => {
            members.iter().map(|(key, member)| (key.clone(), without_strings(member))).collect()
        }
        Value::Null | Value::Bool(_) => value.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn chunks_do_not_matter_to_json(value in document(), rules in rules(), noise in noise(), cuts in cuts()) {
        let text = written(&value, &noise);
        same(&plan(&rules), Format::Json, text.as_bytes(), &cuts)?;
        let (out, _) = whole(&plan(&rules), Format::Json, text.as_bytes()).unwrap();
        let parsed: Result<Value, _> = serde_json::from_slice(&out);
        prop_assert!(parsed.is_ok(), "{text} became {}", String::from_utf8_lossy(&out));
    }

    #[test]
    fn chunks_do_not_matter_to_text(parts in prop::collection::vec(text(), 0..8), cuts in cuts(), how in how()) {
        let rule = Rule { field: None, detect: Detector::ALL.to_vec(), how };
        let text = parts.concat().replace('\0', "");
        same(&plan(&[rule]), Format::Text, text.as_bytes(), &cuts)?;
    }

    #[test]
    fn chunks_do_not_matter_to_events(
        lines in prop::collection::vec((0_u8..5, document(), text(), 0_usize..5), 0..10),
        rules in rules(), cuts in cuts(),
    ) {
        let mut stream = String::new();
        for (kind, value, text, end) in lines {
            match kind {
                0 => stream.push_str(&format!("data: {value}")),
                1 => stream.push_str(&format!("data:{}", text.replace(['\n', '\r', '\0'], " "))),
                2 => stream.push_str(&format!("id: {}", text.replace(['\n', '\r', '\0'], " "))),
                3 => stream.push_str(&format!("data: {:.10}", value.to_string())),
                _ => {}
            }
            stream.push_str(["\n", "\r\n", "\r", "\n\n", "\r\r"][end]);
        }
        same(&plan(&rules), Format::Sse, stream.as_bytes(), &cuts)?;
    }

    #[test]
    fn nothing_to_mask_changes_nothing(value in document(), noise in noise(), cuts in cuts()) {
        let text = written(&value, &noise);
        let (out, _) = chunked(&plan(&[]), Format::Json, text.as_bytes(), &cuts).unwrap();
        prop_assert_eq!(&out, text.as_bytes());
        let field = Some("$.nowhere.at.all".parse().unwrap());
        for how in How::ALL {
            let rule = Rule { field: field.clone(), detect: vec![], how };
            let (out, report) = chunked(&plan(&[rule]), Format::Json, text.as_bytes(), &cuts).unwrap();
            prop_assert_eq!(&out, text.as_bytes());
            prop_assert_eq!(report.masked(), 0);
        }
    }

    #[test]
    fn fields_are_masked_like_a_tree_would_be(value in document(), path in path(), how in how(), noise in noise()) {
        // Hashes of containers are over their bytes, so those are written without noise.
        let text = if how == How::Hash { value.to_string() } else { written(&value, &noise) };
        let rule = Rule { field: Some(path.clone()), detect: vec![], how };
        let (out, _) = whole(&plan(&[rule]), Format::Json, text.as_bytes()).unwrap();
        let mut out: Value = serde_json::from_slice(&out).unwrap();
        let replace = |value: &Value| replaced(how, value, Value::to_string);
        let mut expect = oracle(&value, path.segments(), &replace).unwrap_or(Value::Null);
        if how == How::Partial {
            (out, expect) = (without_strings(&out), without_strings(&expect));
        }
        prop_assert_eq!(out, expect, "{} of {}", path, text);
    }

    #[test]
    fn what_is_planted_does_not_survive(
        value in document(), noise in noise(), how in how(), cuts in cuts(),
        which in 0_usize..3, before in "[ a-z\u{e9}]{0,10} ", after in " [ a-z]{0,10}",
    ) {
        let secret = ["zoe.planted@sub.example.net", "5555 5555 5555 4444", "FR1420041010050500013M02606"][which];
        let planted = format!("{before}{secret}{after}");
        let nested = serde_json::json!({ "to": [&planted] }).to_string();
        let value = serde_json::json!({ "x": value, planted.clone(): [planted], "text": nested });
        let text = written(&value, &noise);
        let rule = Rule { field: None, detect: Detector::ALL.to_vec(), how };
        let (out, report) = chunked(&plan(&[rule]), Format::Json, text.as_bytes(), &cuts).unwrap();
        let out: Value = serde_json::from_slice(&out).unwrap();
        let flat = out.to_string();
        prop_assert!(!flat.contains(secret), "{} in {}", secret, flat);
        prop_assert!(report.masked() >= 3);
    }

    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), rules in rules(), cuts in cuts()) {
        for format in [Format::Json, Format::Ndjson, Format::Sse, Format::Text] {
            same(&plan(&rules), format, &bytes, &cuts)?;
        }
    }

    #[test]
    fn broken_json_is_told_from_whole(value in document(), noise in noise(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cuts in cuts()) {
        let mut bytes = written(&value, &noise).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let rule = Rule { field: Some("$..a".parse().unwrap()), detect: Detector::ALL.to_vec(), how: How::Redact };
        let plan = plan(&[rule]);
        same(&plan, Format::Json, &bytes, &cuts)?;
        let ours = whole(&plan, Format::Json, &bytes).is_ok();
        // Numbers beyond a double are grammar all the same.
        let theirs = serde_json::from_slice::<Box<serde_json::value::RawValue>>(&bytes).is_ok()
            && std::str::from_utf8(&bytes).is_ok();
        prop_assert!(!ours || theirs, "{}", String::from_utf8_lossy(&bytes));
    }
}
