//! Random documents, plans and cuts, and the slow but obvious way to mask a field.

use countersign_mask::{Detector, FieldPath, How, Rule, Segment, Selector};
use proptest::prelude::*;
use serde_json::{Map, Value};

pub(crate) const KEYS: [&str; 5] = ["a", "b", "email", "no te", "\u{e9}\"\\"];

/// Strings that hold something, something like it, and nothing.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9 .:+()/@-]{0,40}",
        Just("ada@example.org".to_owned()),
        "[a-z ]{0,8}(ada@example.org|4111 1111 1111 1111|DE89 3704 0044 0532 0130 00)[ .;x]{0,3}",
        "[ (]?(10\\.0\\.0\\.1|fe80::1|415-555-2671|\\+49 30 1234567|eyJhbGciOiJIUzI1NiJ9\\.eyJzdWIiOiIxIn0\\.dGVz)[ .\\-]{0,2}[a-z0-9]{0,2}",
    ]
}

pub(crate) fn document() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<i32>().prop_map(|quarters| Value::from(f64::from(quarters) / 4.0)),
        Just(Value::from(4_111_111_111_111_111_u64)),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key(), inner), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(&KEYS[..]).prop_map(str::to_owned), 1 => text()]
}

pub(crate) fn how() -> impl Strategy<Value = How> {
    prop::sample::select(&How::ALL[..])
}

pub(crate) fn path() -> impl Strategy<Value = FieldPath> {
    let step = prop_oneof![
        Just("['a']".to_owned()),
        Just(".b".to_owned()),
        Just(".email".to_owned()),
        Just("['\\u00e9\"\\\\']".to_owned()),
        Just("[*]".to_owned()),
        Just("[1]".to_owned()),
        Just("..a".to_owned()),
        Just("..email".to_owned()),
        Just("..[0]".to_owned()),
    ];
    prop::collection::vec(step, 0..4)
        .prop_map(|steps| FieldPath::parse(&format!("${}", steps.concat())).unwrap())
}

pub(crate) fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let detectors = prop::collection::vec(prop::sample::select(&Detector::ALL[..]), 0..7);
    let rule = (prop::option::of(path()), detectors, how()).prop_map(|(field, mut detect, how)| {
        if field.is_none() && detect.is_empty() {
            detect = Detector::ALL.to_vec();
        }
        Rule { field, detect, how }
    });
    prop::collection::vec(rule, 1..4)
}

/// Writes a document with random blanks and escapes.
pub(crate) fn write(value: &Value, noise: &mut impl Iterator<Item = u8>, out: &mut String) {
    blank(noise, out);
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => out.push_str(&value.to_string()),
        Value::String(text) => write_string(text, noise, out),
        Value::Array(elements) => {
            out.push('[');
            for (position, element) in elements.iter().enumerate() {
                out.push_str(if position == 0 { "" } else { "," });
                write(element, noise, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            out.push('{');
            for (position, (key, member)) in members.iter().enumerate() {
                out.push_str(if position == 0 { "" } else { "," });
                blank(noise, out);
                write_string(key, noise, out);
                blank(noise, out);
                out.push(':');
                write(member, noise, out);
            }
            out.push('}');
        }
    }
    blank(noise, out);
}

fn blank(noise: &mut impl Iterator<Item = u8>, out: &mut String) {
    match noise.next() {
        Some(0..=15) => out.push(' '),
        Some(16..=20) => out.push_str("\r\t"),
        _ => {}
    }
}

fn write_string(text: &str, noise: &mut impl Iterator<Item = u8>, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        if noise.next().unwrap_or(255) < 20 {
            for unit in character.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04X}"));
            }
        } else {
            let quoted = serde_json::to_string(&character).unwrap();
            out.push_str(quoted.get(1..quoted.len() - 1).unwrap());
        }
    }
    out.push('"');
}

/// Masks one field the slow way: a tree, a path at a time. Nothing means dropped.
pub(crate) fn oracle(
    value: &Value,
    segments: &[Segment],
    replace: &impl Fn(&Value) -> Option<Value>,
) -> Option<Value> {
    let mut sets = vec![segments];
    walk(value, &mut sets, replace)
}

fn walk(
    value: &Value,
    sets: &mut [&[Segment]],
    replace: &impl Fn(&Value) -> Option<Value>,
) -> Option<Value> {
    if sets.iter().any(|rest| rest.is_empty()) {
        return replace(value);
    }
    let below = |name: Option<&str>, index: Option<u64>| {
        let mut next: Vec<&[Segment]> = Vec::new();
        for rest in sets.iter() {
            let (selector, stays) = match &rest[0] {
                Segment::Child(selector) => (selector, false),
                Segment::Descendant(selector) => (selector, true),
            };
            if stays {
                next.push(rest);
            }
            let selected = match selector {
                Selector::Wildcard => true,
                Selector::Name(wanted) => name == Some(wanted.as_ref()),
                Selector::Index(wanted) => index == Some(*wanted),
            };
            if selected {
                next.push(&rest[1..]);
            }
        }
        next
    };
    Some(match value {
        Value::Object(members) => Value::Object(
            members
                .iter()
                .filter_map(|(key, member)| {
                    let mut next = below(Some(key), None);
                    Some((key.clone(), walk(member, &mut next, replace)?))
                })
                .collect(),
        ),
        Value::Array(elements) => Value::Array(
            elements
                .iter()
                .zip(0..)
                .filter_map(|(element, index)| {
                    walk(element, &mut below(None, Some(index)), replace)
                })
                .collect(),
        ),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    })
}
